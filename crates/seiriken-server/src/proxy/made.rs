//! A body that came from further in, or one that is made here.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http_body::{Body, Frame, SizeHint};
use seiriken::http::WholeBody;

/// One of the two. (`Either` would box its errors.)
#[derive(Debug)]
pub(super) enum Made<B> {
    /// From further in.
    Passed(B),
    /// Made here.
    Here(WholeBody),
}

impl<B: Body<Data = Bytes> + Unpin> Body for Made<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut *self {
            Self::Passed(body) => Pin::new(body).poll_frame(cx),
            Self::Here(body) => {
                Pin::new(body).poll_frame(cx).map_err(|never: Infallible| match never {})
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Passed(body) => body.is_end_stream(),
            Self::Here(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Passed(body) => body.size_hint(),
            Self::Here(body) => body.size_hint(),
        }
    }
}
