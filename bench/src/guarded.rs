//! The baseline behind the layer, as somebody would write it who takes the library and changes
//! nothing: the defaults, and no subscriber for its events.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use seiriken::http::{Idempotency, Identity};
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

fn behind<S: Store + Sweep + Clone>(store: S) -> Router {
    let idempotency = Idempotency::new(store.clone(), Identity::credentials()).require_key();
    tokio::spawn(keep_swept(store, SWEPT_EVERY));
    bare::app().layer(idempotency.layer())
}
