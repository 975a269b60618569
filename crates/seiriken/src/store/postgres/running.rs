//! Transactional executions of this process, which are written nowhere before they end.
//!
//! That an owner's process dies leaves nothing behind, so nothing has to be written before it. On
//! another node the same key can be running as well; which of the two may commit, the database
//! says when they begin their transactions (`tx`).

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::clock::Timestamp;
use crate::record::transition::{self, Change};
use crate::record::{Record, Token};
use crate::scope::{IdHasher, RecordId, ScopeDigest};

/// Who runs here. Cloning it gives another handle.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    keys: Arc<Keys>,
}

type ById = HashMap<RecordId, Key, BuildHasherDefault<IdHasher>>;

#[derive(Debug, Default)]
struct Keys {
    by_id: Mutex<ById>,
    finished: Notify,
}

#[derive(Debug, Default)]
struct Key {
    record: Option<Record>,
    /// Claims that are asking the database about it.
    looking: usize,
    /// Those of them that may write a row.
    writing: usize,
    /// How many of those have ended while somebody was looking.
    written: u64,
    /// Its record is being written, with its answer.
    finishing: usize,
    /// How often an execution of it has ended while somebody was looking.
    ended: u64,
}

/// A claim that asks the database about a key. What it finds there counts only if no execution of
/// the key has ended here in between: its record may have come after the look.
#[derive(Debug)]
pub(super) struct Look {
    keys: Arc<Keys>,
    id: RecordId,
    ended: u64,
    written: u64,
    /// Whether a row may be written by it: from its beginning only where none ran here then.
    writes: AtomicBool,
}

/// What of a key is on its way to the database, from here.
#[derive(Debug, Clone, Copy)]
pub(super) struct OnItsWay {
    /// Another claim may be writing a row, or have written one since the look began: nobody begins
    /// to run here.
    pub(super) a_row: bool,
    /// The answer of the execution that runs here: nobody takes it over.
    pub(super) an_answer: bool,
}

/// An execution whose record is being written.
#[derive(Debug)]
pub(super) struct Finishing {
    keys: Arc<Keys>,
    id: RecordId,
}

impl Running {
    /// Begins a look, which is to write a row if there is none.
    pub(super) fn look(&self, id: RecordId, write: bool) -> Look {
        let mut keys = self.keys.lock();
        let key = keys.entry(id).or_default();
        let writes = write && key.record.is_none();
        key.looking += 1;
        key.writing += usize::from(writes);
        let (ended, written) = (key.ended, key.written);
        Look { keys: Arc::clone(&self.keys), id, ended, written, writes: writes.into() }
    }

    /// The execution of this token, whose record is to be written now. Until what is answered
    /// beside it is dropped nobody takes it over, and who would release it waits.
    pub(super) fn finish(&self, id: RecordId, token: Token) -> Option<(Record, Finishing)> {
        let mut keys = self.keys.lock();
        let key = keys.get_mut(&id)?;
        let record = key.record.as_ref().filter(|record| record.token == token)?.clone();
        key.finishing += 1;
        Some((record, Finishing { keys: Arc::clone(&self.keys), id }))
    }

    /// Waits until no record of the key is being written, with its answer.
    pub(super) async fn finished(&self, id: RecordId) {
        self.when_finished(id, |_| ()).await;
    }

    /// [`Running::change`] once no record of the key is being written.
    pub(super) async fn change_finished<R>(
        &self,
        id: RecordId,
        token: Token,
        change: impl FnOnce(&mut Option<Record>) -> R,
    ) -> Option<R> {
        self.when_finished(id, |keys| changed(keys, id, token, change)).await
    }

    async fn when_finished<R>(&self, id: RecordId, then: impl FnOnce(&mut ById) -> R) -> R {
        loop {
            let mut finished = pin!(self.keys.finished.notified());
            // From here on it hears of every end.
            finished.as_mut().enable();
            {
                let mut keys = self.keys.lock();
                if keys.get(&id).is_none_or(|key| key.finishing == 0) {
                    return then(&mut keys);
                }
            }
            finished.await;
        }
    }

    /// The execution of this token.
    pub(super) fn of(&self, id: RecordId, token: Token) -> Option<Record> {
        self.keys.lock().get(&id)?.record.as_ref().filter(|record| record.token == token).cloned()
    }

    /// Changes the execution of this token, which ends with `None`.
    pub(super) fn change<R>(
        &self,
        id: RecordId,
        token: Token,
        change: impl FnOnce(&mut Option<Record>) -> R,
    ) -> Option<R> {
        changed(&mut self.keys.lock(), id, token, change)
    }

    /// The execution of this token is over.
    pub(super) fn end(&self, id: RecordId, token: Token) {
        self.change(id, token, |record| *record = None);
    }

    /// How many of a scope run.
    pub(super) fn count(&self, scope: ScopeDigest) -> u64 {
        let keys = self.keys.lock();
        let records = keys.values().filter_map(|key| key.record.as_ref());
        records.map(|record| u64::from(record.scope == scope)).sum()
    }

    /// Takes out those whose lease has ended: their owners have gone without a word.
    pub(super) fn sweep(&self, now: Timestamp) -> usize {
        let mut keys = self.keys.lock();
        let mut removed = 0;
        keys.retain(|_, key| {
            let due = |record: &Record| transition::sweep(record, now).change == Change::Remove;
            if key.record.as_ref().is_some_and(due) {
                key.record = None;
                key.ended += 1;
                removed += 1;
            }
            !key.unused()
        });
        removed
    }
}

fn changed<R>(
    keys: &mut ById,
    id: RecordId,
    token: Token,
    change: impl FnOnce(&mut Option<Record>) -> R,
) -> Option<R> {
    let key = keys.get_mut(&id)?;
    if key.record.as_ref()?.token != token {
        return None;
    }
    let changed = change(&mut key.record);
    if key.record.is_none() {
        key.ended += 1;
        if key.unused() {
            keys.remove(&id);
        }
    }
    Some(changed)
}

impl Keys {
    fn lock(&self) -> MutexGuard<'_, ById> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    pub(super) fn writes(&self) -> bool {
        // Changed under the lock alone.
        self.writes.load(Ordering::Relaxed)
    }

    /// Decides, unless an execution has ended in between: then `None`, and look again. What
    /// decides is told what is on its way.
    ///
    /// Where a record goes from here, a row is written in its place: from this moment on.
    pub(super) fn decide<R>(
        &self,
        decide: impl FnOnce(&mut Option<Record>, OnItsWay) -> R,
    ) -> Option<R> {
        let mut keys = self.keys.lock();
        let key = keys.entry(self.id).or_default();
        if key.ended != self.ended {
            return None;
        }
        let coming = OnItsWay {
            a_row: key.writing > usize::from(self.writes()) || key.written != self.written,
            an_answer: key.finishing > 0,
        };
        let ran = key.record.is_some();
        let decided = decide(&mut key.record, coming);
        if ran && key.record.is_none() {
            key.ended += 1;
            key.writing += usize::from(!self.writes.swap(true, Ordering::Relaxed));
        }
        Some(decided)
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        let mut keys = self.keys.lock();
        if let Some(key) = keys.get_mut(&self.id) {
            key.looking -= 1;
            if self.writes() {
                key.writing -= 1;
                key.written += 1;
            }
            if key.unused() {
                keys.remove(&self.id);
            }
        }
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        let mut keys = self.keys.lock();
        if let Some(key) = keys.get_mut(&self.id) {
            key.finishing -= 1;
            if key.unused() {
                keys.remove(&self.id);
            }
        }
        drop(keys);
        self.keys.finished.notify_waiters();
    }
}

impl Key {
    fn unused(&self) -> bool {
        self.record.is_none() && self.looking == 0 && self.finishing == 0
    }
}
