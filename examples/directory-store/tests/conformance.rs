//! The suite that every store passes, run by the author of this one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use directory_store::DirectoryStore;
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::conformance::{self, Harness, OwnersAfterRestart, Restarts, Stop, Time};
use seiriken::record::EffectClass;
use tempfile::TempDir;

struct Directory {
    clock: Arc<ManualClock>,
    folder: TempDir,
    stores: AtomicU32,
}

impl Directory {
    fn open(&self, number: u32) -> DirectoryStore {
        let folder = self.folder.path().join(number.to_string());
        DirectoryStore::open_with_clock(folder, Arc::clone(&self.clock)).expect("a folder")
    }
}

impl Harness for Directory {
    type Store = DirectoryStore;

    async fn fresh(&self) -> DirectoryStore {
        self.open(self.stores.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        Time::Moved(Arc::clone(&self.clock))
    }

    fn restarts(&self) -> Restarts {
        Restarts::Keeps { owners: OwnersAfterRestart::MayLive }
    }

    /// It keeps nothing in memory: to end it in order and to kill it are the same.
    async fn restart(&self, ended: DirectoryStore, _: Stop) -> DirectoryStore {
        drop(ended);
        self.open(self.stores.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_store_keeps_the_contract() {
    let harness = Directory {
        clock: Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000))),
        folder: tempfile::tempdir().expect("a folder"),
        stores: AtomicU32::new(0),
    };
    conformance::run_all(&harness).await;
}
