//! One connection to the upstream, in HTTP/1.1 or HTTP/2.

use std::error::Error as _;

use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::connect::Connected;
use super::{Address, Outgoing, head};

/// A connection that takes one request at a time.
pub(super) type Http1 = http1::SendRequest<Outgoing>;

/// A connection that takes many.
pub(super) type Http2 = http2::SendRequest<Outgoing>;

/// The longest head of an answer.
const HEAD_BYTES_MAX: usize = 256 << 10;

/// A connection that is ready for a request.
pub(super) enum Lane {
    One(Http1),
    Many(Http2),
}

/// A request that was not answered.
pub(super) enum Unanswered {
    /// No byte of it was sent: here it is again.
    NotSent(Box<Request<Outgoing>>, hyper::Error),
    /// The upstream says that it has not touched it (RFC 9113 section 8.7).
    Refused(hyper::Error),
    /// Some of it may have arrived.
    Unknown(hyper::Error),
}

impl Lane {
    /// Begins to speak. Nothing of a request is sent by that.
    pub(super) async fn open(connected: Connected) -> hyper::Result<Self> {
        let io = TokioIo::new(connected.stream);
        if connected.http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
                .handshake(io)
                .await?;
            tokio::spawn(ended(connection));
            return Ok(Self::Many(sender));
        }
        let (sender, connection) =
            http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(io).await?;
        tokio::spawn(ended(connection));
        Ok(Self::One(sender))
    }

    /// Sends a request, once.
    pub(super) async fn send(
        &mut self,
        address: &Address,
        mut request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, Unanswered> {
        head::framed(&mut request, matches!(self, Self::Many(_)));
        let answered = match self {
            Self::One(sender) => {
                head::for_http1(&mut request);
                sender.try_send_request(request).await
            }
            Self::Many(sender) => {
                head::for_http2(&mut request, address.scheme());
                sender.try_send_request(request).await
            }
        };
        answered.map_err(unanswered)
    }
}

fn unanswered(mut error: TrySendError<Request<Outgoing>>) -> Unanswered {
    if let Some(request) = error.take_message() {
        return Unanswered::NotSent(Box::new(request), error.into_error());
    }
    let error = error.into_error();
    let stream = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    let refused = stream.is_some_and(|error| {
        error.is_reset() && error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
    });
    if refused { Unanswered::Refused(error) } else { Unanswered::Unknown(error) }
}

/// Drives a connection to its end.
async fn ended(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the upstream ended");
    }
}
