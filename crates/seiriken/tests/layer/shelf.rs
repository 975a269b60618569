//! A SQLite file with a table of things, for handlers that put one there.

use axum::Router;
use axum::handler::Handler;
use axum::routing::post as on_post;
use http::Request;
use seiriken::http::{Idempotency, IdempotencyLayer, Identity};
use seiriken::store::sqlite::{SqliteStore, SqliteTx, rusqlite};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::guarded::{Answer, post};

/// The file. It is removed when this goes away.
pub(crate) struct Shelf {
    pub(crate) store: SqliteStore,
    _folder: TempDir,
}

/// A route that is guarded as transactional.
#[derive(Clone)]
pub(crate) struct Route {
    router: Router,
    pub(crate) layer: IdempotencyLayer<SqliteStore>,
}

/// Puts a thing on the shelf.
pub(crate) fn put(tx: &SqliteTx<'_>) -> Result<(), rusqlite::Error> {
    tx.execute("INSERT INTO things (name) VALUES ('a thing')", []).map(drop)
}

impl Shelf {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path().join("shelf.db")).await.expect("a new file");
        let table = "CREATE TABLE things (name TEXT NOT NULL) STRICT";
        let made = store.write(move |tx| tx.execute_batch(table)).await;
        made.expect("a store that runs").expect("a table");
        Self { store, _folder: folder }
    }

    /// The layer on this file, for anybody.
    pub(crate) fn idempotency(&self) -> Idempotency<SqliteStore> {
        Idempotency::new(self.store.clone(), Identity::anonymous())
    }

    /// A transactional route.
    pub(crate) fn route<T: 'static>(&self, handler: impl Handler<T, ()>) -> Route {
        Route::new(&self.idempotency().transactional(), handler)
    }

    /// How many things there are.
    pub(crate) async fn things(&self) -> i64 {
        let count = |db: &rusqlite::Connection| {
            db.query_row("SELECT count(*) FROM things", [], |row| row.get(0))
        };
        self.store.read(count).await.expect("a store that runs").expect("a number")
    }
}

impl Route {
    pub(crate) fn new<T: 'static>(
        idempotency: &Idempotency<SqliteStore>,
        handler: impl Handler<T, ()>,
    ) -> Self {
        let layer = idempotency.layer();
        let router = Router::new().route("/", on_post(handler)).layer(layer.clone());
        Self { router, layer }
    }

    pub(crate) fn service(&self) -> Router {
        self.router.clone()
    }

    pub(crate) async fn call(&self, request: Request<axum::body::Body>) -> Answer {
        let Ok(answer) = self.router.clone().oneshot(request).await;
        Answer::read(answer).await
    }

    /// `POST /` with this key.
    pub(crate) async fn post(&self, key: &str) -> Answer {
        self.call(post(key)).await
    }
}
