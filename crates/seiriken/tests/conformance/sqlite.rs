//! The SQLite store, each time in a folder of its own, and opened again after any end.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use seiriken::clock::ManualClock;
use seiriken::conformance::{Harness, OwnersAfterRestart, Restarts, Stop, Time};
use seiriken::record::EffectClass;
use seiriken::store::sqlite::SqliteStore;
use tempfile::TempDir;

pub(super) struct Sqlite {
    clock: Arc<ManualClock>,
    folder: TempDir,
    opened: AtomicU32,
    /// The file of the store that was opened last: a clause has one store at a time.
    latest: Mutex<PathBuf>,
}

impl Sqlite {
    pub(super) fn new(clock: Arc<ManualClock>) -> Self {
        let folder = TempDir::new().expect("a folder for the files");
        Self { clock, folder, opened: AtomicU32::new(0), latest: Mutex::default() }
    }

    fn new_path(&self) -> PathBuf {
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        let path = self.folder.path().join(format!("{number}.db"));
        self.latest.lock().expect("no panic holds it").clone_from(&path);
        path
    }

    async fn open(&self, path: PathBuf) -> SqliteStore {
        let clock = Arc::clone(&self.clock);
        SqliteStore::open_with_clock(path, clock).await.expect("the file is opened")
    }
}

impl Harness for Sqlite {
    type Store = SqliteStore;

    async fn fresh(&self) -> SqliteStore {
        self.open(self.new_path()).await
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        Time::Moved(Arc::clone(&self.clock))
    }

    fn restarts(&self) -> Restarts {
        Restarts::Keeps { owners: OwnersAfterRestart::Gone }
    }

    async fn restart(&self, store: SqliteStore, stop: Stop) -> SqliteStore {
        let before = self.latest.lock().expect("no panic holds it").clone();
        match stop {
            Stop::Clean => {
                store.close().await;
                self.open(before).await
            }
            Stop::Killed => {
                // What is in the files at this moment is what a killed process leaves.
                let left = self.new_path();
                copy(&before, &left);
                drop(store);
                self.open(left).await
            }
        }
    }
}

/// The database and its log; the index of the log (`-shm`) is made anew from it.
fn copy(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let with = |path: &Path| format!("{}{suffix}", path.display());
        std::fs::copy(with(from), with(to)).expect("both files are there while it is open");
    }
}
