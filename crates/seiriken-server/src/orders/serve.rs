//! The service on each store.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use seiriken::store::postgres::PostgresStore;
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, keep_swept};

use super::book::{MemoryBook, PostgresBook, RedisBook, SqliteBook};
use super::{Doors, create, idempotency, routes, run, sweep_pause};
use crate::admin::Admin;
use crate::cli::OrdersOptions;
use crate::keys::Beside;
use crate::listen;
use crate::stop;
use crate::store_url::{DatabaseUrl, StoreUrl};

/// Runs the service until it is asked to stop.
pub(crate) async fn serve(options: OrdersOptions) -> ExitCode {
    let listening = match listen::listen(&options.listen).await {
        Ok(listening) => listening,
        Err(error) => {
            return stop::failed(&format!("cannot listen on {}: {error}", options.listen));
        }
    };
    let admin = match &options.serving.admin {
        Some(address) => match Admin::open(address).await {
            Ok(admin) => Some(admin),
            Err(error) => return stop::failed(&error),
        },
        None => None,
    };
    let doors = Doors { orders: listening, admin };
    match options.serving.store.clone() {
        StoreUrl::Memory => in_memory(options, doors).await,
        StoreUrl::Sqlite(path) => match SqliteStore::open(&path).await {
            Ok(store) => in_sqlite(options, doors, store, &path).await,
            Err(error) => stop::failed(&error.to_string()),
        },
        StoreUrl::Postgres(url) => match PostgresStore::connect(url.as_str()).await {
            Ok(store) => in_postgres(options, doors, store).await,
            Err(error) => stop::failed(&error.to_string()),
        },
        StoreUrl::Redis(url) => match RedisStore::connect(url.as_str()).await {
            Ok(store) => in_redis(options, doors, store, &url).await,
            Err(error) => stop::failed(&error.to_string()),
        },
    }
}

async fn in_memory(options: OrdersOptions, doors: Doors) -> ExitCode {
    let store = match MemoryStore::new() {
        Ok(store) => Arc::new(store),
        Err(error) => return stop::failed(&format!("no randomness for the store: {error}")),
    };
    let layer = match idempotency(&options, Arc::clone(&store)).try_layer() {
        Ok(layer) => layer,
        Err(error) => return stop::failed(&error.to_string()),
    };
    tokio::spawn(keep_swept(store, sweep_pause(&options)));
    let create = create::in_memory(&layer);
    let app = routes::app(&options, &layer, MemoryBook::default(), create);
    run(doors, app, layer.engine(), options.serving.drain, std::future::pending()).await
}

async fn in_sqlite(
    options: OrdersOptions,
    doors: Doors,
    store: SqliteStore,
    path: &Path,
) -> ExitCode {
    let book = match SqliteBook::open(store.clone()).await {
        Ok(book) => book,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let layer = match idempotency(&options, store.clone()).transactional().try_layer() {
        Ok(layer) => layer,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let create = create::in_sqlite(&layer);
    let app = routes::app(&options, &layer, book, create);
    tokio::spawn(keep_swept(store.clone(), sweep_pause(&options)));
    let beside = Beside::answer(path, &store);
    let halted = store.clone();
    let halted = async move { halted.halted().await };
    let exit = run(doors, app, layer.engine(), options.serving.drain, halted).await;
    // While the file is ours: whoever has it next has a socket of its own there.
    drop(beside);
    // A disk that hangs must not keep the process: what is not committed was not answered.
    match tokio::time::timeout(options.serving.drain, store.close()).await {
        Ok(()) => exit,
        Err(_) => stop::failed("the store could not be closed in time"),
    }
}

async fn in_postgres(options: OrdersOptions, doors: Doors, store: PostgresStore) -> ExitCode {
    let book = match PostgresBook::open(store.pool().clone()).await {
        Ok(book) => book,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let layer = match idempotency(&options, store.clone()).transactional().try_layer() {
        Ok(layer) => layer,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let create = create::in_postgres(&layer);
    let app = routes::app(&options, &layer, book, create);
    tokio::spawn(keep_swept(store, sweep_pause(&options)));
    run(doors, app, layer.engine(), options.serving.drain, std::future::pending()).await
}

async fn in_redis(
    options: OrdersOptions,
    doors: Doors,
    store: RedisStore,
    url: &DatabaseUrl,
) -> ExitCode {
    let book = match RedisBook::open(url.as_str()).await {
        Ok(book) => book,
        Err(error) => return stop::failed(&format!("the orders on Redis: {error}")),
    };
    let layer = match idempotency(&options, Arc::new(store)).keyed().try_layer() {
        Ok(layer) => layer,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let create = create::in_redis(&layer);
    let app = routes::app(&options, &layer, book, create);
    run(doors, app, layer.engine(), options.serving.drain, std::future::pending()).await
}
