//! What an attempt asks of the store, answered by the shipped transition function.

use seiriken::Quota;
use seiriken::record::transition::{
    self, Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, Surroundings, Usage,
};
use seiriken::record::{AttemptId, Record};

use super::checker::Checked;
use super::event::Event;
use super::invariant::Invariant;
use super::record::{LEASE, Small, answer, number, retention, scope, short, token};
use super::setup::Slip;
use super::shipped;
use super::world::{Worker, World};

impl Checked {
    /// What the attempt with this number says of itself.
    pub(super) fn claim_of(&self, worker: usize) -> Claim {
        let part = &self.setup.parts[worker];
        Claim {
            attempt: AttemptId::from_random(attempt(worker).into()),
            identity: part.request.identity(),
            fingerprint: part.request.fingerprint(),
            scope: scope(),
            date: self.setup.date.filter(|_| part.dated),
            class: part.class,
            lease: LEASE,
            retention: retention(part.longer),
            quota: Quota { keys: self.setup.quota, bytes: None },
        }
    }

    pub(super) fn surroundings(&self, world: &World, key: usize) -> Surroundings {
        let fresh = match (self.setup.slip, world.keys[key].record) {
            (Some(Slip::RestartsTheTokens), None) => 1,
            (Some(Slip::RestartsTheTokens), Some(record)) => record.token + 1,
            _ => world.last_token + 1,
        };
        let keys = world.keys.iter().filter(|key| key.record.is_some()).count() as u64;
        Surroundings {
            now: world.now,
            fresh: token(fresh),
            swept_through: world.swept_through,
            used: Usage { keys: keys + u64::from(world.full), bytes: 0 },
        }
    }

    pub(super) fn claims(&self, before: &World, worker: usize, unheard: bool) -> Option<World> {
        let part = &self.setup.parts[worker];
        let key = part.key;
        let record = match before.workers[worker] {
            Worker::SawNothing => None,
            _ => before.record(key),
        };
        let (claim, around) = (self.claim_of(worker), self.surroundings(before, key));
        let step = shipped::call(self.planted, || {
            let step = transition::claim(record.as_ref(), &claim, &around);
            (before.changed(key, &step.change), step)
        });
        let Some((mut after, step)) = step else { return Some(before.broken(Invariant::Asserted)) };
        let granted = match &step.outcome {
            ClaimOutcome::Granted(grant) => Some(*grant),
            _ => None,
        };
        if unheard && granted.is_none() {
            return None;
        }
        after.workers[worker] = match granted {
            Some(_) if unheard => Worker::Unsure,
            Some(grant) => Worker::Owns(short(grant.token)),
            None => Worker::Done,
        };
        after.left.losses -= u8::from(unheard);
        if let Some(grant) = granted.filter(|grant| grant.how != Granted::Yours) {
            after.last_token = after.last_token.max(short(grant.token));
            let over = before.now >= before.keys[key].kept_until;
            if grant.how == Granted::First && over {
                let again = before.keys[key].effects > 0;
                let anew = after.keys[key].begins_anew(short(grant.token), part);
                if again && anew {
                    self.seen.note(Event::NewWindow);
                }
            }
        }
        if let ClaimOutcome::Completed(response) = &step.outcome {
            after.keys[key].hears(number(response));
        }
        if unheard {
            self.seen.note(Event::ClaimUnheard);
        }
        self.note_claim(before, worker, &step.outcome);
        let breach = self.breach_of_claim(before, worker, &around, &step.outcome, &after);
        Some(breach.map_or(after, |breach| after.broken(breach)))
    }

    pub(super) fn renews(&self, before: &World, worker: usize) -> Option<World> {
        let (key, owner) = (self.setup.parts[worker].key, before.workers[worker].token()?);
        let record = before.record(key);
        let step = shipped::call(self.planted, || {
            let step = transition::renew(record.as_ref(), token(owner), LEASE, before.now);
            (before.changed(key, &step.change), step.outcome)
        });
        let Some((after, outcome)) = step else { return Some(before.broken(Invariant::Asserted)) };
        self.note_renewal(before, key, outcome);
        let breach = Self::breach_of_renewal(before, key, owner, outcome, &after);
        Some(breach.map_or(after, |breach| after.broken(breach)))
    }

    pub(super) fn completes(&self, before: &World, worker: usize, unheard: bool) -> Option<World> {
        let part = &self.setup.parts[worker];
        let (key, owner) = (part.key, before.workers[worker].token()?);
        let record = before.record(key);
        let step = shipped::call(self.planted, || {
            let response = answer(owner);
            let step = transition::complete(record.as_ref(), token(owner), &response, before.now);
            (before.changed(key, &step.change), step.outcome)
        });
        let Some((mut after, outcome)) = step else {
            return Some(before.broken(Invariant::Asserted));
        };
        let recorded = outcome == CompleteOutcome::Recorded;
        if unheard && !recorded {
            return None;
        }
        let committed = part.effect.commits_with_the_record();
        if recorded && committed {
            after.works(owner, part);
        }
        if recorded && !unheard {
            after.keys[key].hears(owner);
        }
        // Whoever has not heard asks again; what is committed in one transaction is not tried again.
        if !unheard || committed {
            after.workers[worker] = Worker::Done;
        }
        after.left.losses -= u8::from(unheard);
        if unheard {
            self.seen.note(Event::CompletionUnheard);
        }
        self.note_completion(before, key, recorded);
        let breach = Self::breach_of_completion(before, key, owner, recorded, &after);
        Some(breach.map_or(after, |breach| after.broken(breach)))
    }

    pub(super) fn releases(&self, before: &World, worker: usize, ended: Ended) -> Option<World> {
        let (key, owner) = (self.setup.parts[worker].key, before.workers[worker].token()?);
        let record = before.record(key);
        let step = shipped::call(self.planted, || {
            let step = transition::release(record.as_ref(), token(owner), ended, before.now);
            (before.changed(key, &step.change), step.outcome)
        });
        let Some((mut after, outcome)) = step else {
            return Some(before.broken(Invariant::Asserted));
        };
        after.left.failures -= 1;
        after.workers[worker] = Worker::Done;
        self.note_release(outcome);
        let breach = Self::breach_of_release(before, key, owner, outcome, &after);
        Some(breach.map_or(after, |breach| after.broken(breach)))
    }
}

impl World {
    pub(super) fn record(&self, key: usize) -> Option<Record> {
        self.keys[key].record.map(Small::to_record)
    }

    pub(super) fn with(&self, worker: usize, becomes: Worker) -> Self {
        let mut after = *self;
        after.workers[worker] = becomes;
        after
    }
}

/// The attempt id of an attempt.
pub(super) fn attempt(worker: usize) -> u8 {
    u8::try_from(worker + 1).expect("few attempts")
}
