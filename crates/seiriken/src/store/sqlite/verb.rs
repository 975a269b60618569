//! A verb of the store contract that changes a row.

use tokio::sync::oneshot;

use super::group::{Group, Job};
use crate::clock::Timestamp;
use crate::record::transition::Transition;
use crate::record::{Record, Token};
use crate::scope::RecordId;
use crate::store::StoreError;

/// What a verb makes of a record: the transition, given a fresh token and the time.
pub(super) trait Verb<O>:
    FnOnce(Option<&Record>, Token, Timestamp) -> Transition<O> + Send + 'static
{
}

impl<O, V> Verb<O> for V where
    V: FnOnce(Option<&Record>, Token, Timestamp) -> Transition<O> + Send + 'static
{
}

pub(super) struct VerbJob<V, O> {
    id: RecordId,
    verb: Option<V>,
    told: Option<Result<O, StoreError>>,
    reply: oneshot::Sender<Result<O, StoreError>>,
}

impl<V, O> VerbJob<V, O> {
    pub(super) fn new(
        id: RecordId,
        verb: V,
        reply: oneshot::Sender<Result<O, StoreError>>,
    ) -> Self {
        Self { id, verb: Some(verb), told: None, reply }
    }
}

impl<V: Verb<O>, O: Send> Job for VerbJob<V, O> {
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        let Some(verb) = self.verb.take() else { return Ok(()) };
        let held = match group.hold(self.id)? {
            Ok(held) => held,
            Err(unreadable) => {
                self.told = Some(Err(unreadable));
                return Ok(());
            }
        };
        let step = verb(held.record.as_deref(), group.fresh_token(), group.now);
        group.change(&held, step.change)?;
        self.told = Some(Ok(step.outcome));
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        let told = match (group, self.told) {
            (Err(lost), _) => Err(lost),
            (Ok(()), Some(told)) => told,
            (Ok(()), None) => unreachable!("a committed group has applied all its jobs"),
        };
        // Whoever asked may have gone; what is committed stays committed.
        let _ = self.reply.send(told);
    }
}
