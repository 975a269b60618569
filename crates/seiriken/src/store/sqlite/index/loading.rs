//! The index at start, filled with what was found in the file, and at the end, as it is kept.

use std::collections::HashMap;

use super::super::compact::{Compact, Entry};
use super::super::expiries::Block;
use super::super::tokens::row_of;
use super::{Index, Place, Shard, locked, unsettled_share};
use crate::clock::Timestamp;
use crate::record::transition::Usage;
use crate::record::{Record, State};
use crate::scope::{RecordId, ScopeDigest};

/// What is kept of an index beside where its stored keys are.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(in super::super) struct Kept {
    /// What is used by stored keys.
    pub(in super::super) used: Vec<(ScopeDigest, Usage)>,
    /// The rows of unsettled records.
    pub(in super::super) unsettled: Vec<i64>,
    /// When to look at which rows.
    pub(in super::super) expiries: Vec<(Block, Timestamp)>,
}

impl Index {
    /// Makes room for so many stored keys.
    pub(in super::super) fn expect(&self, keys: usize) {
        // Random ids do not fill the shards alike.
        let each = keys / Self::SHARDS + keys / Self::SHARDS / 16;
        self.shards.iter().for_each(|shard| locked(shard).stored.expect(each));
    }

    /// Gives back what room was made for and was not needed.
    pub(in super::super) fn fit(&self) {
        self.shards.iter().for_each(|shard| locked(shard).stored.fit());
    }

    /// Settled records that were found in the file, all of one shard; answers the rows that do not
    /// count because their keys have later ones. What records count for and when they expire is
    /// said apart from this.
    pub(in super::super) fn load_stored(&self, found: &[Entry]) -> Vec<i64> {
        let Some(first) = found.first() else { return Vec::new() };
        let stored = &mut self.shard(&first.id).stored;
        found.iter().filter_map(|entry| put_latest(stored, *entry)).collect()
    }

    /// An unsettled record that was found in the file, after all settled ones. Its owner was a
    /// process that has ended (this one holds the file's lock), so no lease of it is waited for.
    /// Answers a row of the key that was counted and does not count.
    pub(in super::super) fn load_unsettled(&self, id: RecordId, mut record: Record) -> Option<i64> {
        if let State::InProgress { lease_until, .. } = &mut record.state {
            *lease_until = Timestamp::ZERO;
        }
        let mut shard = self.shard(&id);
        let Shard { slots, stored } = &mut *shard;
        let token = row_of(record.token);
        let known = match slots.get(&id).map(|slot| &slot.place) {
            Some(Place::Unsettled { record, .. }) => Some(row_of(record.token)),
            _ => stored.get(&id),
        };
        if known.is_some_and(|known| known > token) {
            return None;
        }
        let void = stored.remove(&id);
        self.put_unsettled(&mut shard, id, record, true);
        void
    }

    /// The stored keys go to `entries`, shard by shard; the rest is answered. Nobody writes any more;
    /// who claims for a transaction may still come and go.
    pub(in super::super) fn keep<E>(
        &self,
        mut entries: impl FnMut(&[Entry]) -> Result<(), E>,
    ) -> Result<Kept, E> {
        for shard in &self.shards {
            entries(locked(shard).stored.entries())?;
        }
        // All at once, so that what is counted in between does not come in half.
        let shards: Vec<_> = self.shards.iter().map(locked).collect();
        let mut used: HashMap<ScopeDigest, Usage> = self.usage.all().into_iter().collect();
        let mut unsettled = Vec::new();
        for slot in shards.iter().flat_map(|shard| shard.slots.values()) {
            let Place::Unsettled { record, durable } = &slot.place else { continue };
            let share = unsettled_share(record);
            if let Some(usage) = used.get_mut(&share.scope) {
                usage.keys -= 1;
                usage.bytes -= u64::from(share.bytes);
            }
            unsettled.extend(durable.then(|| row_of(record.token)));
        }
        let used = used.into_iter().filter(|(_, usage)| *usage != Usage::default()).collect();
        Ok(Kept { used, unsettled, expiries: self.expiries().all().collect() })
    }
}

/// Of several rows of one key the latest counts; answers the other one.
fn put_latest(stored: &mut Compact, entry: Entry) -> Option<i64> {
    let before = stored.put(entry.id, entry.token)?;
    if before > entry.token {
        stored.put(entry.id, before);
    }
    Some(before.min(entry.token))
}
