//! The stores that sequences of verbs are tried on: both can be moved in time, and one be ended.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Operate, Sweep};
use tempfile::TempDir;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A store that can be ended.
pub(super) trait Tried {
    type Store: Operate + Sweep;

    fn store(&self) -> &Self::Store;

    fn clock(&self) -> &ManualClock;

    /// Keys that were made before this moment count as forgotten when the store is new.
    fn swept_through(&self) -> Timestamp;

    /// Whether it has been: one that lives in memory has no second life.
    async fn restarts(&mut self, clean: bool) -> bool;
}

/// The store in memory.
pub(super) struct Memory {
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("there is randomness");
        Self { store, clock }
    }
}

impl Tried for Memory {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn swept_through(&self) -> Timestamp {
        START
    }

    async fn restarts(&mut self, _: bool) -> bool {
        false
    }
}

/// The fuzzer's alarm interrupts the system's way of copying, which then gives up.
fn copy(from: &str, to: &str) -> io::Result<u64> {
    loop {
        match std::fs::copy(from, to) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            copied => return copied,
        }
    }
}

/// The store in a file.
pub(super) struct Sqlite {
    /// `None` while it is opened anew.
    store: Option<SqliteStore>,
    clock: Arc<ManualClock>,
    folder: TempDir,
    lives: u32,
}

impl Sqlite {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = TempDir::new_in(parent).expect("a folder for the file");
        let mut sqlite = Self { store: None, clock, folder, lives: 0 };
        sqlite.open().await;
        sqlite
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.db", self.lives))
    }

    async fn open(&mut self) {
        let store = SqliteStore::open_with_clock(self.path(), Arc::clone(&self.clock)).await;
        self.store = Some(store.expect("the file is opened"));
    }
}

impl Tried for Sqlite {
    type Store = SqliteStore;

    fn store(&self) -> &SqliteStore {
        self.store.as_ref().expect("it is open between two steps")
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn swept_through(&self) -> Timestamp {
        Timestamp::ZERO
    }

    async fn restarts(&mut self, clean: bool) -> bool {
        let store = self.store.take().expect("it is open between two steps");
        if clean {
            store.close().await;
        } else {
            // What is in the files at this moment is what a killed process leaves.
            let before = self.path();
            self.lives += 1;
            for suffix in ["", "-wal"] {
                let with = |path: &Path| format!("{}{suffix}", path.display());
                copy(&with(&before), &with(&self.path())).expect("both files are there");
            }
            store.close().await;
        }
        self.open().await;
        true
    }
}
