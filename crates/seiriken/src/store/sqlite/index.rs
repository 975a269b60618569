//! Where each key stands: unsettled records whole, settled ones by the number of their row.
//!
//! Whoever asks about a key looks here first. What changes a row is left to the writer thread;
//! while its change is on the way to the disk the slot is *settling*, and nobody is told the
//! outcome before it is durable.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::PoisonError;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::record::transition::{
    self, Change, Claim, ClaimOutcome, Ended, ReleaseOutcome, RenewOutcome, Surroundings,
};
use crate::record::{EffectClass, Record, State, Token};
use crate::scope::{IdHasher, RecordId};
use crate::store::swept_through::SweptThrough;
use crate::store::usage::{Share, UsageTable};
use crate::sync::{Mutex, MutexGuard};

/// The index, in shards so that request threads and the writer rarely meet.
#[derive(Debug)]
pub(super) struct Index {
    shards: [Mutex<Slots>; SHARDS],
    usage: UsageTable,
    /// As it is in the file, or later.
    pub(super) swept_through: SweptThrough,
}

const SHARDS: usize = 16;

type Slots = HashMap<RecordId, Slot, BuildHasherDefault<IdHasher>>;

/// One key.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) place: Place,
    /// Its change is in the group that is being committed.
    settling: bool,
}

impl Slot {
    pub(super) fn into_place(self) -> Place {
        self.place
    }
}

/// Where a key's record is.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Here, whole: in progress or indeterminate. `durable` says whether it has a row as well.
    Unsettled { record: Box<Record>, durable: bool },
    /// In the file, under this token.
    Stored { token: i64, expires_at: Timestamp, share: Share },
    /// Nowhere any more, once the group is committed.
    Gone,
}

/// What a look at a key says to a claim.
pub(super) enum Looked {
    /// This, at once: nothing durable changes.
    Told(ClaimOutcome),
    /// The answer is in the file, under this token.
    Stored { token: i64 },
    /// Something durable changes, or is just changing: ask the writer.
    Ask,
}

impl Place {
    /// What it counts for.
    fn share(&self) -> Option<Share> {
        match self {
            Self::Unsettled { record, .. } => {
                Some(Share { scope: record.scope, bytes: UNSETTLED_BYTES })
            }
            Self::Stored { share, .. } => Some(*share),
            Self::Gone => None,
        }
    }
}

/// About what an unsettled record takes.
const UNSETTLED_BYTES: u32 = 150;

impl Index {
    pub(super) fn new(swept_through: Timestamp) -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            usage: UsageTable::default(),
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
        let mut slots = self.slots(&id);
        let current = match slots.get(&id) {
            Some(Slot { settling: true, .. } | Slot { place: Place::Gone, .. }) => {
                return Looked::Ask;
            }
            Some(Slot { place: Place::Stored { token, expires_at, .. }, .. })
                if now < *expires_at =>
            {
                return Looked::Stored { token: *token };
            }
            // Whether it has expired the record itself says, and its row has to go.
            Some(Slot { place: Place::Stored { .. }, .. }) => return Looked::Ask,
            Some(Slot { place: Place::Unsettled { record, durable }, .. }) => {
                Some((&**record, *durable))
            }
            None => None,
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
                let place = Place::Unsettled { record: Box::new(record), durable: false };
                self.put(&mut slots, id, Slot { place, settling: false });
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
        let mut slots = self.slots(&id);
        let record = match slots.get_mut(&id) {
            Some(Slot { settling: true, .. }) => return None,
            Some(Slot { place: Place::Unsettled { record, .. }, .. }) => record,
            _ => return Some(RenewOutcome::Lost),
        };
        let step = transition::renew(Some(record), token, lease, now);
        if let Change::Put(renewed) = step.change {
            **record = renewed;
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
        let mut slots = self.slots(&id);
        let slot = slots.get_mut(&id).filter(|slot| !slot.settling)?;
        let Place::Unsettled { record, durable: false } = &mut slot.place else { return None };
        let step = transition::release(Some(record), token, ended, now);
        match step.change {
            Change::Keep => {}
            Change::Put(released) => **record = released,
            Change::Remove => self.remove(&mut slots, &id),
        }
        Some(step.outcome)
    }

    /// Keys that a sweeper should look at, at most so many. The writer looks again.
    pub(super) fn due(&self, at_most: usize, now: Timestamp) -> Vec<RecordId> {
        let is_due = |slot: &Slot| match &slot.place {
            _ if slot.settling => false,
            Place::Stored { expires_at, .. } => now >= *expires_at,
            Place::Unsettled { record, .. } => {
                transition::sweep(record, now).change != Change::Keep
            }
            Place::Gone => false,
        };
        let mut due = Vec::new();
        for shard in &self.shards {
            let slots = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let found = slots.iter().filter(|(_, slot)| is_due(slot)).map(|(id, _)| *id);
            due.extend(found.take(at_most - due.len()));
            if due.len() == at_most {
                break;
            }
        }
        due
    }

    // --- for the writer thread ---

    /// Takes the key for the group that is being written: until the group ends, nobody but the
    /// writer changes it or is told where it stands. Answers what it was, for [`Index::undo`].
    pub(super) fn hold(&self, id: RecordId) -> Option<Slot> {
        let mut slots = self.slots(&id);
        let before = slots.get(&id).cloned();
        slots.entry(id).or_insert(Slot { place: Place::Gone, settling: true }).settling = true;
        before
    }

    /// Changes a key that is held.
    pub(super) fn settle_to(&self, id: RecordId, place: Place) {
        let mut slots = self.slots(&id);
        let held = slots.get(&id).is_some_and(|slot| slot.settling);
        assert!(held, "a key is held before it is changed");
        self.put(&mut slots, id, Slot { place, settling: true });
    }

    /// A sweeper has found that the key is not due before then: it need not look again, and comes
    /// to what is behind it.
    pub(super) fn postpone(&self, id: RecordId, until: Timestamp) {
        if let Some(slot) = self.slots(&id).get_mut(&id)
            && let Place::Stored { expires_at, .. } = &mut slot.place
        {
            *expires_at = until;
        }
    }

    /// The group is committed: what the key was changed to holds.
    pub(super) fn settled(&self, id: &RecordId) {
        let mut slots = self.slots(id);
        match slots.get_mut(id) {
            Some(Slot { place: Place::Gone, .. }) => drop(slots.remove(id)),
            Some(slot) => slot.settling = false,
            None => {}
        }
    }

    /// The group was rolled back: the key is what it was.
    pub(super) fn undo(&self, id: RecordId, before: Option<Slot>) {
        let mut slots = self.slots(&id);
        match before {
            Some(slot) => self.put(&mut slots, id, slot),
            None => self.remove(&mut slots, &id),
        }
    }

    // --- at start ---

    /// A settled record that was found in the file. Of several rows of one key the latest counts.
    pub(super) fn load_stored(
        &self,
        id: RecordId,
        token: i64,
        expires_at: Timestamp,
        share: Share,
    ) {
        let place = Place::Stored { token, expires_at, share };
        self.put(&mut self.slots(&id), id, Slot { place, settling: false });
    }

    /// An unsettled record that was found in the file. Its owner was a process that has ended
    /// (this one holds the file's lock), so no lease of it is waited for.
    pub(super) fn load_unsettled(&self, id: RecordId, mut record: Record) {
        if let State::InProgress { lease_until, .. } = &mut record.state {
            *lease_until = Timestamp::ZERO;
        }
        let place = Place::Unsettled { record: Box::new(record), durable: true };
        self.put(&mut self.slots(&id), id, Slot { place, settling: false });
    }

    /// Every slot comes and goes through here, so that what is kept is counted.
    fn put(&self, slots: &mut Slots, id: RecordId, slot: Slot) {
        let after = slot.place.share();
        let before = slots.insert(id, slot);
        self.usage.change(before.and_then(|slot| slot.place.share()), after);
    }

    fn remove(&self, slots: &mut Slots, id: &RecordId) {
        let before = slots.remove(id);
        self.usage.change(before.and_then(|slot| slot.place.share()), None);
    }

    fn slots(&self, id: &RecordId) -> MutexGuard<'_, Slots> {
        let shard = &self.shards[usize::from(id.as_bytes()[15]) % SHARDS];
        // A panic under the lock is a broken invariant, asserted before anything is changed.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
