//! Whether a connection lies still: nobody here or behind works for it, and its client takes nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;

/// The requests of one connection. Cloning it gives another handle to the same ones.
#[derive(Debug, Clone)]
pub(super) struct InFlight {
    count: Arc<Count>,
}

/// Read when time has passed, and by nobody else: a request changes it and wakes nobody.
#[derive(Debug)]
struct Count {
    opened: Instant,
    /// Requests whose answer, or whose next part, is being made. One whose answer lies there for a
    /// client that does not take it is none: in HTTP/2 a client can leave it there for ever without
    /// keeping the connection from being written to.
    worked_for: AtomicUsize,
    /// When something went on last, in ms since the connection was opened.
    moved_ms: AtomicU64,
    written: AtomicU64,
    /// Whether there has been a request.
    begun: AtomicBool,
}

/// So much has to be taken to count as something: more than what keeps a connection alive.
const TAKEN: u64 = 1 << 10;

/// One of them, until it goes away.
#[derive(Debug)]
pub(super) struct One {
    in_flight: InFlight,
    worked_for: bool,
}

impl InFlight {
    /// Of a connection that was opened at this moment.
    pub(super) fn new() -> Self {
        let (worked_for, moved_ms, written, begun) = Default::default();
        let opened = Instant::now();
        Self { count: Arc::new(Count { opened, worked_for, moved_ms, written, begun }) }
    }

    /// One more, which is worked for from now on.
    pub(super) fn count(&self) -> One {
        self.count.worked_for.fetch_add(1, Ordering::AcqRel);
        self.count.begun.store(true, Ordering::Release);
        One { in_flight: self.clone(), worked_for: true }
    }

    /// So many bytes were taken.
    pub(super) fn taken(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let before = self.count.written.fetch_add(bytes, Ordering::AcqRel);
        if before / TAKEN != before.wrapping_add(bytes) / TAKEN {
            self.count.moved();
        }
    }

    /// Waits until it has lain still for so long, counted from now at the earliest: `first` where
    /// there has never been a request, `later` after that.
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

    /// Since when it lies still.
    fn none_since(&self) -> Option<Instant> {
        let Count { opened, worked_for, moved_ms, .. } = &*self.count;
        let none = worked_for.load(Ordering::Acquire) == 0;
        none.then(|| *opened + Duration::from_millis(moved_ms.load(Ordering::Acquire)))
    }
}

impl Count {
    fn moved(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_ms.fetch_max(now, Ordering::AcqRel);
    }
}

impl One {
    /// It is the client's turn, to take what is there.
    fn handed(&mut self) {
        if std::mem::replace(&mut self.worked_for, false) {
            self.in_flight.count.moved();
            self.in_flight.count.worked_for.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// The client has taken it, and waits for more.
    fn asked(&mut self) {
        if !std::mem::replace(&mut self.worked_for, true) {
            self.in_flight.count.worked_for.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.handed();
    }
}

/// A body that is counted until it goes away.
pub(super) struct Counted<B> {
    body: B,
    one: One,
}

impl<B> Counted<B> {
    pub(super) fn new(body: B, mut one: One) -> Self {
        one.handed();
        Self { body, one }
    }
}

impl<B: Body + Unpin> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let Self { body, one } = &mut *self;
        one.asked();
        let frame = ready!(Pin::new(body).poll_frame(cx));
        one.handed();
        Poll::Ready(frame)
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
    use std::convert::Infallible;

    use axum::body::Bytes;
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};

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

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_nobody_takes_keeps_no_connection_and_one_that_is_made_does() {
        let (in_flight, start) = (InFlight::new(), Instant::now());
        let second = Duration::from_secs(1);
        let later = Duration::from_secs(100);
        let pieces = StreamBody::new(Box::pin(stream::once(async move {
            tokio::time::sleep(later).await;
            Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"piece")))
        })));
        let mut body = Counted::new(pieces, in_flight.count());
        let taking = tokio::spawn(async move {
            body.frame().await.expect("a piece").expect("it came");
            body
        });
        in_flight.none_for(second, second).await;
        assert_eq!(start.elapsed(), later + second);
        // What is there is still there, and what is taken of it counts.
        let _body = taking.await.expect("it came");
        let start = Instant::now();
        let taking = async {
            for _ in 0..4 {
                tokio::time::sleep(second / 2).await;
                in_flight.taken(512);
            }
        };
        tokio::join!(taking, in_flight.none_for(second + second / 4, second + second / 4));
        assert_eq!(start.elapsed(), 3 * second + second / 4);
    }
}
