//! The transaction that a handler writes in, and how it ends: with the record as its last
//! statement, and never in doubt for longer than the database can be asked.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, PgConnection, Row, raw_sql};

use super::argument::{Argument, written_out};
use super::columns::{columns, millis, number_of};
use super::error::{Meaning, code, in_doubt, meaning, not_applied};
use super::line::InLine;
use super::verbs::finished;
use super::{PostgresStore, Shared};
use crate::record::{EffectClass, Minted, Record, RecordedResponse, State, Token, Why};
use crate::scope::RecordId;
use crate::store::StoreError;

/// A transaction on the user's pool in which an operation may be committed, and nobody else may.
#[derive(Debug)]
pub(crate) struct OpenTx {
    open: InLine,
    shared: Arc<Shared>,
    id: RecordId,
    running: Record,
}

/// Why no transaction was opened.
#[derive(Debug)]
pub(crate) enum EnterFault {
    /// Another execution goes before this one, which is over.
    Over,
    /// The database could not be asked. Nothing happened.
    Store(StoreError),
}

/// Why a transaction was not committed.
#[derive(Debug)]
pub(crate) enum CommitFault {
    /// Another record stands: rolled back.
    Over,
    /// The database refused: rolled back.
    RolledBack(sqlx::Error),
    /// Whether it was, the error says.
    Store(StoreError),
}

/// One for each step of an outcome that is asked for: a lock is waited for so long.
const ASKED_FOR: &str = "1000";

/// So often before the caller is told that it is not known; then on, until it is.
const ASKED_BEFORE_THE_REPLY: u32 = 4;

const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_LAST: Duration = Duration::from_secs(5);

impl PostgresStore {
    /// Begins a transaction on the user's pool, unless somebody else may commit the operation or
    /// has. To be called in a task that is never aborted.
    pub(crate) async fn enter(&self, id: RecordId, token: Token) -> Result<OpenTx, EnterFault> {
        let shared = Arc::clone(&self.shared);
        let running = shared.running.of(id, token).ok_or(EnterFault::Over)?;
        let store = |error| EnterFault::Store(not_applied(error));
        let begun = match &shared.line {
            Some(line) => line.begin(&shared.pool).await,
            None => InLine::alone(&shared.pool).await,
        };
        let mut open = begun.map_err(store)?;
        let minted = match running.minted {
            Minted::At(minted) => Some(millis(minted)),
            Minted::By(_) => None,
        };
        let idle = i64::try_from(shared.idle_max.as_millis()).unwrap_or(i64::from(i32::MAX));
        let arguments = [
            Argument::bytes(id.as_bytes()),
            Argument::Int(Some(lock_of(id))),
            Argument::Int(Some(number_of(token))),
            Argument::Int(minted),
            shared.now_argument(),
            Argument::Int(Some(idle.min(i32::MAX.into()))),
        ];
        let enter = &shared.statements.enter;
        let asked = shared.sessions.one_on(&mut open.tx, enter, &arguments).await;
        match asked.and_then(|row| row.try_get::<Option<String>, _>("in_the_way")) {
            Ok(None) => Ok(OpenTx { open, shared, id, running }),
            Ok(Some(in_the_way)) => {
                tracing::debug!(%id, in_the_way, "this execution ends before its transaction");
                open.roll_back().await;
                shared.running.end(id, token);
                Err(EnterFault::Over)
            }
            Err(error) => {
                open.roll_back().await;
                Err(store(error))
            }
        }
    }
}

impl OpenTx {
    pub(crate) fn connection(&self) -> &PgConnection {
        &self.open.tx
    }

    pub(crate) fn connection_mut(&mut self) -> &mut PgConnection {
        &mut self.open.tx
    }

    pub(crate) async fn roll_back(self) {
        self.open.roll_back().await;
    }

    /// Writes the record and commits, in one round trip. To be called in a task that is never
    /// aborted.
    pub(crate) async fn commit(mut self, response: &RecordedResponse) -> Result<(), CommitFault> {
        let Shared { statements, running, .. } = &*self.shared;
        let arguments = self.shared.with_now(finished(&self.id, &self.running, response));
        // The driver believes the transaction open until it has ended it itself: it gets an empty
        // one, for who comes next or to end when the connection goes back to its pool.
        let script = written_out(&statements.finish_open, &arguments) + "; COMMIT; BEGIN";
        let (id, token) = (self.id, self.running.token);
        let _finishing = running.finish(id, token);
        let Err(error) = raw_sql(AssertSqlSafe(script)).execute(&mut *self.open.tx).await else {
            running.end(id, token);
            self.open.pass_on();
            return Ok(());
        };
        match code(&error) {
            Some("23505") if constraint(&error) == Some("key_records_pkey") => {
                self.open.roll_back().await;
                running.end(id, token);
                Err(CommitFault::Over)
            }
            Some("23502") if column(&error) == Some("token") => {
                tracing::error!(
                    %id,
                    "a handler ended its transaction by a statement of its own; whether its effect \
                     stands is not known, and the key is not free"
                );
                drop(self.open);
                Err(CommitFault::Store(self.shared.mark_unknown(id, &self.running).await))
            }
            _ if meaning(&error) == Meaning::Unknown => {
                tracing::warn!(%id, %error, "a commit was not acknowledged; finding out");
                drop(self.open);
                find_out(&self.shared, id, token, error).await
            }
            _ => {
                self.open.roll_back().await;
                Err(CommitFault::RolledBack(error))
            }
        }
    }
}

/// The lock of an operation: by the first half of its hash.
fn lock_of(id: RecordId) -> i64 {
    let first = id.as_bytes().first_chunk().expect("sixteen bytes have eight first ones");
    i64::from_be_bytes(*first)
}

fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

fn column(error: &sqlx::Error) -> Option<&str> {
    let database = error.as_database_error()?;
    database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?.column()
}

/// What became of a commit: asked a few times before the reply, and then on in the background.
async fn find_out(
    shared: &Arc<Shared>,
    id: RecordId,
    token: Token,
    error: sqlx::Error,
) -> Result<(), CommitFault> {
    for _ in 0..ASKED_BEFORE_THE_REPLY {
        match shared.was_committed(id, token).await {
            Ok(true) => {
                tracing::info!(%id, "it was committed");
                shared.running.end(id, token);
                return Ok(());
            }
            Ok(false) => return Err(CommitFault::Store(not_applied(error))),
            Err(error) => tracing::debug!(%id, %error, "what became of it cannot be said yet"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let mut pause = PAUSE;
        loop {
            tokio::time::sleep(pause).await;
            if let Ok(committed) = shared.was_committed(id, token).await {
                tracing::info!(%id, committed, "what became of a commit is known after all");
                shared.running.end(id, token);
                return;
            }
            pause = (pause * 2).min(PAUSE_LAST);
        }
    });
    Err(CommitFault::Store(in_doubt(error)))
}

impl Shared {
    /// Whether an execution has committed, once it has ended either way. A look at the row alone
    /// would not say: its commit may still be on its way to the disk, or to a standby. The lock of
    /// the operation is given back only after the commit can be seen by all.
    async fn was_committed(&self, id: RecordId, token: Token) -> Result<bool, sqlx::Error> {
        let asked = self.schema.named(
            "BEGIN; SET LOCAL lock_timeout TO LIMIT; SELECT pg_advisory_xact_lock($1::bigint);
             SELECT count(*) > 0 AS committed FROM seiriken.key_records
                WHERE id = $2::bytea AND token = $3::bigint;
             COMMIT",
        );
        let arguments = [
            Argument::Int(Some(lock_of(id))),
            Argument::bytes(id.as_bytes()),
            Argument::Int(Some(number_of(token))),
        ];
        let asked = written_out(&asked.replace("LIMIT", ASKED_FOR), &arguments);
        let mut connection = self.sessions.acquire().await?;
        match raw_sql(AssertSqlSafe(asked)).fetch_all(&mut *connection).await {
            Ok(rows) => rows.last().ok_or(sqlx::Error::RowNotFound)?.try_get("committed"),
            Err(error) => {
                // It may be inside the transaction.
                connection.close_on_drop();
                Err(error)
            }
        }
    }

    /// Nobody runs it again: a person has to look.
    async fn mark_unknown(&self, id: RecordId, running: &Record) -> StoreError {
        let ended = "the handler has ended its transaction by a statement of its own";
        let State::InProgress { retention, .. } = running.state else { return in_doubt(ended) };
        let marked = async {
            let now = self.now().await?;
            let forget_at = retention.indeterminate_expiry(running.minted, now);
            let state = State::Indeterminate { why: Why::OwnerCannotSay, retention, forget_at };
            let unknown = Record { class: EffectClass::Opaque, state, ..running.clone() };
            let mut arguments = self.with_now(columns(&id, &unknown));
            arguments[5] = Argument::Int(Some(millis(now)));
            self.sessions.run(&self.statements.insert, arguments).await
        };
        match marked.await {
            Ok(_) => self.running.end(id, running.token),
            Err(error) => tracing::error!(%id, %error, "that could not be written down"),
        }
        in_doubt(ended)
    }
}
