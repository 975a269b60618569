//! Sweeping on the writer thread, a bounded number of keys to a transaction.

use tokio::sync::oneshot;

use super::SqliteStore;
use super::group::{Group, Job};
use crate::clock::Timestamp;
use crate::failpoint::{Point, reached};
use crate::record::State;
use crate::record::transition::{self, Change, Transition};
use crate::scope::RecordId;
use crate::store::{StoreError, Sweep, Swept};

/// So many keys at most in one step: a request that waits behind it hardly notices.
const STEP: usize = 256;

impl Sweep for SqliteStore {
    async fn sweep(&self) -> Result<Swept, StoreError> {
        self.shared.writer.check_open()?;
        let due = self.shared.index.due(STEP, self.shared.clock.now());
        if due.is_empty() {
            return Ok(Swept::default());
        }
        reached(Point::SweepAsked);
        let swept = self.shared.writer.submit(|reply| SweepJob::new(due, reply)).await?;
        reached(Point::Swept);
        swept
    }
}

struct SweepJob {
    due: Vec<RecordId>,
    swept: Swept,
    /// How far its keys make the store forget.
    forgotten: Option<Timestamp>,
    reply: oneshot::Sender<Result<Swept, StoreError>>,
}

impl SweepJob {
    fn new(due: Vec<RecordId>, reply: oneshot::Sender<Result<Swept, StoreError>>) -> Self {
        let swept = Swept { more: due.len() == STEP, ..Swept::default() };
        Self { due, swept, forgotten: None, reply }
    }
}

impl Job for SweepJob {
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        for id in std::mem::take(&mut self.due) {
            let held = match group.hold(id)? {
                Ok(held) => held,
                Err(unreadable) => {
                    // It stays: what cannot be read is never forgotten by itself.
                    tracing::error!(%id, error = %unreadable, "a record cannot be swept");
                    group.state.index.postpone(id, Timestamp::MAX);
                    continue;
                }
            };
            let Some(record) = &held.record else { continue };
            let Transition { change, outcome: forgotten } = transition::sweep(record, group.now);
            self.forgotten = self.forgotten.max(forgotten);
            if let (Change::Keep, State::Completed { expires_at, .. }) = (&change, &record.state) {
                group.state.index.postpone(id, *expires_at);
            }
            self.swept.count(record, &change);
            group.change(&held, change)?;
        }
        if let Some(forgotten) = self.forgotten {
            group.forget_through(forgotten)?;
        }
        reached(Point::SweepApplied);
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        // Whoever asked may have gone; what is committed stays committed.
        let _ = self.reply.send(group.map(|()| self.swept));
    }
}
