//! Reading a body whole, up to a limit.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use http_body_util::BodyExt;

/// What came of reading a body.
pub(super) enum Collected<B: Body> {
    /// All of it.
    Whole { data: Bytes, trailers: HeaderMap },
    /// It is longer than the limit; this much was read.
    TooLong { read: Bytes, rest: Pin<Box<B>> },
    /// It broke off.
    Broken(B::Error),
}

pub(super) fn collect<B: Body<Data = Bytes>>(
    body: B,
    limit: usize,
) -> impl Future<Output = Collected<B>> {
    let mut body = Box::pin(body);
    async move {
        if body.size_hint().lower() > limit as u64 {
            return Collected::TooLong { read: Bytes::new(), rest: body };
        }
        let mut data = Data::default();
        let mut trailers = HeaderMap::new();
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Collected::Broken(error),
            };
            match frame.into_data() {
                Ok(piece) => {
                    data.push(piece);
                    if data.len() > limit {
                        return Collected::TooLong { read: data.into_bytes(), rest: body };
                    }
                }
                Err(frame) => trailers.extend(frame.into_trailers().unwrap_or_default()),
            }
        }
        Collected::Whole { data: data.into_bytes(), trailers }
    }
}

/// Pieces put together. A body in one piece, which is the usual one, is not copied.
#[derive(Default)]
struct Data {
    first: Bytes,
    all: BytesMut,
}

impl Data {
    fn push(&mut self, piece: Bytes) {
        if self.len() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn into_bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}
