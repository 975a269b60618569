//! The store's own connections, and how a statement runs on one: to its end, always.
//!
//! A future of the driver that is dropped half-way can leave a connection inside a transaction;
//! what the next verb then does would be acknowledged and never committed. So statements run in
//! tasks that nobody aborts, whatever becomes of the request.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Postgres, raw_sql};

use super::argument::{Argument, written_out};
use super::error::{Meaning, in_doubt, meaning, not_applied};
use crate::store::StoreError;

/// The connections of a store.
#[derive(Debug, Clone)]
pub(super) struct Sessions {
    pool: PgPool,
    /// Each transaction may be on another connection of the server.
    by_transaction: bool,
}

/// How long a connection is waited for: then the store counts as down, and nothing was applied.
const CONNECTED_BY_THEN: Duration = Duration::from_secs(4);

/// A connection that was idle for so long is asked whether it still stands.
const IDLE: Duration = Duration::from_secs(1);

/// How often a statement is run again that others were in the way of.
const TRIES: u32 = 10;

/// So many statements in a row on one connection, before others have their turn with it.
const KEPT_FOR: u32 = 16;

/// What the statements rest on, whatever the server, the database and the user have set. Plans
/// go by the index of the key, also where the table was empty when they were made; they are made
/// once, which for a claim takes several times as long as to run it.
const SETTINGS: [(&str, &str); 7] = [
    ("default_transaction_isolation", "'read committed'"),
    ("synchronous_commit", "on"),
    ("jit", "off"),
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// What came of a statement.
pub(super) struct Ran {
    pub(super) rows: Vec<PgRow>,
    /// Whether a connection broke, and it may have been done before.
    pub(super) twice: bool,
}

/// A connection that is kept from one statement to the next, since to hand it back takes a round trip.
#[derive(Default)]
pub(super) struct Kept {
    connection: Option<PoolConnection<Postgres>>,
    statements: u32,
}

impl Kept {
    fn keep(&mut self, connection: PoolConnection<Postgres>) {
        self.statements += 1;
        if self.statements < KEPT_FOR {
            self.connection = Some(connection);
        } else {
            *self = Self::default();
        }
    }
}

impl Sessions {
    pub(super) fn new(options: PgConnectOptions, connections: u32, by_transaction: bool) -> Self {
        let mut options = options.application_name("seiriken");
        let mut pool = asked_when_idle(PgPoolOptions::new())
            .max_connections(connections)
            .acquire_timeout(CONNECTED_BY_THEN);
        if by_transaction {
            options = options.extra_float_digits(None);
        } else {
            pool = pool.after_connect(|connection, _| {
                let settings = settings("SET", SETTINGS.iter());
                async move { super::schema::run(connection, settings).await }.boxed()
            });
        }
        Self { pool: pool.connect_lazy_with(options), by_transaction }
    }

    /// A connection beside the pool's, which tries once: where there is none it says why.
    pub(super) async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        let options = self.pool.connect_options();
        let connecting = PgConnection::connect_with(&options);
        tokio::time::timeout(CONNECTED_BY_THEN, connecting)
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    pub(super) async fn acquire(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.pool.acquire().await
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs a statement that may be run twice, in a task of its own.
    pub(super) async fn run(
        &self,
        statement: &Arc<str>,
        arguments: Vec<Argument>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run_telling(statement, arguments).await.map(|ran| ran.rows)
    }

    /// The same, and tells whether it was.
    pub(super) async fn run_telling(
        &self,
        statement: &Arc<str>,
        arguments: Vec<Argument>,
    ) -> Result<Ran, StoreError> {
        let (sessions, statement) = (self.clone(), Arc::clone(statement));
        let running = tokio::spawn(async move {
            sessions.run_to_its_end(&mut Kept::default(), &statement, &arguments).await
        });
        running.await.unwrap_or_else(|gone| Err(in_doubt(gone)))
    }

    /// [`Sessions::run`] in the task at hand, which must be one that is never aborted, and on the
    /// connection that it has kept.
    pub(super) async fn run_here(
        &self,
        kept: &mut Kept,
        statement: &Arc<str>,
        arguments: &[Argument],
    ) -> Result<Vec<PgRow>, StoreError> {
        self.run_to_its_end(kept, statement, arguments).await.map(|ran| ran.rows)
    }

    /// On a connection that breaks it is run once more on another one: each statement of the
    /// store, run twice, does what it does once. It may tell less, though, the second time.
    async fn run_to_its_end(
        &self,
        kept: &mut Kept,
        statement: &Arc<str>,
        arguments: &[Argument],
    ) -> Result<Ran, StoreError> {
        let mut broken = false;
        let mut tries = 0;
        loop {
            let acquired = match kept.connection.take() {
                Some(connection) => Ok(connection),
                None => self.acquire().await,
            };
            let mut connection = match acquired {
                Ok(connection) => connection,
                Err(error) if broken => return Err(in_doubt(error)),
                Err(error) => return Err(not_applied(error)),
            };
            tries += 1;
            let error = match self.execute(&mut connection, statement, arguments).await {
                Ok(rows) => {
                    kept.keep(connection);
                    return Ok(Ran { rows, twice: broken });
                }
                Err(error) => error,
            };
            match meaning(&error) {
                Meaning::Again if tries < TRIES => {
                    tracing::debug!(%error, "others were in the way; running it again");
                }
                Meaning::Unknown if !broken => {
                    tracing::debug!(%error, "a connection broke; asking on another one");
                    connection.close_on_drop();
                    broken = true;
                }
                Meaning::Again | Meaning::NotApplied if !broken => return Err(not_applied(error)),
                _ => {
                    connection.close_on_drop();
                    return Err(in_doubt(error));
                }
            }
        }
    }

    async fn execute(
        &self,
        connection: &mut PoolConnection<Postgres>,
        statement: &Arc<str>,
        arguments: &[Argument],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        if self.by_transaction {
            let script = self.script(&written_out(statement, arguments));
            return raw_sql(AssertSqlSafe(script)).fetch_all(&mut **connection).await;
        }
        prepared(statement, arguments).fetch_all(&mut **connection).await
    }

    /// Runs a statement that answers one row on a connection of somebody else: in a handler's
    /// transaction.
    pub(super) async fn one_on(
        &self,
        connection: &mut PgConnection,
        statement: &Arc<str>,
        arguments: &[Argument],
    ) -> Result<PgRow, sqlx::Error> {
        if self.by_transaction {
            let statement = written_out(statement, arguments);
            return raw_sql(AssertSqlSafe(statement)).fetch_one(connection).await;
        }
        prepared(statement, arguments).fetch_one(connection).await
    }

    /// What makes one transaction of a few statements that are written out.
    pub(super) fn script(&self, statements: &str) -> String {
        if !self.by_transaction {
            return statements.to_owned();
        }
        let settings = settings("SET LOCAL", SETTINGS[1..].iter());
        format!(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; {settings}; \
             SET LOCAL bytea_output TO hex; {statements}"
        )
    }
}

/// The driver would ask each time.
pub(super) fn asked_when_idle(pool: PgPoolOptions) -> PgPoolOptions {
    pool.test_before_acquire(false).before_acquire(|connection, meta| {
        async move { Ok(meta.idle_for < IDLE || connection.ping().await.is_ok()) }.boxed()
    })
}

fn prepared<'q>(statement: &Arc<str>, arguments: &[Argument]) -> Query<'q, Postgres, PgArguments> {
    let query = sqlx::query(AssertSqlSafe(Arc::clone(statement)));
    arguments.iter().cloned().fold(query, |query, argument| argument.bind(query))
}

fn settings<'s>(set: &str, settings: impl Iterator<Item = &'s (&'s str, &'s str)>) -> String {
    let each: Vec<_> = settings.map(|(name, to)| format!("{set} {name} TO {to}")).collect();
    each.join("; ")
}
