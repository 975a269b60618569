//! Compare-and-set: a record is changed only while it is what it was when it was read.

use super::Shared;
use super::argument::Argument;
use super::columns::{columns, number_of};
use super::row::Standing;
use crate::record::transition::Change;
use crate::scope::RecordId;
use crate::store::StoreError;

impl Shared {
    /// Writes a change, if the record is still what it was. `false` if it is not.
    pub(super) async fn write(
        &self,
        id: RecordId,
        before: Option<&Standing>,
        change: Change,
    ) -> Result<bool, StoreError> {
        let int = |number: i64| Argument::Int(Some(number));
        let (statement, arguments) = match (before, change) {
            (_, Change::Keep) | (None, Change::Remove) => return Ok(true),
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
        Ok(!self.sessions.run(statement, arguments).await?.is_empty())
    }
}
