//! The stores that are swept, and a runtime for each point.

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::store::MemoryStore;
use seiriken::store::postgres::{PostgresOptions, PostgresStore};
use seiriken::store::redis::{RedisOptions, RedisStore};
use seiriken::store::sqlite::SqliteStore;
use tempfile::TempDir;

use super::servers::Servers;
use super::tally::On;
use super::timed::Timed;

/// The program has the usual places on the same servers.
const APART: &str = "sweep";

/// A server that other processes keep busy is slow at times.
const ANSWERED_WITHIN: Duration = Duration::from_secs(30);

/// A store, and the folder where it lies.
pub(super) struct Bench<S> {
    pub(super) on: On,
    pub(super) store: Arc<Timed<S>>,
    _folder: Option<TempDir>,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

pub(super) fn memory() -> Bench<MemoryStore> {
    let clock = clock();
    let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("the system has randomness");
    Bench { on: On::Memory, store: Arc::new(Timed::new(store, clock)), _folder: None }
}

pub(super) fn sqlite() -> Bench<SqliteStore> {
    let folder = TempDir::new().expect("a folder for the file");
    let path = folder.path().join("sweep.db");
    let clock = clock();
    let opening = SqliteStore::open_with_clock(path, Arc::clone(&clock));
    let store = in_paused_time(opening).expect("the file is opened");
    Bench { on: On::Sqlite, store: Arc::new(Timed::new(store, clock)), _folder: Some(folder) }
}

pub(super) fn postgres(servers: &Servers) -> Bench<PostgresStore> {
    let clock = clock();
    let options = PostgresOptions::new().schema(APART).clock(Arc::clone(&clock));
    let url = servers.postgres.url();
    let opening = options.connect(&url);
    let store = servers.runtime.block_on(opening).expect("the tables are made");
    let store = Timed::on_a_runtime(store, clock, servers.runtime.handle());
    Bench { on: On::Postgres, store: Arc::new(store), _folder: None }
}

pub(super) fn redis(servers: &Servers) -> Bench<RedisStore> {
    let clock = clock();
    let options = RedisOptions::new().prefix(APART).clock(Arc::clone(&clock));
    let url = servers.redis.url();
    let opening = options.answered_within(ANSWERED_WITHIN).connect(&url);
    let store = servers.runtime.block_on(opening).expect("the server is fit");
    let store = Timed::on_a_runtime(store, clock, servers.runtime.handle());
    Bench { on: On::Redis, store: Arc::new(store), _folder: None }
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
