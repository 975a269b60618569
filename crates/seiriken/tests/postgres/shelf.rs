//! A database with a table of things, for handlers that put one there.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::handler::Handler;
use axum::routing::post as on_post;
use http::Request;
use private_servers::PrivatePostgres;
use seiriken::http::{Idempotency, Identity, OnceTx};
use seiriken::store::postgres::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use seiriken::store::postgres::sqlx::{self, PgPool};
use seiriken::store::postgres::{PostgresOptions, PostgresStore};
use tower::ServiceExt;

use crate::guarded::{Answer, post};

/// The server of all these tests; each has schemas of its own there.
pub(crate) fn server() -> &'static PrivatePostgres {
    static SERVER: OnceLock<PrivatePostgres> = OnceLock::new();
    SERVER.get_or_init(|| PrivatePostgres::start(&["max_connections = 400"]).expect("a server"))
}

/// A schema with a table of things, and the name of one for the store.
pub(crate) struct Shelf {
    number: u32,
}

/// A node: a store of its own in the database.
pub(crate) struct Node {
    pub(crate) store: PostgresStore,
}

#[derive(Clone)]
pub(crate) struct Route {
    router: Router,
}

/// Puts a thing on the shelf.
pub(crate) async fn put(tx: &mut OnceTx) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO things (name) VALUES ('a thing')").execute(&mut **tx).await.map(drop)
}

impl Shelf {
    pub(crate) async fn new() -> Self {
        static SHELVES: AtomicU32 = AtomicU32::new(0);
        let shelf = Self { number: SHELVES.fetch_add(1, Ordering::SeqCst) };
        let things = format!(
            "CREATE SCHEMA {0}; CREATE TABLE {0}.things (name text NOT NULL)",
            shelf.things_schema()
        );
        shelf.run(&things).await;
        shelf
    }

    pub(crate) fn things_schema(&self) -> String {
        format!("things_{}", self.number)
    }

    /// The table of things, wherever a session looks for tables.
    pub(crate) fn table(&self) -> String {
        format!("{}.things", self.things_schema())
    }

    /// Where the store's tables are.
    pub(crate) fn schema(&self) -> String {
        format!("keys_{}", self.number)
    }

    /// For the transactions of handlers, at an address of this server or of one before it.
    pub(crate) fn pool_at(&self, url: &str, connections: u32) -> PgPool {
        self.pool_with(url, PgPoolOptions::new().max_connections(connections))
    }

    pub(crate) fn pool_with(&self, url: &str, pool: PgPoolOptions) -> PgPool {
        let options: PgConnectOptions = url.parse().expect("an address");
        pool.connect_lazy_with(options.options([("search_path", self.things_schema())]))
    }

    /// One more node, with so many connections for handlers.
    pub(crate) async fn node(&self, connections: u32) -> Node {
        let pool = self.pool_at(&server().url(), connections);
        self.node_on(pool, PostgresOptions::new()).await
    }

    pub(crate) async fn node_on(&self, pool: PgPool, options: PostgresOptions) -> Node {
        let opening = options.schema(self.schema()).with_pool(pool);
        Node { store: opening.await.expect("it is opened") }
    }

    /// Runs statements on a connection of their own.
    pub(crate) async fn run(&self, sql: &str) {
        use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
        let mut connection = PgConnection::connect(&server().url()).await.expect("a connection");
        let sql = sql.replace("keys.", &format!("{}.", self.schema()));
        let sql = sql.replace("things.", &format!("{}.", self.things_schema()));
        raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect("they run");
    }

    /// A number that a statement tells.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        use sqlx::{AssertSqlSafe, Connection, PgConnection};
        let mut connection = PgConnection::connect(&server().url()).await.expect("a connection");
        let sql = sql.replace("keys.", &format!("{}.", self.schema()));
        let sql = sql.replace("things.", &format!("{}.", self.things_schema()));
        let told = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut connection).await;
        told.expect("a number")
    }

    pub(crate) async fn things(&self) -> i64 {
        self.number("SELECT count(*) FROM things.things").await
    }
}

impl Node {
    /// The layer on this node, for anybody.
    pub(crate) fn idempotency(&self) -> Idempotency<PostgresStore> {
        Idempotency::new(self.store.clone(), Identity::anonymous())
    }

    /// A transactional route.
    pub(crate) fn route<T: 'static>(&self, handler: impl Handler<T, ()>) -> Route {
        Route::under(&self.idempotency().transactional(), handler)
    }
}

impl Route {
    pub(crate) fn under<T: 'static>(
        idempotency: &Idempotency<PostgresStore>,
        handler: impl Handler<T, ()>,
    ) -> Self {
        Self { router: Router::new().route("/", on_post(handler)).layer(idempotency.layer()) }
    }

    /// `POST /` with this key.
    pub(crate) async fn post(&self, key: &str) -> Answer {
        self.call(post(key)).await
    }

    pub(crate) async fn call(&self, request: Request<axum::body::Body>) -> Answer {
        let Ok(answer) = self.router.clone().oneshot(request).await;
        Answer::read(answer).await
    }
}
