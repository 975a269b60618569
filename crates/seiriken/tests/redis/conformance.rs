//! The Redis store: each time under a prefix of its own, on one server that is restarted with what
//! is on its disk, on a cluster of six, and behind sentinels.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use private_servers::redis::{RedisCluster, RedisSentinels, RedisServer, RedisSettings};
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::conformance::{self, Harness, OwnersAfterRestart, Restarts, Stop, Time};
use seiriken::record::EffectClass;
use seiriken::store::redis::{RedisOptions, RedisStore};

fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

/// Servers to hold a store to.
trait Servers: Send {
    fn url(&self) -> String;
    fn end_and_start(&mut self, stop: Stop);
}

impl Servers for RedisServer {
    fn url(&self) -> String {
        RedisServer::url(self)
    }

    fn end_and_start(&mut self, stop: Stop) {
        match stop {
            Stop::Clean => self.stop(),
            Stop::Killed => self.kill(),
        }
        self.restart().expect("the server starts again");
    }
}

/// A server of several that ends is replaced by another one, which may have forgotten: what that
/// means is in `tests/redis`. Here the store's own process ends.
impl Servers for RedisCluster {
    fn url(&self) -> String {
        RedisCluster::url(self)
    }

    fn end_and_start(&mut self, _: Stop) {}
}

impl Servers for RedisSentinels {
    fn url(&self) -> String {
        RedisSentinels::url(self)
    }

    fn end_and_start(&mut self, _: Stop) {}
}

struct Redis<S> {
    clock: Arc<ManualClock>,
    servers: Mutex<S>,
    opened: AtomicU32,
}

impl<S: Servers> Redis<S> {
    fn new(servers: S) -> Self {
        let servers = Mutex::new(servers);
        Self { clock: manual_clock(), servers, opened: AtomicU32::new(0) }
    }

    async fn open(&self, number: u32) -> RedisStore {
        let url = self.servers.lock().expect("no panic holds it").url();
        RedisOptions::new()
            .prefix(format!("store-{number}"))
            // A disk that many tests write to at once is slow at times.
            .answered_within(Duration::from_secs(30))
            .clock(Arc::clone(&self.clock))
            .connect(&url)
            .await
            .expect("the store is opened")
    }
}

impl<S: Servers> Harness for Redis<S> {
    type Store = RedisStore;

    async fn fresh(&self) -> RedisStore {
        self.open(self.opened.fetch_add(1, Ordering::SeqCst) + 1).await
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

    async fn restart(&self, store: RedisStore, stop: Stop) -> RedisStore {
        drop(store);
        self.servers.lock().expect("no panic holds it").end_and_start(stop);
        // A clause has one store at a time.
        self.open(self.opened.load(Ordering::SeqCst)).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_redis_store_keeps_the_contract_on_one_server() {
    let server = RedisServer::start(RedisSettings::new()).expect("a server");
    let harness = Redis::new(server);
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_redis_store_keeps_the_contract_on_a_cluster() {
    let cluster = RedisCluster::start(&RedisSettings::new()).expect("a cluster");
    let harness = Redis::new(cluster);
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_redis_store_keeps_the_contract_behind_sentinels() {
    let group = RedisSentinels::start(&RedisSettings::new()).expect("a master and its sentinels");
    let harness = Redis::new(group);
    conformance::run_all(&harness).await;
    conformance::run_operate(&harness).await;
}
