//! Bodies that have to keep coming.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// Any error of a body.
pub(super) type BoxError = Box<dyn Error + Send + Sync>;

/// What an arriving KiB gives back of the time that a client has used up.
const PER_KIB: Duration = Duration::from_secs(1);

/// A body whose sender is waited for only so long. What counts is the time spent waiting: while
/// nobody asks for more, nothing runs out.
#[derive(Debug)]
pub(super) struct Paced<B> {
    body: B,
    allowance: Duration,
    left: Duration,
    refill: Refill,
    waiting: Option<Waiting>,
}

/// What gives time back.
#[derive(Debug, Clone, Copy)]
enum Refill {
    /// Nothing.
    Nothing,
    /// Bytes, so that whoever sends a byte now and then does not hold on for ever.
    Bytes,
    /// Each piece, all of it.
    Pieces,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    late: Pin<Box<Sleep>>,
}

/// Why a body has no end.
#[derive(Debug)]
pub(super) enum Cut<E> {
    /// Its sender was waited for long enough.
    TooSlow,
    /// It broke off.
    Broke(E),
}

impl<B> Paced<B> {
    /// What a client sends.
    pub(super) fn sent(body: B, allowance: Duration) -> Self {
        Self::new(body, allowance, Refill::Bytes)
    }

    /// An answer that may go on for ever, as long as it goes on.
    pub(super) fn going_on(body: B, pause: Duration) -> Self {
        Self::new(body, pause, Refill::Pieces)
    }

    /// An answer that has to end.
    pub(super) fn ending(body: B, within: Duration) -> Self {
        Self::new(body, within, Refill::Nothing)
    }

    fn new(body: B, allowance: Duration, refill: Refill) -> Self {
        Self { body, allowance, left: allowance, refill, waiting: None }
    }

    /// Something came: `bytes` of it.
    fn came(&mut self, bytes: usize) {
        if let Some(waiting) = self.waiting.take() {
            self.left = self.left.saturating_sub(waiting.since.elapsed());
        }
        let back = match self.refill {
            Refill::Nothing => Duration::ZERO,
            Refill::Bytes => {
                PER_KIB.saturating_mul(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1024
            }
            Refill::Pieces => self.allowance,
        };
        self.left = self.left.saturating_add(back).min(self.allowance);
    }

    fn too_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.left;
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            since: Instant::now(),
            late: Box::pin(tokio::time::sleep(left)),
        });
        waiting.late.as_mut().poll(cx)
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Paced<B> {
    type Data = Bytes;
    type Error = Cut<B::Error>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut<B::Error>>>> {
        let paced = &mut *self;
        match Pin::new(&mut paced.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                paced.came(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(Cut::Broke(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => paced.too_late(cx).map(|()| Some(Err(Cut::TooSlow))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<E> fmt::Display for Cut<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSlow => "the rest of the body did not come in time",
            Self::Broke(_) => "the body broke off",
        })
    }
}

impl<E: Error + 'static> Error for Cut<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::TooSlow => None,
            Self::Broke(error) => Some(error),
        }
    }
}

/// Where an error comes from a client's body: what was wrong with it.
pub(super) fn fault_of_the_sender<'e>(
    error: &'e (dyn Error + 'static),
) -> Option<&'e Cut<hyper::Error>> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(cut) = error.downcast_ref() {
            return Some(cut);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    /// Pieces of this many bytes, this long apart.
    fn drops(
        count: usize,
        bytes: usize,
        apart: Duration,
    ) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let pieces = stream::unfold(count, move |left| async move {
            let left = left.checked_sub(1)?;
            tokio::time::sleep(apart).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(vec![b'x'; bytes]))), left))
        });
        StreamBody::new(Box::pin(pieces))
    }

    async fn comes<B>(paced: Paced<B>) -> bool
    where
        B: Body<Data = Bytes, Error = Infallible> + Unpin,
    {
        match paced.collect().await {
            Ok(_) => true,
            Err(Cut::TooSlow) => false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_and_one_that_flows_is_not() {
        let (second, allowance) = (Duration::from_secs(1), Duration::from_secs(10));
        assert!(comes(Paced::sent(drops(9, 1, second), allowance)).await);
        assert!(!comes(Paced::sent(drops(60, 1, second), allowance)).await);
        assert!(comes(Paced::sent(drops(60, 1024, second), allowance)).await);
        assert!(!comes(Paced::sent(drops(2, 1 << 20, 11 * second), allowance)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_goes_on_may_and_one_that_has_to_end_may_not() {
        let (second, limit) = (Duration::from_secs(1), Duration::from_secs(10));
        assert!(comes(Paced::going_on(drops(60, 1, second), limit)).await);
        assert!(!comes(Paced::going_on(drops(1, 1, 11 * second), limit)).await);
        assert!(!comes(Paced::ending(drops(60, 1024, second), limit)).await);
    }
}
