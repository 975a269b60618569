//! On SQLite: a closure on the store's writer thread.

use axum_core::response::{IntoResponse, Response};

use super::super::axum::Once;
use super::{Refused, answer, failed, misused, record};
use crate::store::sqlite::{CommitError, Committed, SqliteStore, SqliteTx};

/// Why the closure's savepoint is rolled back.
enum RolledBack<E> {
    /// The closure said so.
    Error(E),
    Refused(Refused),
}

impl Once<SqliteStore> {
    /// Commits `effect` together with the key and the answer that it gives: *exactly once*.
    ///
    /// `effect` runs on the store's writer thread, in a savepoint; keep it short, and never wait
    /// in it for the store itself: it waits for this thread. `Ok` commits
    /// with that answer, which is then the answer whatever the handler does next, and which
    /// the handler should return. `Err`, an answer of 500 or above, or a panic rolls back:
    /// nothing happened and the key is free.
    ///
    /// When the commit itself fails, the layer answers in the handler's place; what is
    /// returned here then only ends the handler.
    pub async fn commit<R, E>(
        self,
        effect: impl FnOnce(&SqliteTx<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<Response, E>
    where
        R: IntoResponse,
        E: Send + 'static,
    {
        let limit = self.limit;
        let recorded = move |tx: &SqliteTx<'_>| {
            let answer = effect(tx).map_err(RolledBack::Error)?.into_response();
            record(answer, limit).map_err(RolledBack::Refused)
        };
        match self.execution().commit(recorded).await {
            Ok(Ok(Committed { response, value: first_caller })) => {
                Ok(answer(&response, first_caller))
            }
            Ok(Err(CommitError::RolledBack(RolledBack::Error(error)))) => Err(error),
            Ok(Err(CommitError::RolledBack(RolledBack::Refused(Refused::Answer(answer))))) => {
                Ok(*answer)
            }
            Ok(Err(CommitError::RolledBack(RolledBack::Refused(Refused::Streaming)))) => {
                tracing::error!("a committed answer must be there in whole; it was rolled back");
                Ok(failed())
            }
            Ok(Err(CommitError::Panicked(panic))) => std::panic::resume_unwind(panic),
            // The layer answers in its place, and logs why.
            Ok(Err(CommitError::LeaseLost | CommitError::Store(_))) => Ok(failed()),
            Err(refused) => {
                tracing::error!("{refused}");
                Ok(misused())
            }
        }
    }
}
