//! Transactional executions of this process, which are written nowhere before they end.
//!
//! That an owner's process dies leaves nothing behind, so nothing has to be written before it. On
//! another node the same key can be running as well; which of the two may commit, the database
//! says when they begin their transactions (`tx`).

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::Timestamp;
use crate::record::transition::{self, Change};
use crate::record::{Record, Token};
use crate::scope::{IdHasher, RecordId, ScopeDigest};

/// Who runs here.
#[derive(Debug, Default)]
pub(super) struct Running {
    keys: Mutex<HashMap<RecordId, Key, BuildHasherDefault<IdHasher>>>,
}

#[derive(Debug, Default)]
struct Key {
    record: Option<Record>,
    /// Claims that are asking the database about it.
    looking: usize,
    /// How often an execution of it has ended while somebody was looking.
    ended: u64,
}

/// A claim that asks the database about a key. What it finds there counts only if no execution of
/// the key has ended here in between: its record may have come after the look.
#[derive(Debug)]
pub(super) struct Look<'r> {
    running: &'r Running,
    id: RecordId,
    ended: u64,
    /// Whether it was running when the look began.
    pub(super) runs: bool,
}

impl Running {
    pub(super) fn look(&self, id: RecordId) -> Look<'_> {
        let mut keys = self.lock();
        let key = keys.entry(id).or_default();
        key.looking += 1;
        Look { running: self, id, ended: key.ended, runs: key.record.is_some() }
    }

    /// The execution of this token.
    pub(super) fn of(&self, id: RecordId, token: Token) -> Option<Record> {
        self.lock().get(&id)?.record.as_ref().filter(|record| record.token == token).cloned()
    }

    /// Changes the execution of this token, which ends with `None`.
    pub(super) fn change<R>(
        &self,
        id: RecordId,
        token: Token,
        change: impl FnOnce(&mut Option<Record>) -> R,
    ) -> Option<R> {
        let mut keys = self.lock();
        let key = keys.get_mut(&id)?;
        if key.record.as_ref()?.token != token {
            return None;
        }
        let changed = change(&mut key.record);
        if key.record.is_none() {
            key.ended += 1;
            if key.looking == 0 {
                keys.remove(&id);
            }
        }
        Some(changed)
    }

    /// The execution of this token is over.
    pub(super) fn end(&self, id: RecordId, token: Token) {
        self.change(id, token, |record| *record = None);
    }

    /// How many of a scope run.
    pub(super) fn count(&self, scope: ScopeDigest) -> u64 {
        let keys = self.lock();
        let records = keys.values().filter_map(|key| key.record.as_ref());
        records.map(|record| u64::from(record.scope == scope)).sum()
    }

    /// Takes out those whose lease has ended: their owners have gone without a word.
    pub(super) fn sweep(&self, now: Timestamp) -> usize {
        let mut keys = self.lock();
        let mut removed = 0;
        keys.retain(|_, key| {
            let due = |record: &Record| transition::sweep(record, now).change == Change::Remove;
            if key.record.as_ref().is_some_and(due) {
                key.record = None;
                key.ended += 1;
                removed += 1;
            }
            key.record.is_some() || key.looking > 0
        });
        removed
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordId, Key, BuildHasherDefault<IdHasher>>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look<'_> {
    /// Decides, unless an execution has ended in between: then `None`, and look again.
    pub(super) fn decide<R>(&self, decide: impl FnOnce(&mut Option<Record>) -> R) -> Option<R> {
        let mut keys = self.running.lock();
        let key = keys.entry(self.id).or_default();
        (key.ended == self.ended).then(|| decide(&mut key.record))
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let mut keys = self.running.lock();
        if let Some(key) = keys.get_mut(&self.id) {
            key.looking -= 1;
            if key.looking == 0 && key.record.is_none() {
                keys.remove(&self.id);
            }
        }
    }
}
