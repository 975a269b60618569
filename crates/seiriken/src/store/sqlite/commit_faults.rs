//! COMMITs that fail on purpose. In builds for the evidence alone (`--cfg seiriken_proof`).

use std::fmt;
use std::sync::{Mutex, PoisonError};

use rusqlite::ffi;

/// How a COMMIT fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitFault {
    /// It is refused before anything is written, as for a deferred constraint.
    Refused,
    /// Nothing of it reaches the disk, and SQLite says that it failed.
    Unwritten,
    /// It reaches the disk, and SQLite says that it failed.
    Written,
}

type Hook = Box<dyn FnMut() -> Option<CommitFault> + Send>;

/// Asked on the writer thread before each COMMIT; it may keep the thread waiting.
#[derive(Default)]
pub(super) struct CommitFaults {
    hook: Mutex<Option<Hook>>,
}

impl CommitFaults {
    pub(super) fn ask(&self, hook: Hook) {
        *self.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(hook);
    }

    pub(super) fn commit(
        &self,
        commit: impl FnOnce() -> Result<usize, rusqlite::Error>,
    ) -> Result<usize, rusqlite::Error> {
        let mut hook = self.hook.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |code| Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        match hook.as_mut().and_then(|hook| hook()) {
            None => commit(),
            Some(CommitFault::Refused) => failed(ffi::SQLITE_CONSTRAINT),
            Some(CommitFault::Unwritten) => failed(ffi::SQLITE_IOERR),
            Some(CommitFault::Written) => commit().and(failed(ffi::SQLITE_IOERR)),
        }
    }
}

impl fmt::Debug for CommitFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CommitFaults")
    }
}
