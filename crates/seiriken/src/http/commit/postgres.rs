//! On PostgreSQL: an open transaction that the handler writes in.

use std::ops::{Deref, DerefMut};

use axum_core::response::{IntoResponse, Response};
use sqlx::PgConnection;

use super::super::axum::Once;
use super::super::recording::ResponseLimit;
use super::{Refused, answer, failed, misused, record};
use crate::engine::{PgTx, TxError};
use crate::store::postgres::PostgresStore;

impl Once<PostgresStore> {
    /// Begins the transaction in which the handler's effect is committed together with the key and
    /// the answer: *exactly once*. It is on the pool that was handed to the store.
    ///
    /// Begin it late: it holds a connection. An error ends the handler; where another execution of
    /// the operation goes before this one ([`TxError::Over`]), or the database cannot be reached,
    /// the layer answers in its place.
    pub async fn begin(&self) -> Result<OnceTx, TxError> {
        let tx = self.execution().begin().await?;
        Ok(OnceTx { tx, limit: self.limit })
    }
}

/// A handler's open transaction: read and write with it as with any `sqlx::PgConnection`
/// (`&mut *tx` where sqlx wants an executor).
///
/// Dropped without [`OnceTx::commit`] it is rolled back: nothing happened and the key is free.
/// More about it: [`PgTx`].
#[derive(Debug)]
pub struct OnceTx {
    tx: PgTx,
    limit: ResponseLimit,
}

impl OnceTx {
    /// Commits what was written together with the key and this answer, which is then the answer
    /// whatever the handler does next, and which the handler should return. An answer of 500 or
    /// above rolls back: nothing happened and the key is free.
    ///
    /// Where the commit fails, or nobody can say, the layer answers in the handler's place.
    ///
    /// # Errors
    /// The database refused ([`TxError::Database`]: a deferred constraint, a serialization failure)
    /// and has rolled back: the handler may say so in words of its own.
    pub async fn commit(self, answered: impl IntoResponse) -> Result<Response, TxError> {
        match record(answered.into_response(), self.limit) {
            Ok((response, first_caller)) => {
                self.tx.commit(response.clone()).await?;
                Ok(answer(&response, first_caller))
            }
            Err(Refused::Answer(refusal)) => {
                self.tx.roll_back().await;
                Ok(*refusal)
            }
            Err(Refused::Streaming) => {
                tracing::error!("a committed answer must be there in whole; it was rolled back");
                self.tx.roll_back().await;
                Ok(failed())
            }
        }
    }

    /// Rolls back: nothing is written, the key is free. Dropping it does the same, a moment later.
    pub async fn roll_back(self) {
        self.tx.roll_back().await;
    }
}

impl Deref for OnceTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for OnceTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

/// What a handler returns that has nothing of its own to say: the layer answers in its place, or
/// tells that it failed.
impl IntoResponse for TxError {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(refused) => {
                tracing::error!("{refused}");
                misused()
            }
            Self::Database(error) => {
                tracing::error!(%error, "a transaction was rolled back");
                failed()
            }
            Self::Over | Self::Store(_) => failed(),
        }
    }
}
