//! What a person does, on PostgreSQL: the same compare-and-set as every rarer verb.

use sqlx::Row;

use super::argument::Argument;
use super::claim::LOOKS_MAX;
use super::error::{in_doubt, not_applied};
use super::row::Seen;
use super::verbs::KEPT_CHANGING;
use super::write::Written;
use super::{PostgresStore, Shared};
use crate::clock::Timestamp;
use crate::record::transition::{
    self, Change, DeleteOutcome, Resolution, ResolveOutcome, Transition,
};
use crate::record::{Record, Token};
use crate::scope::RecordId;
use crate::store::operate::NotACursor;
use crate::store::{Cursor, Filter, IdPrefix, Listed, Operate, Page, Standing, StoreError};

impl Operate for PostgresStore {
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        self.shared.step(id, transition::show).await
    }

    /// By id. Each page reads the table by its primary key from where the last one ended.
    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        let from = match from {
            Some(cursor) => Some(cursor.id().ok_or_else(|| not_applied(NotACursor))?),
            None => None,
        };
        self.shared.page(filter, from, at_most.max(1)).await
    }

    /// Of many, as the server believes since it last looked (`ANALYZE`).
    async fn about_how_many(&self) -> Result<u64, StoreError> {
        let rows = self.shared.sessions.run(&self.shared.statements.about_how_many, vec![]).await?;
        let many: i64 = match rows.first() {
            Some(row) => row.try_get("many").map_err(not_applied)?,
            None => 0,
        };
        Ok(u64::try_from(many).unwrap_or_default())
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        let verb = |record: Option<&_>, now| transition::resolve(record, token, &resolution, now);
        self.shared.step_by_a_person(id, token, verb).await
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        let verb = |record: Option<&_>, now| transition::delete(record, token, now);
        self.shared.step_by_a_person(id, token, verb).await
    }
}

impl Shared {
    /// As [`Shared::step`]; but nobody is told that somebody was faster who may have been it themselves,
    /// on a connection that broke before they heard of it.
    async fn step_by_a_person<O>(
        &self,
        id: RecordId,
        token: Token,
        verb: impl Fn(Option<&Record>, Timestamp) -> Transition<O>,
    ) -> Result<O, StoreError> {
        let mut may_be_gone = false;
        for _ in 0..LOOKS_MAX {
            let seen = self.read(id).await?;
            let standing = seen.standing()?;
            let is_there = standing.is_some_and(|standing| standing.record.token == token);
            if may_be_gone && !is_there {
                return Err(in_doubt("the connection broke while the record was removed"));
            }
            let step = verb(standing.map(|standing| &standing.record), seen.now);
            let removes = step.change == Change::Remove;
            match self.write_telling(id, standing, step.change).await? {
                Written::Done => return Ok(step.outcome),
                Written::Changed => {}
                Written::InDoubt => may_be_gone |= removes,
            }
        }
        Err(not_applied(KEPT_CHANGING))
    }

    async fn page(
        &self,
        filter: &Filter,
        from: Option<RecordId>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        let (first, last) = bounds(&filter.prefix);
        let after = from.map(|id| id.as_bytes().to_vec());
        let rows = self.sessions.run(
            &self.statements.list,
            vec![
                self.now_argument(),
                Argument::Bytes(after),
                Argument::bytes(first.as_bytes()),
                Argument::bytes(last.as_bytes()),
                Argument::Bytes(filter.scope.map(|scope| scope.as_bytes().to_vec())),
                Argument::Text(filter.state.map(word).map(str::to_owned)),
                Argument::Int(Some(i64::try_from(at_most).unwrap_or(i64::MAX))),
            ],
        );
        let rows = rows.await?;
        let mut page = Page::default();
        let mut end = None;
        for row in &rows {
            let seen = Seen::read(row).map_err(not_applied)?;
            end = Some(seen.id);
            let listed = match seen.standing() {
                Ok(Some(standing)) => filter.take(seen.id, &standing.record, seen.now),
                Ok(None) => None,
                Err(unreadable) => Some(Listed { id: seen.id, record: Err(unreadable) }),
            };
            page.records.extend(listed);
        }
        page.next = end.filter(|_| rows.len() == at_most).map(|id| Cursor::new(id.hex()));
        Ok(page)
    }
}

/// What the state's column may say. An execution whose owner vanished is found indeterminate.
fn word(state: Standing) -> &'static str {
    match state {
        Standing::InProgress => "in_progress",
        Standing::Indeterminate => "indeterminate",
        Standing::Completed => "completed",
    }
}

/// The ids that begin with a prefix lie between these.
fn bounds(prefix: &IdPrefix) -> (RecordId, RecordId) {
    let filled = |digit: &str| {
        let digits = prefix.as_str();
        let all = format!("{digits}{}", digit.repeat(32 - digits.len()));
        IdPrefix::parse(&all).ok().and_then(|all| all.whole())
    };
    let of = |digit| filled(digit).expect("it is filled up to a whole id");
    (of("0"), of("f"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_of_ids() {
        let range = |text| bounds(&IdPrefix::parse(text).expect("it is one"));
        let id = |byte| RecordId::from_bytes([byte; 16]);
        assert_eq!(range(""), (id(0), id(0xff)));
        let (first, last) = range("a");
        assert_eq!((first.as_bytes()[0], last.as_bytes()[0]), (0xa0, 0xaf));
        assert_eq!(range(&"ab".repeat(16)), (id(0xab), id(0xab)));
    }
}
