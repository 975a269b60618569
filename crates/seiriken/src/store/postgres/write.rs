//! Compare-and-set: a record is changed only while it is what it was when it was read.

use super::Shared;
use super::argument::Argument;
use super::columns::{columns, number_of};
use super::row::Standing;
use crate::record::transition::Change;
use crate::scope::RecordId;
use crate::store::StoreError;

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Done,
    /// Nothing was written: it is not what it was.
    Changed,
    /// It is not what it was; but a connection broke, and it may be so by this very change.
    InDoubt,
}

impl Shared {
    /// Writes a change, if the record is still what it was. `false` if it is not.
    pub(super) async fn write(
        &self,
        id: RecordId,
        before: Option<&Standing>,
        change: Change,
    ) -> Result<bool, StoreError> {
        self.write_telling(id, before, change).await.map(|written| written == Written::Done)
    }

    /// The same, for whoever has to know whether it was they who have changed it.
    pub(super) async fn write_telling(
        &self,
        id: RecordId,
        before: Option<&Standing>,
        change: Change,
    ) -> Result<Written, StoreError> {
        let int = |number: i64| Argument::Int(Some(number));
        let (statement, arguments) = match (before, change) {
            (_, Change::Keep) | (None, Change::Remove) => return Ok(Written::Done),
            (None, Change::Put(record)) => {
                (&self.statements.insert, self.with_now(columns(&id, &record)))
            }
            (Some(before), Change::Put(record)) => {
                let mut arguments = self.with_now(columns(&id, &record));
                arguments.push(int(number_of(before.record.token)));
                arguments.push(int(before.revision));
                (&self.statements.update, arguments)
            }
            (Some(before), Change::Remove) => {
                let token = int(number_of(before.record.token));
                let arguments = vec![Argument::bytes(id.as_bytes()), token, int(before.revision)];
                (&self.statements.remove, arguments)
            }
        };
        let ran = self.sessions.run_telling(statement, arguments).await?;
        Ok(match (ran.rows.is_empty(), ran.twice) {
            (false, _) => Written::Done,
            (true, false) => Written::Changed,
            (true, true) => Written::InDoubt,
        })
    }
}
