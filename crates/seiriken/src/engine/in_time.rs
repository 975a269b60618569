//! A store that hangs: its answer is waited for only so long.
//!
//! An owner that waited for ever would go on renewing its lease, and its key would be in progress
//! until the process ends. Given up on, a call is one whose acknowledgement was lost: asking again
//! is safe, since claims name their attempt and all else names its token.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use super::measured::Asked;
use crate::planted::{Mistake, planted};
use crate::store::StoreError;

/// However short the lease is: a disk or a network has moments like this without being broken.
const AT_LEAST: Duration = Duration::from_secs(5);

/// What the store answers within `limit`, or [`StoreError::NoAnswer`]. The contract allows that
/// the call is dropped: it is applied in whole or not at all.
pub(super) async fn in_time<T>(
    verb: &'static str,
    limit: Duration,
    call: Pin<&mut impl Future<Output = Result<T, StoreError>>>,
) -> Result<T, StoreError> {
    if planted(Mistake::WaitsForTheStoreForEver) {
        return call.await;
    }
    let within = limit.max(AT_LEAST);
    let asked = Asked::now(verb);
    let told = done_within(within, call).await.unwrap_or(Err(StoreError::NoAnswer { within }));
    match &told {
        Ok(_) => asked.answered(),
        Err(_) => asked.failed(),
    }
    told
}

/// What the future ends with, or `None` when it has not ended after so long. Most end at once: a
/// timer is made only for one that does not.
pub(super) async fn done_within<F: Future>(
    limit: Duration,
    mut future: Pin<&mut F>,
) -> Option<F::Output> {
    let mut late = pin!(None);
    poll_fn(|cx| {
        if let Poll::Ready(done) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(done));
        }
        if late.is_none() {
            late.set(Some(tokio::time::sleep(limit)));
        }
        late.as_mut().as_pin_mut().map_or(Poll::Pending, |late| late.poll(cx).map(|()| None))
    })
    .await
}
