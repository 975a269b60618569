//! The commit of an effect together with its record.

use std::any::Any;

use tokio::sync::oneshot;

use super::group::{Effect, Group, Job};
use super::tx::SqliteTx;
use crate::clock::Timestamp;
use crate::failpoint::{Point, reached};
use crate::record::transition::{self, CompleteOutcome};
use crate::record::{Record, RecordedResponse, State, Token};
use crate::scope::RecordId;
use crate::store::StoreError;

/// An effect that is committed, with its answer.
#[derive(Debug)]
pub struct Committed<T> {
    /// The answer as it was recorded, and as every retry will get it.
    pub response: RecordedResponse,
    /// What the closure answered beside it.
    pub value: T,
}

/// An effect that was not committed, or may not have been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError<E> {
    /// The closure refused. Nothing was written, the key is free.
    #[error("rolled back: {0}")]
    RolledBack(E),
    /// The closure panicked. Nothing was written, the key is free.
    #[error("the closure panicked and was rolled back")]
    Panicked(Box<dyn Any + Send>),
    /// The execution is no longer this owner's: its lease ran out and the work was taken over.
    /// Nothing was written by this one.
    #[error("the lease was lost before the commit; nothing was written")]
    LeaseLost,
    /// The store failed. Whether it was written, the error says
    /// ([`StoreError::may_have_been_applied`]).
    #[error(transparent)]
    Store(StoreError),
}

type Answer<T, E> = Result<Committed<T>, CommitError<E>>;

pub(super) struct CommitJob<F, T, E> {
    id: RecordId,
    token: Token,
    effect: Option<F>,
    answer: Option<Answer<T, E>>,
    reply: oneshot::Sender<Answer<T, E>>,
}

impl<F, T, E> CommitJob<F, T, E> {
    pub(super) fn new(
        id: RecordId,
        token: Token,
        effect: F,
        reply: oneshot::Sender<Answer<T, E>>,
    ) -> Self {
        Self { id, token, effect: Some(effect), answer: None, reply }
    }

    /// Whether the execution may still commit. Looked at while the group holds the key: nobody
    /// takes it over between this look and the commit.
    fn owns(&self, record: Option<&Record>, now: Timestamp) -> bool {
        record.is_some_and(|record| {
            record.token == self.token
                && matches!(record.state, State::InProgress { .. })
                && !record.expired(now)
        })
    }
}

impl<F, T, E> Job for CommitJob<F, T, E>
where
    F: FnOnce(&SqliteTx<'_>) -> Result<(RecordedResponse, T), E> + Send,
    T: Send,
    E: Send,
{
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        let Some(effect) = self.effect.take() else { return Ok(()) };
        let held = match group.hold(self.id)? {
            Ok(held) => held,
            Err(unreadable) => {
                self.answer = Some(Err(CommitError::Store(unreadable)));
                return Ok(());
            }
        };
        if !self.owns(held.record.as_deref(), group.now) {
            self.answer = Some(Err(CommitError::LeaseLost));
            return Ok(());
        }
        self.answer = Some(match group.effect(effect)? {
            Effect::RolledBack(refusal) => Err(CommitError::RolledBack(refusal)),
            Effect::Panicked(panic) => Err(CommitError::Panicked(panic)),
            Effect::Done((response, value)) => {
                reached(Point::EffectWritten);
                let record = held.record.as_deref();
                let step = transition::complete(record, self.token, &response, group.now);
                assert_eq!(step.outcome, CompleteOutcome::Recorded, "an owner can complete");
                group.change(&held, step.change)?;
                reached(Point::RecordWritten);
                Ok(Committed { response, value })
            }
        });
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        let answer = match (group, self.answer) {
            (Err(lost), _) => Err(CommitError::Store(lost)),
            (Ok(()), Some(answer)) => answer,
            (Ok(()), None) => unreachable!("a committed group has applied all its jobs"),
        };
        // The handler may have gone; what is committed stays committed, and recorded.
        let _ = self.reply.send(answer);
    }
}
