//! The journal: what a client that was killed needs to know at its next start.
//!
//! A client that dies between sending and the answer has lost the one thing that makes a retry
//! safe: the key. With a journal
//!
//! 1. an intent is on the disk, fsynced, **before** its first byte is sent;
//! 2. it is marked as settled after its definite answer, or when certainly nothing was sent;
//! 3. what is not settled at the next start is found there ([`Journal::unsettled`]) and sent again
//!    with the same key and the same bytes, as resumed: an earlier process may have sent it.
//!
//! Losing a settled mark costs one replay, so it is not fsynced. The end of a file that was being
//! written when the machine died is dropped: what was not whole on the disk was not sent. Anything
//! unreadable before that is an error, never skipped, for it may be an intent. Settled lines are
//! dropped when the file is opened and whenever they are most of it.
//!
//! One process at a time: a second one is told so ([`JournalError::InUse`]). The file holds requests as
//! they are, **credentials included**; where the system has such rights, its owner alone can read it.

mod file;
mod line;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use self::file::{JournalFile, real_path};
use self::line::{Entry, Written};
use crate::intent::Intent;
use crate::key::Key;

/// So many settled lines may lie in the file before it is written anew, if they are most of it.
const SETTLED_MAX: usize = 512;

/// A journal that is open. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    file: JournalFile,
    /// By key, with its place in the order of writing.
    unsettled: HashMap<String, (u64, Written)>,
    next_place: u64,
    settled_lines: usize,
    /// After a write that failed nobody knows what is on the disk.
    broken: bool,
}

/// Why the journal cannot be used. Nothing is sent that it could not take.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Another process has it open.
    #[error("the journal {} is in use by another process", path.display())]
    InUse {
        /// The journal.
        path: PathBuf,
    },
    /// A line before the end cannot be read. It may be an intent, so it is not skipped.
    #[error("line {line} of the journal {} cannot be read", path.display())]
    Corrupt {
        /// The journal.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// The file cannot be read or written.
    #[error("the journal {} cannot be used: {source}", path.display())]
    Io {
        /// The journal.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// An earlier write failed, and what is on the disk is not known: open it again.
    #[error("an earlier write to the journal failed; start again to find out what it holds")]
    Broken,
    /// The thread that writes was stopped.
    #[error("the journal was not written: the runtime is shutting down")]
    Stopped,
}

impl Journal {
    /// Opens the journal at `path`, which is made if it is not there. This reads and may write the
    /// file, so it blocks for a moment.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, JournalError> {
        let path = real_path(path.as_ref())?;
        let (mut file, content) = JournalFile::open(path)?;
        let entries = read(&content)
            .map_err(|line| JournalError::Corrupt { path: file.path().to_path_buf(), line })?;
        let mut unsettled = HashMap::new();
        let mut next_place = 0;
        for entry in entries {
            match entry {
                Entry::Intent(written) => {
                    unsettled.insert(written.key.clone(), (next_place, written));
                    next_place += 1;
                }
                Entry::Settled(key) => {
                    unsettled.remove(&key);
                }
            }
        }
        let lines = lines_of(&unsettled);
        if lines.as_bytes() != content {
            file.replace(&lines)?;
        }
        let state = State { file, unsettled, next_place, settled_lines: 0, broken: false };
        Ok(Self(Arc::new(Mutex::new(state))))
    }

    /// What is not settled, oldest first. Each is resumed: sending it uses the key it had.
    pub fn unsettled(&self) -> Vec<Intent> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = state.unsettled.values().collect();
        all.sort_by_key(|(place, _)| *place);
        all.into_iter().filter_map(|(_, written)| written.intent()).collect()
    }

    /// Gives an intent up whose outcome nobody will learn: it is not found at the next start.
    pub async fn forget(&self, key: &Key) -> Result<(), JournalError> {
        self.settle(key).await
    }

    /// Makes an intent durable. When this has answered it may be sent.
    pub(crate) async fn record(&self, intent: &Intent) -> Result<(), JournalError> {
        let written = Written::from(intent);
        self.write(move |state| {
            state.file.append(&Entry::Intent(written.clone()).line())?;
            state.file.sync()?;
            state.unsettled.insert(written.key.clone(), (state.next_place, written));
            state.next_place += 1;
            Ok(())
        })
        .await
    }

    /// Marks an intent as settled.
    pub(crate) async fn settle(&self, key: &Key) -> Result<(), JournalError> {
        let key = key.as_str().to_owned();
        self.write(move |state| {
            if state.unsettled.remove(&key).is_none() {
                return Ok(());
            }
            state.file.append(&Entry::Settled(key).line())?;
            state.settled_lines += 1;
            if state.settled_lines > SETTLED_MAX.max(2 * state.unsettled.len()) {
                state.file.replace(&lines_of(&state.unsettled))?;
                state.settled_lines = 0;
            }
            Ok(())
        })
        .await
    }

    /// On a thread that may block, and to its end: who waits for it may go away.
    async fn write(
        &self,
        change: impl FnOnce(&mut State) -> Result<(), JournalError> + Send + 'static,
    ) -> Result<(), JournalError> {
        let journal = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || {
            let mut state = journal.lock().unwrap_or_else(PoisonError::into_inner);
            if state.broken {
                return Err(JournalError::Broken);
            }
            let changed = change(&mut state);
            state.broken = changed.is_err();
            changed
        });
        written.await.unwrap_or(Err(JournalError::Stopped))
    }
}

/// The lines of a file; `Err` is the number of the line that cannot be read.
fn read(content: &[u8]) -> Result<Vec<Entry>, usize> {
    let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut entries = Vec::new();
    let mut unreadable = None;
    for (number, line) in (1..).zip(content[..whole].split_inclusive(|byte| *byte == b'\n')) {
        match Entry::read(&line[..line.len() - 1]) {
            // A fsync that made this line durable made those before it durable, too.
            Some(_) if unreadable.is_some() => return Err(unreadable.unwrap_or(number)),
            Some(entry) => entries.push(entry),
            None => unreadable = unreadable.or(Some(number)),
        }
    }
    Ok(entries)
}

fn lines_of(unsettled: &HashMap<String, (u64, Written)>) -> String {
    let mut all: Vec<_> = unsettled.values().collect();
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, written)| Entry::Intent(written.clone()).line()).collect()
}
