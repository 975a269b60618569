//! What a store must answer: the transition function on a map, and what a restart leaves of it.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use seiriken::RecordId;
use seiriken::clock::Timestamp;
use seiriken::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, Granted,
    ReleaseOutcome, RenewOutcome, Resolution, ResolveOutcome, Surroundings, Transition, Usage,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, State, Token};

/// A verb, as it is asked.
#[derive(Debug, Clone)]
pub(super) enum Verb {
    Claim(Claim),
    Renew(Token, Duration),
    Complete(Token, RecordedResponse),
    Release(Token, Ended),
    Show,
    Resolve(Token, Resolution),
    Delete(Token),
}

/// What it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Claim(ClaimOutcome),
    Renew(RenewOutcome),
    Complete(CompleteOutcome),
    Release(ReleaseOutcome),
    Show(Option<Record>),
    Resolve(ResolveOutcome),
    Delete(DeleteOutcome),
}

/// All that a store should know.
#[derive(Debug)]
pub(super) struct Reference {
    kept: HashMap<RecordId, Kept>,
    swept_through: Timestamp,
    given_out: HashSet<Token>,
}

#[derive(Debug)]
struct Kept {
    record: Record,
    /// It outlives a process, in a store that does. What is transactional is not written before
    /// its answer, unless it stands in the place of what was.
    durable: bool,
}

impl Reference {
    /// Of a store that counts keys from before this moment as forgotten.
    pub(super) fn new(swept_through: Timestamp) -> Self {
        Self { kept: HashMap::new(), swept_through, given_out: HashSet::new() }
    }

    /// What the verb is to be told. Which token is fresh only the store knows: it is taken from
    /// what the store said, and must never have been given out before.
    pub(super) fn ask(&mut self, id: RecordId, verb: &Verb, told: &Told, now: Timestamp) -> Told {
        let fresh = match told {
            Told::Claim(ClaimOutcome::Granted(grant)) if grant.how != Granted::Yours => {
                assert!(self.given_out.insert(grant.token), "{:?} was given out", grant.token);
                grant.token
            }
            _ => Token::from_u128(u128::MAX),
        };
        let current = self.kept.get(&id).map(|kept| &kept.record);
        match verb {
            Verb::Claim(claim) => {
                let keys = self.kept.values().filter(|kept| kept.record.scope == claim.scope);
                let used = Usage { keys: keys.count() as u64, bytes: 0 };
                let swept_through = self.swept_through;
                let around = Surroundings { now, fresh, swept_through, used };
                let step = transition::claim(current, claim, &around);
                self.take(id, step, Told::Claim)
            }
            Verb::Renew(token, lease) => {
                let step = transition::renew(current, *token, *lease, now);
                self.take(id, step, Told::Renew)
            }
            Verb::Complete(token, response) => {
                let step = transition::complete(current, *token, response, now);
                self.take(id, step, Told::Complete)
            }
            Verb::Release(token, ended) => {
                let step = transition::release(current, *token, *ended, now);
                self.take(id, step, Told::Release)
            }
            Verb::Show => self.take(id, transition::show(current, now), Told::Show),
            Verb::Resolve(token, resolution) => {
                let step = transition::resolve(current, *token, resolution, now);
                self.take(id, step, Told::Resolve)
            }
            Verb::Delete(token) => {
                self.take(id, transition::delete(current, *token, now), Told::Delete)
            }
        }
    }

    fn take<O>(&mut self, id: RecordId, step: Transition<O>, told: impl Fn(O) -> Told) -> Told {
        match step.change {
            Change::Keep => {}
            Change::Put(record) => {
                let durable = self.kept.get(&id).is_some_and(|before| before.durable)
                    || record.class != EffectClass::Transactional
                    || matches!(record.state, State::Completed { .. });
                self.kept.insert(id, Kept { record, durable });
            }
            Change::Remove => drop(self.kept.remove(&id)),
        }
        told(step.outcome)
    }

    /// Everything that is due is swept.
    pub(super) fn sweep(&mut self, now: Timestamp) {
        for id in self.kept.keys().copied().collect::<Vec<_>>() {
            let step = transition::sweep(&self.kept[&id].record, now);
            self.swept_through = self.swept_through.max(step.outcome.unwrap_or(Timestamp::ZERO));
            // What it is told plays no role: a sweep tells nobody.
            let nobody = |_| Told::Renew(RenewOutcome::Lost);
            self.take(id, step, nobody);
        }
    }

    /// The process has ended, and another one has the store: no owner is left.
    pub(super) fn restart(&mut self) {
        self.kept.retain(|_, kept| kept.durable);
        for kept in self.kept.values_mut() {
            if let State::InProgress { lease_until, .. } = &mut kept.record.state {
                *lease_until = Timestamp::ZERO;
            }
        }
    }
}
