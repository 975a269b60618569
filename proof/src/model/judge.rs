//! Whether the step of a verb keeps what must hold. What is to stand is known from the promise
//! ([`Key::stands`](super::world::Key)), not from the record's own times.

use std::time::Duration;

use seiriken::clock::Timestamp;
use seiriken::record::EffectClass;
use seiriken::record::transition::{ReleaseOutcome, RenewOutcome};

use super::checker::Checked;
use super::invariant::Invariant;
use super::record::{LEASE, Small, Stage};
use super::world::World;

impl Checked {
    /// What does not hold in a world, however it came to be.
    pub(super) fn broken_in(&self, world: &World) -> Option<Invariant> {
        world.keys.iter().enumerate().find_map(|(number, key)| {
            let standing = key.stands(world.now);
            let answer = standing.and_then(|record| record.answer());
            if key.effects > 1 {
                Some(Invariant::I1)
            } else if key.heard.count_ones() > 1 {
                Some(Invariant::I2)
            } else if key.heard != 0
                && world.now < key.kept_until
                && answer.map(|answer| 1 << answer) != Some(key.heard)
            {
                Some(Invariant::I3)
            } else if world.owners(&self.setup, number) > 1 {
                Some(Invariant::I4)
            } else if answer.is_some() && key.effects == 0 {
                Some(Invariant::I5)
            } else {
                None
            }
        })
    }

    /// The step of whoever holds `owner`.
    fn breach_of_owner(before: &World, key: usize, owner: u8, after: &World) -> Option<Invariant> {
        let standing = before.keys[key].stands(before.now);
        let changed = before.keys[key].record != after.keys[key].record;
        if standing.is_none() && changed {
            return Some(Invariant::Swept);
        }
        if changed && standing.is_none_or(|record| record.token != owner) {
            return Some(Invariant::I7);
        }
        changed_wrongly(before, key, after)
    }

    pub(super) fn breach_of_renewal(
        before: &World,
        key: usize,
        owner: u8,
        told: RenewOutcome,
        after: &World,
    ) -> Option<Invariant> {
        let mine = owned(before, key, owner).is_some_and(|record| record.lease_until().is_some());
        let until = after.keys[key].record.and_then(|record| record.lease_until());
        let kept = until.is_some_and(|until| until >= before.now.after(LEASE));
        let breach = match told {
            RenewOutcome::Renewed => !(mine && kept),
            RenewOutcome::Lost => mine,
        };
        Self::breach_of_owner(before, key, owner, after).or_else(|| breach.then_some(Invariant::L2))
    }

    pub(super) fn breach_of_completion(
        before: &World,
        key: usize,
        owner: u8,
        recorded: bool,
        after: &World,
    ) -> Option<Invariant> {
        let stands = |record: Small| record.token == owner && record.answer() == Some(owner);
        Self::breach_of_owner(before, key, owner, after)
            .or_else(|| {
                let told = recorded && !after.keys[key].record.is_some_and(stands);
                told.then_some(Invariant::I10)
            })
            .or_else(|| {
                // A late owner is still the owner.
                let refused = !recorded && owned(before, key, owner).is_some();
                refused.then_some(Invariant::L1)
            })
    }

    pub(super) fn breach_of_release(
        before: &World,
        key: usize,
        owner: u8,
        told: ReleaseOutcome,
        after: &World,
    ) -> Option<Invariant> {
        let mine = owned(before, key, owner).is_some_and(|record| record.lease_until().is_some());
        Self::breach_of_owner(before, key, owner, after)
            .or_else(|| (mine == (told == ReleaseOutcome::Stale)).then_some(Invariant::I10))
    }

    pub(super) fn breach_of_sweep(
        before: &World,
        key: usize,
        forgotten: Option<Timestamp>,
        after: &World,
    ) -> Option<Invariant> {
        let record = before.keys[key].record?;
        let left = after.keys[key].record;
        let Some(standing) = before.keys[key].stands(before.now) else {
            // What is forgotten is known to be: a dated key made by then is refused.
            let through = record.minted.after(Duration::from_millis(1));
            let known = forgotten.is_some_and(|forgotten| forgotten >= through);
            return (left.is_some() || !known).then_some(Invariant::Swept);
        };
        let over = standing.lease_until().is_some_and(|until| until <= before.now);
        let expected = match standing.class {
            EffectClass::Transactional if over => left.is_none(),
            EffectClass::Opaque if over => left.is_some_and(|left| left.unresolved()),
            _ => left == before.keys[key].record,
        };
        let unsettled = if over { Invariant::L1 } else { Invariant::L2 };
        changed_wrongly(before, key, after).or_else(|| (!expected).then_some(unsettled))
    }
}

/// The standing record of a key, where it is this owner's.
fn owned(world: &World, key: usize, owner: u8) -> Option<Small> {
    world.keys[key].stands(world.now).filter(|record| {
        let open = matches!(record.stage, Stage::InProgress { .. } | Stage::Indeterminate { .. });
        record.token == owner && open
    })
}

/// What no step may do to a record that stands.
pub(super) fn changed_wrongly(before: &World, key: usize, after: &World) -> Option<Invariant> {
    let standing = before.keys[key].stands(before.now)?;
    let left = after.keys[key].record;
    if standing.answer().is_some() && left != Some(standing) {
        return Some(Invariant::I6);
    }
    left.is_some_and(|left| left.request != standing.request).then_some(Invariant::I8)
}
