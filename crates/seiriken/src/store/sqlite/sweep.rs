//! Sweeping on the writer thread, a bounded number of rows to a transaction.
//!
//! What is unsettled stands in the index. Answers stand in the file, and the sweeper goes to the
//! blocks of rows in which one has expired ([`Expiries`]), never through all keys.
//!
//! [`Expiries`]: super::expiries::Expiries

#[cfg(all(test, not(seiriken_shuttle)))]
mod tests;

use std::sync::Arc;

use tokio::sync::oneshot;

use super::SqliteStore;
use super::expiries::Block;
use super::group::{Group, Held, Job};
use super::index::Index;
use super::rows::Settled;
use crate::clock::Timestamp;
use crate::failpoint::{Point, reached};
use crate::record::State;
use crate::record::transition::{self, Change, Transition};
use crate::scope::RecordId;
use crate::store::{StoreError, Sweep, Swept};

/// So many unsettled keys at most in one step, and no other block after so many rows: a request
/// that waits behind it hardly notices.
const STEP: usize = Block::ROWS;

impl Sweep for SqliteStore {
    async fn sweep(&self) -> Result<Swept, StoreError> {
        loop {
            self.shared.writer.check_open()?;
            let (index, now) = (&self.shared.index, self.shared.clock.now());
            let unsettled = index.unsettled_due(STEP, now);
            if unsettled.is_empty() && !index.expiries().is_due(now) {
                return Ok(Swept::default());
            }
            reached(Point::SweepAsked);
            let job = |reply| SweepJob::new(Arc::clone(index), unsettled, reply);
            let swept = self.shared.writer.submit(job).await?;
            reached(Point::Swept);
            let swept = swept?;
            // Rows that are gone already, or cannot be read, are set aside by a step: behind them
            // there may be others.
            let nothing = Swept { more: true, ..Swept::default() };
            if swept != nothing {
                return Ok(swept);
            }
        }
    }
}

struct SweepJob {
    index: Arc<Index>,
    unsettled: Vec<RecordId>,
    /// The blocks that were looked at, with the times that they had.
    taken: Vec<(Block, Timestamp)>,
    /// When the next of what is left in them expires.
    left: Vec<(Block, Timestamp)>,
    /// Keys and rows that were looked at.
    looked: usize,
    swept: Swept,
    /// How far its keys make the store forget.
    forgotten: Option<Timestamp>,
    reply: oneshot::Sender<Result<Swept, StoreError>>,
}

impl SweepJob {
    fn new(
        index: Arc<Index>,
        unsettled: Vec<RecordId>,
        reply: oneshot::Sender<Result<Swept, StoreError>>,
    ) -> Self {
        Self {
            index,
            unsettled,
            taken: Vec::new(),
            left: Vec::new(),
            looked: 0,
            swept: Swept::default(),
            forgotten: None,
            reply,
        }
    }

    /// Sweeps the rows of a block whose time is up.
    fn sweep_block(
        &mut self,
        group: &mut Group<'_, '_>,
        block: Block,
    ) -> Result<(), rusqlite::Error> {
        let rows = group.statements.settled(block)?;
        // To find nothing takes a look as well.
        self.looked += rows.len().max(1);
        for row in rows {
            let next = if group.now < row.expires_at {
                Some(row.expires_at)
            } else {
                self.sweep_row(group, &row)?
            };
            self.left.extend(next.map(|at| (block, at)));
        }
        Ok(())
    }

    /// Sweeps a row whose time is up. Answers when to look at it again: never where that is of no
    /// use.
    fn sweep_row(
        &mut self,
        group: &mut Group<'_, '_>,
        row: &Settled,
    ) -> Result<Option<Timestamp>, rusqlite::Error> {
        let Some(id) = row.id else { return Ok(None) };
        let held = match group.hold(id)? {
            Ok(held) => held,
            Err(unreadable) => {
                // It stays: what cannot be read is never forgotten by itself.
                tracing::error!(%id, error = %unreadable, "a record cannot be swept");
                return Ok(None);
            }
        };
        if held.row != Some(row.token) {
            return Ok(None);
        }
        self.sweep_held(group, &held)
    }

    /// Does what is due to a key. Answers when its answer expires, if that is later.
    fn sweep_held(
        &mut self,
        group: &mut Group<'_, '_>,
        held: &Held,
    ) -> Result<Option<Timestamp>, rusqlite::Error> {
        let Some(record) = held.record.as_deref() else { return Ok(None) };
        let Transition { change, outcome: forgotten } = transition::sweep(record, group.now);
        self.forgotten = self.forgotten.max(forgotten);
        self.swept.count(record, &change);
        let next = match (&change, &record.state) {
            (Change::Keep, State::Completed { expires_at, .. }) => Some(*expires_at),
            _ => None,
        };
        group.change(held, change)?;
        Ok(next)
    }
}

impl Job for SweepJob {
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        let unsettled = std::mem::take(&mut self.unsettled);
        for id in &unsettled {
            if let Ok(held) = group.hold(*id)? {
                self.sweep_held(group, &held)?;
            }
        }
        self.looked = unsettled.len();
        while self.looked < STEP {
            let Some(taken) = self.index.expiries().take_due(group.now) else { break };
            self.taken.push(taken);
            self.sweep_block(group, taken.0)?;
        }
        self.swept.more = unsettled.len() == STEP || self.index.expiries().is_due(group.now);
        if let Some(forgotten) = self.forgotten {
            group.forget_through(forgotten)?;
        }
        reached(Point::SweepApplied);
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        // What was stored in the same group, or after it, has said its times by itself.
        let times = if group.is_ok() { &self.left } else { &self.taken };
        let mut expiries = self.index.expiries();
        for (block, at) in times {
            expiries.lower(*block, *at);
        }
        drop(expiries);
        // Whoever asked may have gone; what is committed stays committed.
        let _ = self.reply.send(group.map(|()| self.swept));
    }
}
