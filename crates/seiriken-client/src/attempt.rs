//! One attempt: the frozen request goes out once, and what came of it is told apart.
//!
//! An answer counts when it has come whole: a body that ends before its `Content-Length`, or a
//! chunked one without its end, is no answer. (A body without either ends when the connection does;
//! whether it was cut short cannot be seen, its status still counts.)

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};

use crate::answer::Answer;
use crate::intent::Intent;
use crate::settings::Settings;

/// What came of one attempt, with what there is to tell people about it.
pub(crate) enum Attempted {
    /// No connection came about.
    NotSent(String),
    /// It may have been sent, and no whole answer came.
    NoAnswer(String),
    /// An answer, whole.
    Answered(Answer),
}

/// Whatever carries a request to the server.
pub(crate) trait Transport: Send {
    /// Sends the request of `intent` once and waits for its answer, at most `limit` long.
    fn attempt(
        &mut self,
        intent: &Intent,
        settings: &Settings,
        limit: Duration,
    ) -> impl Future<Output = Attempted> + Send;
}

/// A connection of our own, by reqwest.
pub(crate) struct Direct<'c>(pub(crate) &'c reqwest::Client);

impl Transport for Direct<'_> {
    async fn attempt(
        &mut self,
        intent: &Intent,
        settings: &Settings,
        limit: Duration,
    ) -> Attempted {
        let touched = Arc::new(AtomicBool::new(false));
        let body = Watched { bytes: intent.request.body.clone(), touched: Arc::clone(&touched) };
        let request = request(intent, settings, reqwest::Body::wrap(body));
        let exchange = async { whole(self.0.execute(request).await?).await };
        let ended = tokio::time::timeout(limit, exchange).await;
        let nothing_sent = !touched.load(Ordering::SeqCst);
        match ended {
            Ok(Ok(answer)) => Attempted::Answered(answer),
            Ok(Err(error)) if nothing_sent || error.is_connect() => {
                Attempted::NotSent(reason(error))
            }
            Ok(Err(error)) => Attempted::NoAnswer(reason(error)),
            Err(_) if nothing_sent => Attempted::NotSent(format!("none within {limit:?}")),
            Err(_) => Attempted::NoAnswer(format!("none within {limit:?}")),
        }
    }
}

/// The request as it goes out: the same on every attempt.
pub(crate) fn request(
    intent: &Intent,
    settings: &Settings,
    body: reqwest::Body,
) -> reqwest::Request {
    let frozen = &intent.request;
    let mut request = reqwest::Request::new(frozen.method.clone(), frozen.url.clone());
    *request.headers_mut() = frozen.headers.clone();
    let key = intent.key.field_value(settings.quoted);
    request.headers_mut().insert(settings.key_field.clone(), key);
    if frozen.body.is_empty() {
        // Else the field would be missing, and some servers insist on it (RFC 9110 section 8.6).
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    *request.body_mut() = Some(body);
    request
}

/// The whole answer.
pub(crate) async fn whole(mut response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    Ok(Answer::new(status, headers, response.bytes().await?))
}

/// What went wrong, without the address, which may hold secrets in its query.
pub(crate) fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut innermost: &dyn Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A body that knows whether a connection has begun to take it.
///
/// hyper looks at the body before it writes the first byte of the head, and only once there is a
/// connection. An attempt that ends before that has certainly sent nothing, also when it was cut off
/// by the clock while the connection was being made.
struct Watched {
    bytes: Bytes,
    touched: Arc<AtomicBool>,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.touched.store(true, Ordering::SeqCst);
        let bytes = std::mem::take(&mut self.bytes);
        Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.touched.store(true, Ordering::SeqCst);
        self.bytes.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.len() as u64)
    }
}
