//! The stores of this crate pass the suite that every store passes; stores that break a clause do
//! not.
#![cfg(all(feature = "conformance", feature = "sqlite"))]

#[path = "conformance/defective.rs"]
mod defective;
#[path = "conformance/defective_store.rs"]
mod defective_store;
#[path = "conformance/flawed.rs"]
mod flawed;
#[path = "conformance/sqlite.rs"]
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::conformance::{self, Harness, Restarts, Stop, Time};
use seiriken::record::EffectClass;
use seiriken::store::MemoryStore;

fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

struct Memory(Arc<ManualClock>);

impl Harness for Memory {
    type Store = MemoryStore;

    async fn fresh(&self) -> MemoryStore {
        MemoryStore::with_clock(Arc::clone(&self.0)).expect("the system has randomness")
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        Time::Moved(Arc::clone(&self.0))
    }

    fn restarts(&self) -> Restarts {
        Restarts::Forgets
    }

    async fn restart(&self, _: MemoryStore, _: Stop) -> MemoryStore {
        self.fresh().await
    }
}

/// A shared handle is a store as well.
struct SharedMemory(Memory);

impl Harness for SharedMemory {
    type Store = Arc<MemoryStore>;

    async fn fresh(&self) -> Arc<MemoryStore> {
        Arc::new(self.0.fresh().await)
    }

    fn classes(&self) -> &[EffectClass] {
        self.0.classes()
    }

    fn time(&self) -> Time {
        self.0.time()
    }

    fn restarts(&self) -> Restarts {
        self.0.restarts()
    }

    async fn restart(&self, _: Arc<MemoryStore>, _: Stop) -> Arc<MemoryStore> {
        self.fresh().await
    }
}

/// A store whose clock the suite cannot move, and so waits for. Both clocks are the runtime's,
/// which is paused and jumps to wherever somebody waits for.
struct Waited(Arc<RuntimeClock>);

/// The runtime's clock.
#[derive(Debug)]
struct RuntimeClock(tokio::time::Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).after(self.0.elapsed())
    }
}

impl Harness for Waited {
    type Store = MemoryStore;

    async fn fresh(&self) -> MemoryStore {
        MemoryStore::with_clock(Arc::clone(&self.0)).expect("the system has randomness")
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        let clock: Arc<dyn Clock> = Arc::clone(&self.0) as _;
        Time::Waited { unit: Duration::from_millis(500), clock }
    }

    fn restarts(&self) -> Restarts {
        Restarts::Forgets
    }

    async fn restart(&self, _: MemoryStore, _: Stop) -> MemoryStore {
        self.fresh().await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_keeps_the_contract() {
    let harness = Memory(manual_clock());
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shared_handle_keeps_the_contract() {
    let harness = SharedMemory(Memory(manual_clock()));
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_clock_has_to_be_waited_for_can_be_held_to_it_too() {
    let clock = RuntimeClock(tokio::time::Instant::now());
    let harness = Waited(Arc::new(clock));
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_sqlite_store_keeps_the_contract() {
    let harness = sqlite::Sqlite::new(manual_clock());
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}
