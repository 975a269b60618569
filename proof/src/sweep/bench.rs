//! The stores that are swept, and a runtime for each point.

use std::sync::Arc;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::store::MemoryStore;
use seiriken::store::sqlite::SqliteStore;
use tempfile::TempDir;

use super::timed::Timed;

/// A store, and the folder where it lies.
pub(super) struct Bench<S> {
    pub(super) name: &'static str,
    pub(super) store: Arc<Timed<S>>,
    _folder: Option<TempDir>,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

pub(super) fn memory() -> Bench<MemoryStore> {
    let clock = clock();
    let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("the system has randomness");
    Bench { name: "memory", store: Arc::new(Timed::new(store, clock)), _folder: None }
}

pub(super) fn sqlite() -> Bench<SqliteStore> {
    let folder = TempDir::new().expect("a folder for the file");
    let path = folder.path().join("sweep.db");
    let clock = clock();
    let opening = SqliteStore::open_with_clock(path, Arc::clone(&clock));
    let store = in_paused_time(opening).expect("the file is opened");
    Bench { name: "SQLite", store: Arc::new(Timed::new(store, clock)), _folder: Some(folder) }
}

/// Runs to its end, in a runtime of its own whose time is paused. What is left over in it (calls
/// that hang, processes that are stopped) ends with it.
pub(super) fn in_paused_time<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let output = runtime.block_on(future);
    runtime.shutdown_background();
    output
}
