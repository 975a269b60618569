//! A store that hangs: its answer is waited for only so long.
//!
//! An owner that waited for ever would go on renewing its lease, and its key would be in progress
//! until the process ends. Given up on, a call is one whose acknowledgement was lost: asking again
//! is safe, since claims name their attempt and all else names its token.

use std::time::Duration;

use crate::planted::{Mistake, planted};
use crate::store::StoreError;

/// However short the lease is: a disk or a network has moments like this without being broken.
const AT_LEAST: Duration = Duration::from_secs(5);

/// What the store answers within `limit`, or [`StoreError::NoAnswer`]. The contract allows that
/// the call is dropped: it is applied in whole or not at all.
pub(super) async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    if planted(Mistake::WaitsForTheStoreForEver) {
        return call.await;
    }
    let within = limit.max(AT_LEAST);
    tokio::time::timeout(within, call).await.unwrap_or(Err(StoreError::NoAnswer { within }))
}
