//! The order service: every order is made at most once, and every retry gets the first answer.

mod book;
mod order;
mod page;
mod prepare;
mod refusal;
mod routes;

use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Store};
use tokio::sync::watch;

use self::book::{MemoryBook, SqliteBook};
use crate::cli::{OrdersOptions, StoreUrl};
use crate::listen::{self, Listening};
use crate::stop;

/// How long the end waits for what has begun. What is left after it keeps its claim.
const DRAIN: Duration = Duration::from_secs(25);

/// Runs the service until it is asked to stop.
pub(crate) async fn serve(options: OrdersOptions) -> ExitCode {
    let listening = match listen::listen(&options.listen).await {
        Ok(listening) => listening,
        Err(error) => {
            return stop::failed(&format!("cannot listen on {}: {error}", options.listen));
        }
    };
    match options.store.clone() {
        StoreUrl::Memory => serve_memory(options, listening).await,
        StoreUrl::Sqlite(path) => match SqliteStore::open(path).await {
            Ok(store) => serve_sqlite(options, listening, store).await,
            Err(error) => stop::failed(&error.to_string()),
        },
    }
}

async fn serve_sqlite(
    options: OrdersOptions,
    listening: Listening,
    store: SqliteStore,
) -> ExitCode {
    let book = match SqliteBook::open(store.clone()).await {
        Ok(book) => book,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let guard = idempotency(&options, store.clone()).transactional();
    let layer = match guard.try_layer() {
        Ok(layer) => layer,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let policy = refusal::described_in(layer.policy_page());
    let create = routes::create_in_sqlite(&layer);
    let app = routes::app(&options, store.secret(), policy, book, create);
    let halted = store.clone();
    let exit = run(listening, app, layer.engine(), async move { halted.halted().await }).await;
    store.close().await;
    exit
}

async fn serve_memory(options: OrdersOptions, listening: Listening) -> ExitCode {
    let store = match MemoryStore::new() {
        Ok(store) => std::sync::Arc::new(store),
        Err(error) => return stop::failed(&format!("no randomness for the store: {error}")),
    };
    let guard = idempotency(&options, std::sync::Arc::clone(&store));
    let layer = match guard.try_layer() {
        Ok(layer) => layer,
        Err(error) => return stop::failed(&error.to_string()),
    };
    let book = MemoryBook::default();
    let policy = refusal::described_in(layer.policy_page());
    let create = routes::create_in_memory(&layer);
    let app = routes::app(&options, store.secret(), policy, book, create);
    run(listening, app, layer.engine(), std::future::pending()).await
}

/// What is the same for every store. The service has no cookies of its own, so it ignores them.
fn idempotency<S: Store + Clone>(options: &OrdersOptions, store: S) -> Idempotency<S> {
    Idempotency::new(store, Identity::credentials().ignoring_cookies())
        .require_key()
        .canonical_json()
        .retention(options.retention)
        .lease(options.lease)
        .on_concurrent(options.on_concurrent)
}

/// Serves, and ends: on request after what has begun is done, or at once when the store halts.
async fn run<S: Store>(
    listening: Listening,
    app: Router,
    engine: &seiriken::engine::Engine<S>,
    halted: impl Future<Output = ()>,
) -> ExitCode {
    println!("listening on {}", listening.url());
    let (say_stop, stop) = watch::channel(false);
    let serving = tokio::spawn(listening.serve(app, stop));
    tokio::select! {
        () = stop::asked() => {}
        () = halted => {
            tracing::error!("the store has halted; start again to find out what is on the disk");
            return ExitCode::from(stop::DISK_IN_DOUBT);
        }
    }
    tracing::info!("stopping: finishing what has begun");
    let _ = say_stop.send(true);
    let draining = async {
        // An error is a panic of the serving task; what it left is in the engine's hands.
        let _ = serving.await;
        engine.drain(DRAIN).await
    };
    match tokio::time::timeout(DRAIN, draining).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => {
            stop::failed("some requests were not finished in time; they keep their claims")
        }
    }
}
