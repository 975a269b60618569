//! How long the engine waits for its store.
//!
//! A call that is never answered (a connection that died without a word, a disk that stands still)
//! would else hold its key for ever: the owner goes on renewing its lease while it waits.

use std::time::Duration;

use crate::planted::{Mistake, planted};
use crate::store::StoreError;

/// Waits for the answer, at most so long. A call given up on may have been applied, or be applied
/// later; every verb may be asked again after that.
pub(super) async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    if planted(Mistake::WaitsForTheStoreForEver) {
        return call.await;
    }
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer,
        Err(elapsed) => Err(StoreError::InDoubt { store: "key", source: elapsed.into() }),
    }
}
