//! The baseline behind the layer, as somebody would write it who takes the library and changes
//! nothing: the defaults, and no subscriber for its events.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::postgres::PostgresStore;
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Store, Sweep, keep_swept};

use crate::failure::{Failure, While};
use seiriken_bench_baseline as bare;

/// How often what is due is swept: a service that runs for long does so.
const SWEPT_EVERY: Duration = Duration::from_mins(1);

/// With the keys in memory.
pub fn in_memory() -> Result<Router, Failure> {
    Ok(behind(Arc::new(MemoryStore::new().while_doing("making a store")?)))
}

/// With the keys in this file: each claim and each answer on the disk before it goes on.
pub async fn on_sqlite(file: &Path) -> Result<Router, Failure> {
    Ok(behind(SqliteStore::open(file).await.while_doing("opening a store")?))
}

/// With the keys in this PostgreSQL database: the effect is opaque, so claim and answer are
/// committed one after the other, each together with those of other requests.
pub async fn on_postgres(url: &str) -> Result<Router, Failure> {
    Ok(behind(PostgresStore::connect(url).await.while_doing("opening a store")?))
}

/// With the keys on this Redis server, and an effect that deduplicates by the key.
pub async fn on_redis(url: &str) -> Result<Router, Failure> {
    let store = RedisStore::connect(url).await.while_doing("opening a store")?;
    let idempotency = Idempotency::new(Arc::new(store), Identity::credentials());
    Ok(bare::app().layer(idempotency.require_key().keyed().layer()))
}

fn behind<S: Store + Sweep + Clone>(store: S) -> Router {
    let idempotency = Idempotency::new(store.clone(), Identity::credentials()).require_key();
    tokio::spawn(keep_swept(store, SWEPT_EVERY));
    bare::app().layer(idempotency.layer())
}
