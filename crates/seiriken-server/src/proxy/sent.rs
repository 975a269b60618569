//! What a client sends, once or a second time.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Bytes;
use axum::http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use seiriken::http::WholeBody;

/// The body of a request.
#[derive(Debug)]
pub(super) enum Sent<B> {
    /// As it comes. What has come is kept, if that is asked for.
    Coming(B, Option<Kept>),
    /// It has come already.
    Here(WholeBody),
}

/// What has come of a body, until it is forgotten. Its clones are handles to the same.
#[derive(Debug, Clone)]
pub(super) struct Kept(Arc<Mutex<Option<Pieces>>>);

#[derive(Debug, Default)]
struct Pieces {
    data: Vec<Bytes>,
    trailers: HeaderMap,
}

impl Kept {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Pieces::default()))))
    }

    /// Keeps nothing any more.
    pub(super) fn forget(&self) {
        drop(self.taken());
    }

    /// The body once more; nothing, where it was forgotten.
    pub(super) fn again<B>(&self) -> Option<Sent<B>> {
        let Pieces { data, trailers } = self.taken()?;
        let data = match <[Bytes; 1]>::try_from(data) {
            Ok([all]) => all,
            Err(pieces) => pieces.concat().into(),
        };
        Some(Sent::Here(WholeBody::new(data, trailers)))
    }

    fn taken(&self) -> Option<Pieces> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep(&self, frame: &Frame<Bytes>) {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pieces) = &mut *pieces else { return };
        if let Some(data) = frame.data_ref() {
            pieces.data.push(data.clone());
        } else if let Some(trailers) = frame.trailers_ref() {
            pieces.trailers.extend(trailers.clone());
        }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Sent<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut *self {
            Self::Coming(body, kept) => {
                let polled = Pin::new(body).poll_frame(cx);
                if let (Poll::Ready(Some(Ok(frame))), Some(kept)) = (&polled, kept) {
                    kept.keep(frame);
                }
                polled
            }
            Self::Here(body) => {
                Pin::new(body).poll_frame(cx).map_err(|never: Infallible| match never {})
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Coming(body, _) => body.is_end_stream(),
            Self::Here(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Coming(body, _) => body.size_hint(),
            Self::Here(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use futures_util::stream;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    #[tokio::test]
    async fn a_body_that_was_read_is_there_again_until_it_is_forgotten() {
        let trailers = || HeaderMap::from_iter([("sum".parse().unwrap(), HeaderValue::from(4))]);
        let pieces = ["ab", "", "cd"].map(|piece| Ok::<_, Infallible>(Frame::data(piece.into())));
        let pieces = pieces.into_iter().chain([Ok(Frame::trailers(trailers()))]);
        let (body, kept) = (StreamBody::new(stream::iter(pieces)), Kept::new());
        let first = Sent::Coming(body, Some(kept.clone())).collect().await.expect("it ends");
        let again = kept.again::<WholeBody>().expect("it was kept");
        let again = again.collect().await.expect("it ends");
        for body in [first, again] {
            assert_eq!(body.trailers(), Some(&trailers()));
            assert_eq!(body.to_bytes(), "abcd");
        }
        assert!(kept.again::<WholeBody>().is_none(), "it is there once");
        let kept = Kept::new();
        kept.forget();
        assert!(kept.again::<WholeBody>().is_none());
    }
}
