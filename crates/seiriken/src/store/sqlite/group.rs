//! One group: the jobs that share a transaction, and what they change together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::error::{corrupt, not_applied};
use super::index::{Place, Slot, unsettled_share};
use super::rows::{self, Statements};
use super::tokens::row_of;
use super::tx::{self, SqliteTx};
use super::writer::WriterState;
use crate::clock::Timestamp;
use crate::failpoint::{Point, reached};
use crate::record::transition::Change;
use crate::record::{EffectClass, Record, State, Token};
use crate::scope::RecordId;
use crate::store::StoreError;
use crate::store::usage::Share;

/// Something to do in the writer's transaction.
pub(super) trait Job: Send {
    /// Does it. An error means that the whole group is lost, also for the other jobs in it; what
    /// concerns this job alone it keeps for its own answer.
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error>;

    /// Answers its caller, after the commit. `Err` says why the group did not come about.
    fn settle(self: Box<Self>, group: Result<(), StoreError>);
}

/// The transaction that is being written.
pub(super) struct Group<'g, 'c> {
    pub(super) connection: &'c Connection,
    pub(super) statements: &'g mut Statements<'c>,
    pub(super) state: &'g WriterState,
    pub(super) now: Timestamp,
    undo: Vec<(RecordId, Option<Slot>)>,
    /// Answers that stand from the commit on.
    answered: Vec<(i64, Record)>,
    /// Rows that are gone from then on.
    deleted: Vec<i64>,
    /// What was counted, as it was and as it became.
    counted: Vec<[Option<Share>; 2]>,
}

/// A key that the group holds, as the group found it.
pub(super) struct Held {
    id: RecordId,
    /// Its row in the file.
    pub(super) row: Option<i64>,
    /// Its record, also when it has expired.
    pub(super) record: Option<Arc<Record>>,
    /// What it counts for.
    share: Option<Share>,
}

/// How an effect in a savepoint ended.
pub(super) enum Effect<T, E> {
    Done(T),
    RolledBack(E),
    Panicked(Box<dyn std::any::Any + Send>),
}

impl<'g, 'c> Group<'g, 'c> {
    pub(super) fn new(
        connection: &'c Connection,
        statements: &'g mut Statements<'c>,
        state: &'g WriterState,
    ) -> Self {
        let now = state.clock.now();
        Self {
            connection,
            statements,
            state,
            now,
            undo: Vec::new(),
            answered: Vec::new(),
            deleted: Vec::new(),
            counted: Vec::new(),
        }
    }

    pub(super) fn fresh_token(&self) -> Token {
        self.state.tokens.fresh()
    }

    /// Holds the key for this group and reads its record as it stands within the group. The outer
    /// error loses the group, the inner one is this record's alone.
    pub(super) fn hold(
        &mut self,
        id: RecordId,
    ) -> Result<Result<Held, StoreError>, rusqlite::Error> {
        let (place, before) = self.state.index.hold(id);
        self.undo.push((id, before));
        let held = match place {
            Place::Unsettled { record, durable } => {
                let row = durable.then(|| row_of(record.token));
                let share = Some(unsettled_share(&record));
                Held { id, row, record: Some(record), share }
            }
            Place::Stored { token, .. } => {
                let row = self.statements.get(token)?;
                let row = row.ok_or_else(|| corrupt("the row of a record is missing"));
                let bytes = row.as_ref().map_or(0, Vec::len);
                match row.and_then(|row| rows::decode(&id, row)) {
                    Ok(record) => {
                        let share = Some(share(&record, bytes));
                        Held { id, row: Some(token), record: Some(Arc::new(record)), share }
                    }
                    Err(unreadable) => return Ok(Err(unreadable)),
                }
            }
            Place::Gone => Held { id, row: None, record: None, share: None },
        };
        Ok(Ok(held))
    }

    /// Applies a change to a key that is held: its row, and its place once the group is committed.
    pub(super) fn change(&mut self, held: &Held, change: Change) -> Result<(), rusqlite::Error> {
        let (place, share) = match change {
            Change::Keep => return Ok(()),
            Change::Put(record) => self.put(held, record)?,
            Change::Remove => {
                if let Some(row) = held.row {
                    self.delete(row)?;
                }
                (Place::Gone, None)
            }
        };
        self.state.index.settle_to(held.id, place);
        self.state.index.usage.change(held.share, share);
        self.counted.push([held.share, share]);
        Ok(())
    }

    fn put(
        &mut self,
        held: &Held,
        record: Record,
    ) -> Result<(Place, Option<Share>), rusqlite::Error> {
        let completed = matches!(record.state, State::Completed { .. });
        let durable = completed || record.class != EffectClass::Transactional || held.row.is_some();
        let bytes = if durable { self.statements.put(&held.id, &record)? } else { 0 };
        reached(Point::RowWritten);
        let row = row_of(record.token);
        if let Some(earlier) = held.row.filter(|earlier| *earlier != row) {
            self.delete(earlier)?;
        }
        let (place, share) = if let State::Completed { expires_at, .. } = record.state {
            let (expires_at, share) = (Some(expires_at), share(&record, bytes));
            self.answered.push((row, record));
            (Place::Stored { token: row, expires_at }, share)
        } else {
            let share = unsettled_share(&record);
            (Place::Unsettled { record: Arc::new(record), durable }, share)
        };
        Ok((place, Some(share)))
    }

    fn delete(&mut self, row: i64) -> Result<(), rusqlite::Error> {
        self.deleted.push(row);
        self.statements.delete(row)
    }

    /// Remembers, in the same transaction, how far its removals make the store forget.
    pub(super) fn forget_through(&mut self, to: Timestamp) -> Result<(), rusqlite::Error> {
        self.state.index.swept_through.raise(to);
        self.statements.swept_through(to)
    }

    /// Runs an effect in a savepoint of its own: an `Err` or a panic takes back its writes alone.
    pub(super) fn effect<T, E>(
        &mut self,
        effect: impl FnOnce(&SqliteTx<'_>) -> Result<T, E>,
    ) -> Result<Effect<T, E>, rusqlite::Error> {
        self.statements.savepoint.execute([])?;
        let connection = self.connection;
        // What the closure leaves half-done in the database is rolled back; what else it shares
        // is its own to keep in order, as with any panic in a handler.
        let ended = catch_unwind(AssertUnwindSafe(|| tx::run_effect(connection, effect)));
        if connection.is_autocommit() {
            // A full disk and the like make SQLite roll back everything, not only this savepoint.
            return Err(rusqlite::Error::InvalidQuery);
        }
        let effect = match ended {
            Ok(Ok(value)) => Effect::Done(value),
            Ok(Err(refusal)) => Effect::RolledBack(refusal),
            Err(panic) => Effect::Panicked(panic),
        };
        if !matches!(effect, Effect::Done(_)) {
            self.statements.rollback_to.execute([])?;
        }
        self.statements.release.execute([])?;
        Ok(effect)
    }

    /// The group is committed.
    pub(super) fn settled(self) {
        for (token, record) in self.answered {
            self.state.recent.keep(token, record);
        }
        for row in self.deleted {
            self.state.recent.forget(row);
        }
        for (id, _) in &self.undo {
            self.state.index.settled(id);
        }
    }

    /// The group was rolled back: every key is what it was.
    pub(super) fn undone(self) {
        for (id, before) in self.undo.into_iter().rev() {
            self.state.index.undo(id, before);
        }
        for [before, after] in self.counted.into_iter().rev() {
            self.state.index.usage.change(after, before);
        }
    }
}

/// What a stored record counts for: what the file has of it.
fn share(record: &Record, bytes: usize) -> Share {
    Share { scope: record.scope, bytes: u32::try_from(bytes).unwrap_or(u32::MAX) }
}

/// A closure of the user that writes without any key.
pub(super) struct WriteJob<F, T, E> {
    write: Option<F>,
    ended: Option<Effect<T, E>>,
    reply: oneshot::Sender<Result<Result<T, E>, StoreError>>,
}

impl<F, T, E> WriteJob<F, T, E> {
    pub(super) fn new(write: F, reply: oneshot::Sender<Result<Result<T, E>, StoreError>>) -> Self {
        Self { write: Some(write), ended: None, reply }
    }
}

impl<F, T, E> Job for WriteJob<F, T, E>
where
    F: FnOnce(&SqliteTx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        if let Some(write) = self.write.take() {
            self.ended = Some(group.effect(write)?);
        }
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        let answer = match (group, self.ended) {
            (Err(lost), _) => Err(lost),
            (Ok(()), Some(Effect::Done(value))) => Ok(Ok(value)),
            (Ok(()), Some(Effect::RolledBack(refusal))) => Ok(Err(refusal)),
            (Ok(()), Some(Effect::Panicked(_)) | None) => {
                Err(not_applied("the closure panicked; nothing of it was written"))
            }
        };
        // Whoever asked may have gone; what is committed stays committed.
        let _ = self.reply.send(answer);
    }
}
