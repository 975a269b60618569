//! How many requests of a connection are not answered to their end.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::sync::watch;

/// The count of one connection. Cloning it gives another handle to the same count.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight {
    count: Arc<watch::Sender<usize>>,
}

/// One of them, until it goes away.
#[derive(Debug)]
pub(super) struct One(InFlight);

impl InFlight {
    /// One more.
    pub(super) fn count(&self) -> One {
        self.count.send_modify(|count| *count += 1);
        One(self.clone())
    }

    /// Waits until there was none for so long: `first` where there has never been one, `later`
    /// after that.
    pub(super) async fn none_for(&self, first: Duration, later: Duration) {
        let mut counts = self.count.subscribe();
        let mut limit = first;
        loop {
            // The sender is here: it cannot have gone.
            let _ = counts.wait_for(|count| *count == 0).await;
            let began = tokio::time::timeout(limit, counts.changed()).await;
            if began.is_err() {
                return;
            }
            limit = later;
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.count.send_modify(|count| *count -= 1);
    }
}

/// A body that is counted until it goes away.
pub(super) struct Counted<B> {
    body: Pin<Box<B>>,
    _one: One,
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, one: One) -> Self {
        Self { body: Box::pin(body), _one: one }
    }
}

impl<B: Body> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.body.as_mut().poll_frame(cx)
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
        let (in_flight, start) = (InFlight::default(), Instant::now());
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
        assert_eq!(start.elapsed(), 101 * second);
    }
}
