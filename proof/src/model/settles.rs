//! L1: from here, without any further fault, one lease is enough to settle each key.

use seiriken::record::transition::{self, ClaimOutcome, CompleteOutcome, Granted};
use seiriken::record::{AttemptId, EffectClass};

use super::attempts::attempt;
use super::checker::Checked;
use super::record::{Small, answer, short, token};
use super::setup::ATTEMPTS_MAX;
use super::shipped;
use super::world::World;

impl Checked {
    /// Whether all keys settle: an owner that is alive completes; of one that is not, the sweeper or
    /// the next retry settles what it left, once its lease is over.
    pub(super) fn settles(&self, world: &World) -> bool {
        (0..world.keys.len()).all(|key| {
            let Some(record) = world.keys[key].stands(world.now) else { return true };
            if record.lease_until().is_none() {
                return true;
            }
            let settled = shipped::call(self.planted, || {
                if world.owners(&self.setup, key) > 0 {
                    completes(record, world)
                } else {
                    self.orphan_settles(record, world, key)
                }
            });
            settled == Some(true)
        })
    }

    fn orphan_settles(&self, record: Small, world: &World, key: usize) -> bool {
        let Some(over) = record.lease_until().map(|until| until.max(world.now)) else {
            return true;
        };
        let later = World { now: over, ..*world };
        let swept = later.changed(key, &transition::sweep(&record.to_record(), over).change);
        let left = swept.keys[key].record;
        let settled = match record.class {
            EffectClass::Transactional => left.is_none(),
            EffectClass::Opaque => left.is_some_and(|left| left.unresolved()),
            // It stays claimable, by its own request alone.
            EffectClass::Keyed => true,
        };
        settled
            && self.retry_settles(record, &later, key)
            && self.retry_settles(record, &swept, key)
    }

    /// The same request once more, by an attempt that nobody has seen.
    fn retry_settles(&self, record: Small, world: &World, key: usize) -> bool {
        let Some(part) = self.setup.parts.iter().position(|part| part.key == key) else {
            return true;
        };
        let mut claim = self.claim_of(part);
        claim.attempt = AttemptId::from_random(attempt(ATTEMPTS_MAX).into());
        (claim.identity, claim.fingerprint) =
            (record.request.identity(), record.request.fingerprint());
        let around = self.surroundings(world, key);
        let step = transition::claim(world.record(key).as_ref(), &claim, &around);
        let after = world.changed(key, &step.change);
        match step.outcome {
            ClaimOutcome::Granted(grant) => {
                let Some(record) = after.keys[key].record else { return false };
                grant.how != Granted::Yours
                    && short(grant.token) == record.token
                    && completes(record, &after)
            }
            ClaimOutcome::Indeterminate => {
                after.keys[key].record.is_some_and(|record| record.unresolved())
            }
            // Where the sweeper has removed what its owner left, the key is a new one.
            ClaimOutcome::KeyExpired
            | ClaimOutcome::KeyFromFuture
            | ClaimOutcome::QuotaExceeded => world.keys[key].stands(world.now).is_none(),
            ClaimOutcome::Completed(_)
            | ClaimOutcome::InProgress { .. }
            | ClaimOutcome::Mismatch { .. }
            | ClaimOutcome::CredentialChanged => false,
        }
    }
}

/// Whether the owner of the record can record its answer now.
fn completes(record: Small, world: &World) -> bool {
    let owner = record.token;
    let record = record.to_record();
    let step = transition::complete(Some(&record), token(owner), &answer(owner), world.now);
    step.outcome == CompleteOutcome::Recorded
}
