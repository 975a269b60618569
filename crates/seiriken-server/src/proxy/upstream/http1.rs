//! A connection to the upstream that takes one request at a time, driven by whoever has it.
//!
//! In a task of its own it would be woken for the request, for the answer and for its body, each
//! time from another task and often on another core. So the task that waits for the answer writes
//! and reads itself; a connection that nobody has stands still.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;

use super::Outgoing;
use super::connect::Stream;

/// The connection as hyper has it, which moves only when it is polled.
type Connection = http1::Connection<TokioIo<Box<dyn Stream>>, Outgoing>;

/// A connection of HTTP/1.1.
pub(super) struct Http1 {
    sender: http1::SendRequest<Outgoing>,
    driven: Driven,
}

/// `None` once it has ended.
struct Driven(Option<Pin<Box<Connection>>>);

impl Http1 {
    pub(super) fn new(sender: http1::SendRequest<Outgoing>, connection: Connection) -> Self {
        Self { sender, driven: Driven(Some(Box::pin(connection))) }
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        let mut sending = pin!(self.sender.try_send_request(request));
        let driven = &mut self.driven;
        poll_fn(|cx| {
            driven.drive(cx);
            sending.as_mut().poll(cx)
        })
        .await
    }

    /// Reads and writes what there is: more of an answer's body comes by nothing else.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        self.driven.drive(cx);
    }

    /// Whether it can take a request: the last answer has been read to its end, and the other side
    /// has not closed it.
    pub(super) fn is_free(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.sender.is_ready()
    }
}

impl Driven {
    fn drive(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.0 else { return };
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the upstream ended");
            }
            // A request that it has not begun with comes back to its sender by this.
            self.0 = None;
        }
    }
}
