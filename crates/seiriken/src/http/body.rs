//! The bodies that the layer hands on: the inner one untouched, or one that is there already.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// A body that is there in whole, with its trailers.
#[derive(Debug, Clone, Default)]
pub struct WholeBody {
    data: Bytes,
    /// Boxed: few have any, and every body would be as large as if it had.
    trailers: Option<Box<HeaderMap>>,
}

impl WholeBody {
    /// From its bytes and trailers. No trailers and empty trailers are the same.
    pub fn new(data: Bytes, trailers: HeaderMap) -> Self {
        Self { data, trailers: (!trailers.is_empty()).then(|| Box::new(trailers)) }
    }
}

impl Body for WholeBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }

    /// With trailers the length is left open: in HTTP/1.1 they follow the last chunk of a body, and
    /// a body whose length is told is not sent in chunks (RFC 9112 section 7.1.2).
    fn size_hint(&self) -> SizeHint {
        let length = self.data.len() as u64;
        if self.trailers.is_none() {
            return SizeHint::with_exact(length);
        }
        let mut hint = SizeHint::new();
        hint.set_lower(length);
        hint
    }
}

pin_project_lite::pin_project! {
    /// A message's own body, untouched; or one that is there in whole (a request that was read to
    /// be recognised, a replay, a problem); or one that was found too long to keep after a part of
    /// it was read.
    #[derive(Debug)]
    pub struct GuardedBody<B> {
        #[pin]
        place: Place<B>,
    }
}

pin_project_lite::pin_project! {
    #[derive(Debug)]
    #[project = PlaceProjection]
    enum Place<B> {
        Through { #[pin] body: B },
        Whole { #[pin] body: WholeBody },
        Resumed { #[pin] read: WholeBody, rest: Pin<Box<B>> },
    }
}

impl<B> GuardedBody<B> {
    pub(super) fn through(body: B) -> Self {
        Self { place: Place::Through { body } }
    }

    pub(super) fn whole(body: WholeBody) -> Self {
        Self { place: Place::Whole { body } }
    }

    /// What was read of it, then the rest.
    pub(super) fn resumed(read: Bytes, rest: Pin<Box<B>>) -> Self {
        Self { place: Place::Resumed { read: WholeBody::new(read, HeaderMap::new()), rest } }
    }
}

impl<B: Body<Data = Bytes>> Body for GuardedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.project().place.project() {
            PlaceProjection::Through { body } => body.poll_frame(cx),
            PlaceProjection::Whole { body } => poll_whole(body, cx),
            PlaceProjection::Resumed { read, rest } => match ready!(poll_whole(read, cx)) {
                Some(frame) => Poll::Ready(Some(frame)),
                None => rest.as_mut().poll_frame(cx),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.place {
            Place::Through { body } => body.is_end_stream(),
            Place::Whole { body } => body.is_end_stream(),
            Place::Resumed { read, rest } => read.is_end_stream() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.place {
            Place::Through { body } => body.size_hint(),
            Place::Whole { body } => body.size_hint(),
            Place::Resumed { read, rest } => {
                let (read, rest) = (read.data.len() as u64, rest.size_hint());
                let mut hint = SizeHint::new();
                hint.set_lower(rest.lower().saturating_add(read));
                if let Some(upper) = rest.upper() {
                    hint.set_upper(upper.saturating_add(read));
                }
                hint
            }
        }
    }
}

fn poll_whole<E>(
    body: Pin<&mut WholeBody>,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, E>>> {
    body.poll_frame(cx).map_err(|never| match never {})
}
