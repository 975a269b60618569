//! The transaction of an execution on PostgreSQL: opened for the work, ended with its record.

use std::fmt;
use std::ops::{Deref, DerefMut};

use sqlx::PgConnection;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Instrument;

use super::execution::{CommitFailed, CommitRefused, CommitState, Execution};
use crate::record::RecordedResponse;
use crate::store::StoreError;
use crate::store::postgres::{CommitFault, EnterFault, OpenTx, PostgresStore};

/// An open transaction, in which nobody else commits the operation: read and write with it as with
/// any `sqlx::PgConnection`.
///
/// [`PgTx::commit`] ends it with the record as its last statement. Dropped before that, it is
/// rolled back, and the key is free. Leave `BEGIN`, `COMMIT` and `ROLLBACK` to it (savepoints, and
/// `begin` of sqlx, which makes one, are yours): a transaction that a statement has ended cannot be
/// committed with its record any more, so its key becomes indeterminate.
pub struct PgTx {
    /// `None` once it has ended.
    open: Option<OpenTx>,
    execution: Execution<PostgresStore>,
}

/// A transaction that was not begun, or not committed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TxError {
    /// Another execution of the operation goes before this one, on this node or another: nothing
    /// of this one is written. A retry is told what came of the other.
    #[error("another execution of the operation goes before this one; nothing was written")]
    Over,
    /// The route or engine is not transactional, or the execution has had its commit.
    #[error(transparent)]
    Refused(#[from] CommitRefused),
    /// The database refused a statement or the commit. Rolled back; the key is free.
    #[error("rolled back: {0}")]
    Database(#[from] sqlx::Error),
    /// The database could not be asked. Whether anything was written, the error says
    /// ([`StoreError::may_have_been_applied`]).
    #[error(transparent)]
    Store(StoreError),
}

impl Execution<PostgresStore> {
    /// Begins the one transaction in which this execution commits its effect together with its
    /// answer: *exactly once*. It is on the pool that was handed to the store.
    ///
    /// The future may be dropped: what has begun is rolled back. After [`PgTx::roll_back`] it may be
    /// called again.
    ///
    /// # Errors
    /// Nothing is written then.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn begin(&self) -> Result<PgTx, TxError> {
        self.ask_commit()?;
        let (reply, begun) = oneshot::channel();
        let execution = self.clone();
        // No future of the driver is ever dropped half-way.
        let entering = async move {
            let (id, token) = (execution.id(), execution.token());
            let entered = match execution.store().enter(id, token).await {
                Ok(open) => Ok(PgTx { open: Some(open), execution }),
                Err(EnterFault::Over) => {
                    execution.set_commit(CommitState::Failed(CommitFailed::LeaseLost));
                    Err(TxError::Over)
                }
                Err(EnterFault::Store(error)) => {
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(%id, cause, "a transaction could not be begun");
                    execution.set_commit(CommitState::Failed(CommitFailed::NotApplied));
                    Err(TxError::Store(error))
                }
            };
            // Whoever asked may have gone: then it is dropped here, which rolls it back.
            drop(reply.send(entered));
        };
        self.shared().tasks.spawn(entering.in_current_span());
        begun.await.unwrap_or(Err(TxError::Over))
    }
}

impl PgTx {
    /// Writes the record as the last statement, and commits. From then on `response` is the answer,
    /// whatever the work does next.
    ///
    /// Should the connection be lost in the middle, the store finds out what came of it.
    ///
    /// The future may be dropped: the commit goes on, and the engine waits for it.
    ///
    /// # Errors
    /// What came of it: rolled back, or not known.
    pub async fn commit(mut self, response: RecordedResponse) -> Result<(), TxError> {
        let Some(open) = self.open.take() else { return Err(TxError::Over) };
        let execution = self.execution.clone();
        let committing = async move {
            let committed = open.commit(&response).await;
            let (state, result) = match committed {
                Ok(()) => (CommitState::Committed(response), Ok(())),
                Err(CommitFault::Over) => (failed(CommitFailed::LeaseLost), Err(TxError::Over)),
                Err(CommitFault::RolledBack(error)) => {
                    (failed(CommitFailed::RolledBack), Err(TxError::Database(error)))
                }
                Err(CommitFault::Store(error)) => {
                    let id = execution.id();
                    let cause = &error as &dyn std::error::Error;
                    tracing::error!(%id, cause, "an effect could not be committed");
                    let how = if error.may_have_been_applied() {
                        CommitFailed::InDoubt
                    } else {
                        CommitFailed::NotApplied
                    };
                    (failed(how), Err(TxError::Store(error)))
                }
            };
            execution.set_commit(state);
            result
        };
        let committing = self.execution.shared().tasks.spawn(committing.in_current_span());
        committing.await.unwrap_or(Err(TxError::Over))
    }

    /// Rolls back: nothing is written, the key is free.
    pub async fn roll_back(mut self) {
        if let Some(open) = self.open.take() {
            let rolling_back = roll_back(open, self.execution.clone());
            let _ = self.execution.shared().tasks.spawn(rolling_back).await;
        }
    }

    fn is_open(&self) -> &OpenTx {
        self.open.as_ref().expect("only what ends it takes it, and that consumes it")
    }
}

fn failed(how: CommitFailed) -> CommitState {
    CommitState::Failed(how)
}

async fn roll_back(open: OpenTx, execution: Execution<PostgresStore>) {
    open.roll_back().await;
    execution.set_commit(CommitState::NotAsked);
}

impl Drop for PgTx {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        // Without a runtime nobody is left who waits for it; the server hears of the end of the
        // connection.
        if let Ok(runtime) = Handle::try_current() {
            let tasks = &self.execution.shared().tasks;
            tasks.spawn_on(roll_back(open, self.execution.clone()), &runtime);
        }
    }
}

impl Deref for PgTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.is_open().connection()
    }
}

impl DerefMut for PgTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        let open = self.open.as_mut();
        open.expect("only what ends it takes it, and that consumes it").connection_mut()
    }
}

impl fmt::Debug for PgTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgTx").field("execution", &self.execution).finish_non_exhaustive()
    }
}
