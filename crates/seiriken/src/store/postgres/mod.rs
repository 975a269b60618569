//! The PostgreSQL store: several nodes that share a database, and the one where an effect in that
//! database commits together with its key and its answer.
//!
//! # How it works
//!
//! - One row for each key, in a schema of its own ([`PostgresOptions::schema`]). A claim is one
//!   statement: it writes a row where there is none, and tells what is there where there is one.
//!   Everything else that may become of a record the transition function says
//!   ([`crate::record::transition`]); it is written if nobody has changed the row in between
//!   (token and revision). One unique index carries the safety, at READ COMMITTED.
//! - The clock is the database's (`clock_timestamp()`), one for all nodes.
//! - Requests that arrive together share statements, and so round trips and fsyncs.
//! - The store's own statements run on a few connections of its own, in tasks that are never
//!   aborted: a future of the driver that is dropped half-way can leave a connection inside a
//!   transaction, where the next claim would be acknowledged and never commit. The pool that is
//!   handed in serves the transactions of handlers alone.
//! - A transactional claim is not written. It lives in its process; which of two nodes may commit,
//!   the database says when the handler begins its transaction: by a lock that goes with the
//!   transaction, tried and never waited for, and then a look at the row.
//!
//! # What the server must be
//!
//! PostgreSQL 13 or later; the primary; with `fsync` and `full_page_writes` on. That is checked
//! when the store is opened. `synchronous_commit` is turned on where it matters. After a failover
//! to a standby that follows asynchronously, what it had not received is forgotten: use synchronous
//! replication where that must not be. When a server stops waiting for its synchronous standby
//! (`committed locally`), it says so in a warning alone, which the driver does not hand on.
//!
//! Behind PgBouncer in transaction mode: [`PostgresOptions::transaction_pooling`].
//!
//! # What a quota costs
//!
//! With a [`Quota`](crate::Quota), each claim counts the rows of its scope, by an index, in a
//! statement of its own: nothing for a scope of hundreds of keys, milliseconds for one of ten
//! thousand. Without one, nothing is counted.
//!
//! # Beside SQLite
//!
//! The driver is `sqlx`, without its `sqlite` feature: that and `rusqlite`, on which
//! [`SqliteStore`](crate::store) stands, each link a SQLite, and two cannot stand in one program.
//! Some features of `sqlx` (`macros`, `migrate`, `json`, `uuid`, …) name its SQLite as well, so
//! that cargo refuses the pair: switch the `sqlite` feature of this crate off then.

mod argument;
mod check;
mod claim;
mod columns;
mod error;
mod issuing;
mod lane;
mod line;
mod operate;
mod options;
mod row;
mod running;
mod schema;
mod session;
mod statements;
mod sweep;
mod tx;
mod verbs;
mod write;

use std::sync::Arc;
use std::time::Duration;

pub use error::OpenError;
pub use options::PostgresOptions;
pub use schema::InvalidSchemaName;
pub use sqlx;
use sqlx::{Connection, PgPool};
pub(crate) use tx::{CommitFault, EnterFault, OpenTx};

use self::claim::ClaimJob;
use self::lane::Lane;
use self::line::Line;
use self::running::Running;
use self::schema::Schema;
use self::session::Sessions;
use self::statements::Statements;
use self::verbs::CompleteJob;
use super::{Store, StoreError};
use crate::clock::Clock;
use crate::issuing::IssuingSecrets;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use crate::record::{EffectClass, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::secret::StoreSecret;

/// Key records in a PostgreSQL database, for any number of nodes, beside the data of the service.
///
/// Carries every [`EffectClass`]. Cloning it gives another handle to the same store.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    secret: StoreSecret,
    issuing: IssuingSecrets,
    schema: Schema,
    statements: Statements,
    sessions: Sessions,
    /// The user's own, for transactions of handlers.
    pool: PgPool,
    /// Who waits for a connection of it, where they are passed on.
    line: Option<Arc<Line>>,
    idle_max: Duration,
    clock: Option<Arc<dyn Clock>>,
    running: Running,
    claims: Lane<ClaimJob>,
    completions: Lane<CompleteJob>,
}

impl PostgresStore {
    /// Opens the store at an address, `postgres://user@host/database`, and makes its tables where
    /// they are missing. More in [`PostgresOptions`].
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        PostgresOptions::new().connect(url).await
    }

    /// Opens the store in the database of a pool, on which handlers' transactions then are.
    pub async fn with_pool(pool: PgPool) -> Result<Self, OpenError> {
        PostgresOptions::new().with_pool(pool).await
    }

    async fn open(options: PostgresOptions, pool: PgPool) -> Result<Self, OpenError> {
        let PostgresOptions { connections, transaction_pooling, idle_max, clock, .. } = options;
        let migrate = options.migrate;
        let schema = Schema::new(&options.schema)?;
        let line = options.pass_on.unwrap_or(false).then(|| Line::of(&pool));
        let own = (*pool.connect_options()).clone();
        let sessions = Sessions::new(own, connections, transaction_pooling);
        let first = sessions.clone();
        // In a task: whoever opens it may go away in the middle of the migration.
        let opening = tokio::spawn(async move {
            let mut connection = first.connect().await.map_err(OpenError::Unreachable)?;
            check::check(&mut connection).await?;
            schema.bring_up(&mut connection, migrate).await?;
            let (secret, issuing) = schema.secrets(&mut connection).await?;
            // All is read; a server that hears no farewell only writes that into its log.
            let _ = connection.close().await;
            Ok::<_, OpenError>((schema, secret, issuing))
        });
        let opened = opening.await.map_err(|gone| sqlx::Error::Protocol(gone.to_string()));
        let (schema, secret, issuing) = opened??;
        let statements = Statements::new(&schema);
        let shared = Shared {
            secret,
            issuing,
            schema,
            statements,
            sessions,
            pool,
            line,
            idle_max,
            clock,
            running: Running::default(),
            claims: Lane::default(),
            completions: Lane::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The pool that handlers' transactions are on.
    pub fn pool(&self) -> &PgPool {
        &self.shared.pool
    }

    /// Gives the store's own connections back, once what is under way has ended. Every handle to
    /// this store refuses further work. The pool that was handed in stays open.
    pub async fn close(&self) {
        self.shared.sessions.close().await;
    }
}

impl Store for PostgresStore {
    fn secret(&self) -> &StoreSecret {
        &self.shared.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.shared.issuing
    }

    fn keeps_quotas(&self) -> bool {
        true
    }

    fn carries(&self, _: EffectClass) -> bool {
        true
    }

    fn promise(&self) -> Option<String> {
        Some(check::PROMISE.into())
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        claim::claim(&self.shared, id, claim).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.shared.renew(id, token, lease).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.shared.complete(id, token, response).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.shared.release(id, token, ended).await
    }
}
