//! What the rows say beside where they are.

use std::collections::HashMap;

use rusqlite::Connection;

use super::super::compact::Entry;
use super::super::error::OpenError;
use super::super::expiries::Block;
use super::super::index::Index;
use super::super::rows;
use crate::clock::Timestamp;
use crate::record::transition::Usage;
use crate::scope::{RecordId, ScopeDigest};

/// A row whose id is as it was written.
pub(super) struct Scanned {
    pub(super) token: i64,
    pub(super) id: RecordId,
    pub(super) scope: ScopeDigest,
    pub(super) bytes: u32,
    pub(super) expires_at: Timestamp,
}

/// What one thread has found, or all of them.
pub(super) struct Found<'i> {
    index: &'i Index,
    /// Keys on their way to the index, by its shards. One at a time, each would wait for memory.
    batches: Vec<Vec<Entry>>,
    used: HashMap<ScopeDigest, Usage>,
    /// What is used by the scope that was found last.
    using: (ScopeDigest, Usage),
    /// In the order in which the rows were found.
    expiries: Vec<(Block, Timestamp)>,
    unsettled: Vec<Scanned>,
    /// Rows of keys that have a later one.
    void: Vec<i64>,
}

/// So many keys of a shard go to the index at once.
const BATCH: usize = 128;

impl<'i> Found<'i> {
    pub(super) fn new(index: &'i Index) -> Self {
        Self {
            index,
            batches: vec![Vec::new(); Index::SHARDS],
            used: HashMap::new(),
            using: (ScopeDigest::from_bytes([0; 8]), Usage::default()),
            expiries: Vec::new(),
            unsettled: Vec::new(),
            void: Vec::new(),
        }
    }

    /// A settled row.
    pub(super) fn settled(&mut self, row: &Scanned) {
        self.stored(row);
        let block = Block::of(row.token);
        match self.expiries.last_mut() {
            Some((same, at)) if *same == block => *at = row.expires_at.min(*at),
            _ => self.expiries.push((block, row.expires_at)),
        }
    }

    /// One that says that it is unsettled: what it is its record says, which is read at the end.
    pub(super) fn unsettled(&mut self, row: Scanned) {
        self.unsettled.push(row);
    }

    /// Hands over what is on its way.
    pub(super) fn flush(&mut self) {
        for batch in &mut self.batches {
            self.void.extend(self.index.load_stored(batch));
            batch.clear();
        }
        self.use_by(self.using.0);
    }

    pub(super) fn add(&mut self, other: Self) {
        for (scope, usage) in other.used {
            add(self.used.entry(scope).or_default(), usage);
        }
        self.expiries.extend(other.expiries);
        self.unsettled.extend(other.unsettled);
        self.void.extend(other.void);
    }

    /// Reads what is unsettled, and tells the index the rest.
    pub(super) fn finish(mut self, connection: &Connection) -> Result<(), OpenError> {
        for row in std::mem::take(&mut self.unsettled) {
            let record = connection
                .prepare_cached(rows::GET)?
                .query_row([row.token], |row| row.get(0))
                .map(|bytes| rows::decode(&row.id, bytes))?;
            match record {
                Ok(record) => self.void.extend(self.index.load_unsettled(row.id, record)),
                // It exists and cannot be read: every claim is told so, for as long as it is there.
                Err(_) => self.stored(&row),
            }
        }
        self.flush();
        for token in std::mem::take(&mut self.void) {
            let void = "SELECT scope, length(record) FROM idempotency_records WHERE token = ?1";
            let (scope, bytes): (_, u32) =
                connection.query_row(void, [token], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let usage = self.used.entry(ScopeDigest::from_bytes(scope)).or_default();
            usage.keys = usage.keys.saturating_sub(1);
            usage.bytes = usage.bytes.saturating_sub(bytes.into());
        }
        for (scope, usage) in self.used {
            self.index.usage.add(scope, usage);
        }
        let mut expiries = self.index.expiries();
        self.expiries.into_iter().for_each(|(block, at)| expiries.lower(block, at));
        Ok(())
    }

    fn stored(&mut self, row: &Scanned) {
        if self.using.0 != row.scope {
            self.use_by(row.scope);
        }
        add(&mut self.using.1, Usage { keys: 1, bytes: row.bytes.into() });
        let batch = &mut self.batches[Index::shard_of(&row.id)];
        batch.push(Entry { id: row.id, token: row.token });
        if batch.len() == BATCH {
            self.void.extend(self.index.load_stored(batch));
            batch.clear();
        }
    }

    fn use_by(&mut self, scope: ScopeDigest) {
        let (before, usage) = std::mem::replace(&mut self.using, (scope, Usage::default()));
        add(self.used.entry(before).or_default(), usage);
    }
}

fn add(sum: &mut Usage, more: Usage) {
    sum.keys += more.keys;
    sum.bytes += more.bytes;
}
