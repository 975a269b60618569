//! The PostgreSQL store, each time in a schema of its own on a server of the suite's own.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use private_servers::{PrivatePgBouncer, PrivatePostgres};
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::conformance::{self, Harness, OwnersAfterRestart, Restarts, Stop, Time};
use seiriken::record::EffectClass;
use seiriken::store::postgres::{OpenError, PostgresOptions, PostgresStore};

/// Never waited for in a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

struct Postgres {
    clock: Arc<ManualClock>,
    bouncer: Option<PrivatePgBouncer>,
    server: PrivatePostgres,
    opened: AtomicU32,
    /// The schema of the store that was opened last: a clause has one store at a time.
    latest: Mutex<String>,
}

impl Postgres {
    fn direct(clock: Arc<ManualClock>) -> Self {
        let server = PrivatePostgres::start(&[]).expect("a server");
        let (opened, latest) = (AtomicU32::new(0), Mutex::default());
        Self { clock, bouncer: None, server, opened, latest }
    }

    fn through_pgbouncer(clock: Arc<ManualClock>) -> Self {
        let direct = Self::direct(clock);
        let bouncer = PrivatePgBouncer::start(&direct.server, 3).expect("a pooler");
        Self { bouncer: Some(bouncer), ..direct }
    }

    async fn open(&self, schema: String) -> PostgresStore {
        self.latest.lock().expect("no panic holds it").clone_from(&schema);
        let options = PostgresOptions::new()
            .schema(schema)
            .clock(Arc::clone(&self.clock))
            .transaction_pooling(self.bouncer.is_some());
        let url = match &self.bouncer {
            Some(bouncer) => bouncer.url(),
            None => self.server.url(),
        };
        // A pooler that has met a server that was down turns clients away for a moment more.
        let opening = async {
            loop {
                match options.clone().connect(&url).await {
                    Ok(store) => break store,
                    Err(OpenError::Database(_)) if self.bouncer.is_some() => {}
                    Err(error) => panic!("it is not opened: {error}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, opening).await.expect("it is opened")
    }
}

impl Harness for Postgres {
    type Store = PostgresStore;

    async fn fresh(&self) -> PostgresStore {
        let number = self.opened.fetch_add(1, Ordering::SeqCst);
        self.open(format!("clause_{number}")).await
    }

    fn classes(&self) -> &[EffectClass] {
        &[EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque]
    }

    fn time(&self) -> Time {
        Time::Moved(Arc::clone(&self.clock))
    }

    fn restarts(&self) -> Restarts {
        Restarts::Keeps { owners: OwnersAfterRestart::MayLive }
    }

    async fn restart(&self, store: PostgresStore, stop: Stop) -> PostgresStore {
        match stop {
            Stop::Clean => store.close().await,
            // Both: this node, and the database under all of them.
            Stop::Killed => {
                drop(store);
                self.server.kill().expect("it is killed");
                self.server.restart().expect("it starts again");
            }
        }
        let schema = self.latest.lock().expect("no panic holds it").clone();
        self.open(schema).await
    }
}

fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_postgres_store_keeps_the_contract() {
    let harness = Postgres::direct(manual_clock());
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_postgres_store_keeps_the_contract_through_pgbouncer() {
    let harness = Postgres::through_pgbouncer(manual_clock());
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}
