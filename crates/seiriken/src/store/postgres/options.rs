//! How a store is opened.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::PostgresStore;
use super::error::OpenError;
use super::session::asked_when_idle;
use crate::clock::Clock;

/// How a [`PostgresStore`] is opened: each default with its reason.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    pub(super) schema: String,
    pub(super) migrate: bool,
    pub(super) connections: u32,
    pub(super) transaction_pooling: bool,
    pub(super) idle_max: Duration,
    pub(super) pass_on: Option<bool>,
    pub(super) clock: Option<Arc<dyn Clock>>,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: "seiriken".into(),
            migrate: true,
            connections: 4,
            transaction_pooling: false,
            idle_max: Duration::from_mins(1),
            pass_on: None,
            clock: None,
        }
    }
}

impl PostgresOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The schema that the tables are in. Defaults to `seiriken`. Services that share a schema
    /// share their keys: give each its own, or a [`Scope`](crate::Scope).
    #[must_use]
    pub fn schema(self, name: impl Into<String>) -> Self {
        Self { schema: name.into(), ..self }
    }

    /// Whether tables that are missing, or of an earlier version, are made when the store is
    /// opened. Defaults to yes; where the service may not, somebody else does it before.
    #[must_use]
    pub fn migrate(self, migrate: bool) -> Self {
        Self { migrate, ..self }
    }

    /// How many connections the store opens for its own verbs. Defaults to 4: requests that
    /// arrive together share statements, and with more connections fewer share one.
    #[must_use]
    pub fn connections(self, connections: u32) -> Self {
        Self { connections: connections.max(1), ..self }
    }

    /// Whether a pooler stands in front that gives another connection to each transaction
    /// (PgBouncer with `pool_mode=transaction`). Then nothing is prepared and nothing is set for a
    /// session: each verb is one script, which costs the server its parsing.
    ///
    /// Defaults to no. Behind such a pooler, without this, statements fail that were prepared on
    /// another connection.
    #[must_use]
    pub fn transaction_pooling(self, pooled: bool) -> Self {
        Self { transaction_pooling: pooled, ..self }
    }

    /// How long a handler's transaction may be idle before the server ends it, which frees its
    /// key. Defaults to 60 seconds.
    #[must_use]
    pub fn transaction_idle_max(self, idle_max: Duration) -> Self {
        Self { idle_max, ..self }
    }

    /// Whether a connection on which a handler's transaction has been committed goes straight to
    /// the next handler that waits for one, which saves two round trips, and not through the pool
    /// and its hooks.
    ///
    /// Defaults to yes on the pool that [`PostgresOptions::connect`] makes, and to no on yours: its
    /// hooks may have to clean each session up (`after_release`), or its connections may be meant
    /// for others as well, who wait for them in the pool's own line.
    #[must_use]
    pub fn pass_connections_on(self, pass_on: bool) -> Self {
        Self { pass_on: Some(pass_on), ..self }
    }

    /// A clock of your own, for tests, in place of the database's.
    #[must_use]
    pub fn clock(self, clock: impl Clock) -> Self {
        Self { clock: Some(Arc::new(clock)), ..self }
    }

    /// Opens the store at an address (`postgres://user@host/database`), with a pool of its own for
    /// the transactions of handlers.
    pub async fn connect(self, url: &str) -> Result<PostgresStore, OpenError> {
        let options = PgConnectOptions::from_str(url).map_err(OpenError::Unreachable)?;
        let options = if self.transaction_pooling {
            // PgBouncer refuses a start-up parameter that it does not know.
            options.extra_float_digits(None)
        } else {
            options
        };
        let pool = asked_when_idle(PgPoolOptions::new()).connect_lazy_with(options);
        let pass_on = self.pass_on.or(Some(true));
        Self { pass_on, ..self }.with_pool(pool).await
    }

    /// Opens the store in the database of a pool. Handlers' transactions are on this pool; the
    /// store's own verbs are on connections of their own, opened with the same options, so that a
    /// pool that is used up holds up no key.
    pub async fn with_pool(self, pool: PgPool) -> Result<PostgresStore, OpenError> {
        PostgresStore::open(self, pool).await
    }
}
