//! Where each key stands: unsettled records whole, settled ones by the number of their row.
//!
//! Whoever asks about a key looks here first. What changes a row is left to the writer thread;
//! while its change is on the way to the disk the slot is *settling*, and nobody is told the
//! outcome before it is durable.

mod loading;
#[cfg(all(test, not(seiriken_shuttle)))]
mod tests;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::compact::Compact;
use super::expiries::{Block, Expiries};
use crate::clock::Timestamp;
use crate::record::transition::{
    self, Change, Claim, ClaimOutcome, Ended, ReleaseOutcome, RenewOutcome, Surroundings,
};
use crate::record::{EffectClass, Record, Token};
use crate::scope::{IdHasher, RecordId};
use crate::store::swept_through::SweptThrough;
use crate::store::usage::{Share, UsageTable};
use crate::sync::{Mutex, MutexGuard};

/// The index, in shards so that request threads and the writer rarely meet.
#[derive(Debug)]
pub(super) struct Index {
    shards: Box<[Mutex<Shard>]>,
    pub(super) usage: UsageTable,
    expiries: Mutex<Expiries>,
    /// As it is in the file, or later.
    pub(super) swept_through: SweptThrough,
}

#[derive(Debug, Default)]
struct Shard {
    /// What is not settled, or just settling. What stands here counts, whatever stands below.
    slots: HashMap<RecordId, Slot, BuildHasherDefault<IdHasher>>,
    stored: Compact,
}

/// One key that is not settled.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    place: Place,
    /// Its change is in the group that is being committed.
    settling: bool,
}

/// Where a key's record is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Here, whole: in progress or indeterminate. `durable` says whether it has a row as well.
    Unsettled { record: Arc<Record>, durable: bool },
    /// In the file, under this token. When it expires is known of one that has just been written.
    Stored { token: i64, expires_at: Option<Timestamp> },
    /// Nowhere any more, once the group is committed.
    Gone,
}

/// What a look at a key says to a claim.
pub(super) enum Looked {
    /// This, at once: nothing durable changes.
    Told(ClaimOutcome),
    /// The answer is in the file, under this token, unless it has expired: its record says so.
    Stored { token: i64 },
    /// Something durable changes, or is just changing: ask the writer.
    Ask,
}

/// About what an unsettled record takes.
const UNSETTLED_BYTES: u32 = 150;

/// What an unsettled record counts for.
pub(super) fn unsettled_share(record: &Record) -> Share {
    Share { scope: record.scope, bytes: UNSETTLED_BYTES }
}

impl Index {
    /// Enough that each is small: one that grows keeps those waiting who ask for its keys.
    pub(super) const SHARDS: usize = 256;

    pub(super) fn new(swept_through: Timestamp) -> Self {
        Self {
            shards: (0..Self::SHARDS).map(|_| Mutex::default()).collect(),
            usage: UsageTable::default(),
            expiries: Mutex::default(),
            swept_through: SweptThrough::new(swept_through),
        }
    }

    /// What is said to a claim beside the record. Read while the record's slot is locked or held:
    /// who no longer finds a record finds how far was swept.
    pub(super) fn around(&self, claim: &Claim, fresh: Token, now: Timestamp) -> Surroundings {
        Surroundings {
            now,
            fresh,
            swept_through: self.swept_through.get(),
            used: self.usage.for_claim(claim),
        }
    }

    /// Decides a claim as far as that needs neither the file nor the writer.
    ///
    /// The claim of a transactional operation is granted right here: nothing of it is written
    /// before its commit, and a crash takes it away together with its owner.
    pub(super) fn look(
        &self,
        id: RecordId,
        claim: &Claim,
        fresh: impl FnOnce() -> Token,
        now: Timestamp,
    ) -> Looked {
        let mut shard = self.shard(&id);
        let current = match shard.slots.get(&id) {
            Some(
                Slot { settling: true, .. }
                | Slot { place: Place::Stored { .. } | Place::Gone, .. },
            ) => return Looked::Ask,
            Some(Slot { place: Place::Unsettled { record, durable }, .. }) => {
                Some((&**record, *durable))
            }
            None => match shard.stored.get(&id) {
                Some(token) => return Looked::Stored { token },
                None => None,
            },
        };
        let needs_row = claim.class != EffectClass::Transactional
            || current.is_some_and(|(_, durable)| durable);
        let record = current.map(|(record, _)| record);
        if needs_row && record.is_none() {
            return Looked::Ask;
        }
        let step = transition::claim(record, claim, &self.around(claim, fresh(), now));
        match step.change {
            Change::Keep => Looked::Told(step.outcome),
            Change::Put(record) if !needs_row => {
                self.put_unsettled(&mut shard, id, record, false);
                Looked::Told(step.outcome)
            }
            Change::Put(_) | Change::Remove => Looked::Ask,
        }
    }

    /// Renews a lease. Leases live here alone: after a crash no owner is left. `None` while the
    /// key is settling: ask the writer, behind whose change it stands.
    pub(super) fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
        now: Timestamp,
    ) -> Option<RenewOutcome> {
        let mut shard = self.shard(&id);
        let record = match shard.slots.get_mut(&id) {
            Some(Slot { settling: true, .. }) => return None,
            Some(Slot { place: Place::Unsettled { record, .. }, .. }) => record,
            _ => return Some(RenewOutcome::Lost),
        };
        let step = transition::renew(Some(record), token, lease, now);
        if let Change::Put(renewed) = step.change {
            *record = Arc::new(renewed);
        }
        Some(step.outcome)
    }

    /// Releases an execution that has no row. `None` when it has one, or may have: ask the writer.
    pub(super) fn release_unwritten(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
        now: Timestamp,
    ) -> Option<ReleaseOutcome> {
        let mut shard = self.shard(&id);
        let slot = shard.slots.get_mut(&id).filter(|slot| !slot.settling)?;
        let Place::Unsettled { record, durable: false } = &mut slot.place else { return None };
        let step = transition::release(Some(record), token, ended, now);
        match step.change {
            Change::Keep => {}
            Change::Put(released) => *record = Arc::new(released),
            Change::Remove => {
                self.usage.change(Some(unsettled_share(record)), None);
                shard.slots.remove(&id);
            }
        }
        Some(step.outcome)
    }

    /// Unsettled keys that a sweeper should look at, at most so many. The writer looks again.
    pub(super) fn unsettled_due(&self, at_most: usize, now: Timestamp) -> Vec<RecordId> {
        let is_due = |slot: &Slot| match &slot.place {
            Place::Unsettled { record, .. } if !slot.settling => {
                transition::sweep(record, now).change != Change::Keep
            }
            _ => false,
        };
        let mut due = Vec::new();
        for shard in &self.shards {
            let shard = locked(shard);
            let found = shard.slots.iter().filter(|(_, slot)| is_due(slot)).map(|(id, _)| *id);
            due.extend(found.take(at_most - due.len()));
            if due.len() == at_most {
                break;
            }
        }
        due
    }

    /// What is not settled. Of a key whose change is on the way to the disk, what it was or what it
    /// becomes.
    pub(super) fn unsettled(&self) -> Vec<(RecordId, Arc<Record>)> {
        let mut found = Vec::new();
        for shard in &self.shards {
            let shard = locked(shard);
            found.extend(shard.slots.iter().filter_map(|(id, slot)| match &slot.place {
                Place::Unsettled { record, .. } => Some((*id, Arc::clone(record))),
                Place::Stored { .. } | Place::Gone => None,
            }));
        }
        found
    }

    /// How many keys there are, at about this moment.
    pub(super) fn about_how_many(&self) -> usize {
        let keys = |shard: &Mutex<Shard>| {
            let shard = locked(shard);
            shard.slots.len() + shard.stored.entries().len()
        };
        self.shards.iter().map(keys).sum()
    }

    /// When stored answers expire.
    pub(super) fn expiries(&self) -> MutexGuard<'_, Expiries> {
        locked(&self.expiries)
    }

    // --- for the writer thread ---

    /// Takes the key for the group that is being written: until the group ends, nobody but the
    /// writer changes it or is told where it stands. Answers where it is, and what
    /// [`Index::undo`] wants.
    pub(super) fn hold(&self, id: RecordId) -> (Place, Option<Slot>) {
        let mut shard = self.shard(&id);
        let Shard { slots, stored } = &mut *shard;
        if let Some(slot) = slots.get_mut(&id) {
            let before = slot.clone();
            slot.settling = true;
            return (before.place.clone(), Some(before));
        }
        let place = match stored.get(&id) {
            Some(token) => Place::Stored { token, expires_at: None },
            None => Place::Gone,
        };
        slots.insert(id, Slot { place: place.clone(), settling: true });
        (place, None)
    }

    /// Changes a key that is held.
    pub(super) fn settle_to(&self, id: RecordId, place: Place) {
        let mut shard = self.shard(&id);
        let held = shard.slots.get_mut(&id).filter(|slot| slot.settling);
        held.expect("a key is held before it is changed").place = place;
    }

    /// The group is committed: what the key was changed to holds.
    pub(super) fn settled(&self, id: &RecordId) {
        let mut shard = self.shard(id);
        let Shard { slots, stored } = &mut *shard;
        let Some(slot) = slots.get_mut(id).filter(|slot| slot.settling) else { return };
        match slot.place {
            Place::Unsettled { .. } => {
                slot.settling = false;
                stored.remove(id);
                return;
            }
            Place::Stored { token, expires_at } => {
                stored.put(*id, token);
                if let Some(at) = expires_at {
                    self.expiries().lower(Block::of(token), at);
                }
            }
            Place::Gone => drop(stored.remove(id)),
        }
        slots.remove(id);
    }

    /// The group was rolled back: the key is what it was.
    pub(super) fn undo(&self, id: RecordId, before: Option<Slot>) {
        let slots = &mut self.shard(&id).slots;
        match before {
            Some(slot) => drop(slots.insert(id, slot)),
            None => drop(slots.remove(&id)),
        }
    }

    /// Every unsettled record comes through here, so that it is counted.
    fn put_unsettled(&self, shard: &mut Shard, id: RecordId, record: Record, durable: bool) {
        let after = unsettled_share(&record);
        let place = Place::Unsettled { record: Arc::new(record), durable };
        let before = match shard.slots.insert(id, Slot { place, settling: false }) {
            Some(Slot { place: Place::Unsettled { record, .. }, .. }) => {
                Some(unsettled_share(&record))
            }
            _ => None,
        };
        self.usage.change(before, Some(after));
    }

    fn shard(&self, id: &RecordId) -> MutexGuard<'_, Shard> {
        locked(&self.shards[Self::shard_of(id)])
    }

    /// The number of the shard that a key is in.
    pub(super) fn shard_of(id: &RecordId) -> usize {
        usize::from(id.as_bytes()[15]) % Self::SHARDS
    }
}

/// A panic under the lock is a broken invariant, asserted before anything is changed.
fn locked<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
