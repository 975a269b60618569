//! How many requests of a connection are not answered to their end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// The count of one connection. Cloning it gives another handle to the same count.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    count: Arc<Count>,
}

/// Read when time has passed, and by nobody else: a request changes it and wakes nobody.
#[derive(Debug)]
struct Count {
    opened: Instant,
    requests: AtomicUsize,
    /// When the last one was answered, in ms since the connection was opened.
    ended_ms: AtomicU64,
    /// Whether there has been one.
    begun: AtomicBool,
}

/// One of them, until it goes away.
#[derive(Debug)]
pub(super) struct One(InFlight);

impl InFlight {
    /// Of a connection that was opened at this moment.
    pub(super) fn new() -> Self {
        let (requests, ended_ms, begun) = Default::default();
        Self { count: Arc::new(Count { opened: Instant::now(), requests, ended_ms, begun }) }
    }

    /// One more.
    pub(super) fn count(&self) -> One {
        self.count.requests.fetch_add(1, Ordering::AcqRel);
        self.count.begun.store(true, Ordering::Release);
        One(self.clone())
    }

    /// Waits until there was none for so long, counted from now at the earliest: `first` where
    /// there has never been one, `later` after that.
    pub(super) async fn none_for(&self, first: Duration, later: Duration) {
        let asked = Instant::now();
        // One that begins and ends before the next look has its time after it.
        let look = first.min(later);
        loop {
            let limit = if self.count.begun.load(Ordering::Acquire) { later } else { first };
            let until = self.none_since().map(|since| since.max(asked) + limit);
            let now = Instant::now();
            if until.is_some_and(|until| until <= now) {
                return;
            }
            let next = now + look;
            tokio::time::sleep_until(until.map_or(next, |until| until.min(next))).await;
        }
    }

    /// Since when there is none.
    fn none_since(&self) -> Option<Instant> {
        let Count { opened, requests, ended_ms, .. } = &*self.count;
        let none = requests.load(Ordering::Acquire) == 0;
        none.then(|| *opened + Duration::from_millis(ended_ms.load(Ordering::Acquire)))
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let Count { opened, requests, ended_ms, .. } = &*self.0.count;
        let now = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        ended_ms.fetch_max(now, Ordering::AcqRel);
        requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that is counted until it goes away.
pub(super) struct Counted<B> {
    body: B,
    _one: One,
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, one: One) -> Self {
        Self { body, _one: one }
    }
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_lies_still_from_the_end_of_its_last_request() {
        let (in_flight, start) = (InFlight::new(), Instant::now());
        let second = Duration::from_secs(1);
        in_flight.none_for(second, 10 * second).await;
        assert_eq!(start.elapsed(), second);

        let (one, start) = (in_flight.count(), Instant::now());
        let ending = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(100)).await;
            drop(one);
        });
        in_flight.none_for(second, 10 * second).await;
        ending.await.expect("it ended");
        assert_eq!(start.elapsed(), 110 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_came_and_went_between_two_looks_is_seen() {
        let (in_flight, start) = (InFlight::new(), Instant::now());
        let second = Duration::from_secs(1);
        let other = in_flight.clone();
        let request = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let one = other.count();
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(one);
        });
        in_flight.none_for(60 * second, second).await;
        request.await.expect("it ended");
        assert_eq!(start.elapsed(), Duration::from_millis(1200));
    }
}
