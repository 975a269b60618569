//! One request and its answer, on a connection of its own.
//!
//! Nothing is repaired on the way: a broken key, a field that stands twice and an empty value are
//! sent as they are, which is what the command is about. Nothing is repeated either: a client that
//! sends again by itself would look like a server that runs twice.

use std::fmt;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::task::AbortHandle;

use super::connect::{Connector, Stream};

/// An answer longer than this is not compared.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// What is asked: its address is absolute.
pub(super) type Asked = Request<Bytes>;

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// No answer came: why not.
#[derive(Debug, Clone)]
pub(super) struct NoAnswer(pub(super) String);

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl NoAnswer {
    pub(super) fn because(error: &dyn std::error::Error) -> Self {
        // The outer layers only say that it failed.
        error.source().map_or_else(|| Self(error.to_string()), Self::because)
    }
}

impl Answer {
    /// It says that the work was done, or where to see what came of it. A redirection that asks
    /// for the request to be sent elsewhere says neither.
    pub(super) fn accepted(&self) -> bool {
        let see_other = matches!(self.status, StatusCode::SEE_OTHER | StatusCode::FOUND);
        self.status.is_success() || see_other
    }

    pub(super) fn refused(&self) -> bool {
        self.status.is_client_error()
    }

    pub(super) fn failed(&self) -> bool {
        self.status.is_server_error()
    }

    /// The value of a field that stands there once, as text.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it is marked as a replay; `None` when it is not marked.
    pub(super) fn marker(&self) -> Option<bool> {
        let (_, value) = self.marker_field()?;
        match value.to_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "true" | "replayed" | "1" => Some(true),
            "false" | "executed" | "0" => Some(false),
            _ => None,
        }
    }

    /// The marker's field: each implementation has a name of its own.
    pub(super) fn marker_field(&self) -> Option<(&'static str, &HeaderValue)> {
        MARKERS.iter().find_map(|name| Some((*name, self.headers.get(*name)?)))
    }
}

/// Names under which services mark a replay.
pub(super) const MARKERS: [&str; 6] = [
    "idempotent-replayed",
    "idempotency-replayed",
    "x-idempotent-replayed",
    "x-idempotency-replayed",
    "idempotency-replay",
    "idempotency-status",
];

/// Sends requests.
#[derive(Debug)]
pub(super) struct Wire {
    connector: Connector,
    timeout: Duration,
}

/// A connection on which nothing was sent yet.
pub(super) struct Opened {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
    timeout: Duration,
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Wire {
    pub(super) fn new(connector: Connector, timeout: Duration) -> Self {
        Self { connector, timeout }
    }

    /// Sends one request and reads its answer.
    pub(super) async fn send(&self, asked: &Asked) -> Result<Answer, NoAnswer> {
        self.open(asked.uri()).await?.send(asked).await
    }

    /// Opens a connection ahead of time, so that several requests can start at the same moment.
    pub(super) async fn open(&self, to: &Uri) -> Result<Opened, NoAnswer> {
        let opened = async {
            let stream = self.connector.connect(to).await?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| NoAnswer::because(&error))?;
            // What ends the connection reaches whoever waits for the answer.
            let task = tokio::spawn(async { drop(connection.await) }).abort_handle();
            Ok(Opened { sender, task, timeout: self.timeout })
        };
        self.in_time("no connection", opened).await
    }

    /// Sends one request, waits so long, and leaves without having read a byte of the answer.
    pub(super) async fn leave(&self, asked: &Asked, after: Duration) -> Result<(), NoAnswer> {
        let left = async {
            let mut stream: Stream = self.connector.connect(asked.uri()).await?;
            let written = async {
                stream.write_all(&on_the_wire(asked)).await?;
                stream.flush().await
            };
            written.await.map_err(|error| NoAnswer::because(&error))?;
            Ok(stream)
        };
        let stream = self.in_time("the request could not be sent", left).await?;
        tokio::time::sleep(after).await;
        drop(stream);
        Ok(())
    }

    async fn in_time<T>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, NoAnswer>>,
    ) -> Result<T, NoAnswer> {
        let late = || NoAnswer(format!("{what} within {:?}", self.timeout));
        tokio::time::timeout(self.timeout, work).await.unwrap_or_else(|_| Err(late()))
    }
}

impl Opened {
    /// Sends the request and reads the answer to its end.
    pub(super) async fn send(mut self, asked: &Asked) -> Result<Answer, NoAnswer> {
        let timeout = self.timeout;
        let exchange = async {
            let (mut head, body) = asked.clone().into_parts();
            head.headers.insert(header::HOST, host(&head.uri)?);
            head.uri = origin_form(&head.uri)?;
            let sent = self.sender.send_request(Request::from_parts(head, Full::new(body))).await;
            let (head, body) = sent.map_err(|error| NoAnswer::because(&error))?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| NoAnswer::because(error.as_ref()))?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        let late = || NoAnswer(format!("no answer within {timeout:?}"));
        tokio::time::timeout(timeout, exchange).await.unwrap_or_else(|_| Err(late()))
    }
}

/// The request as bytes, for whoever is not going to read the answer.
fn on_the_wire(asked: &Asked) -> Vec<u8> {
    let path = asked.uri().path_and_query().map_or("/", |path| path.as_str());
    let host = asked.uri().authority().map_or("", |host| host.as_str());
    let mut bytes = format!("{} {path} HTTP/1.1\r\nhost: {host}\r\n", asked.method()).into_bytes();
    for (name, value) in asked.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", asked.body().len()).as_bytes());
    bytes.extend(asked.body());
    bytes
}

fn host(uri: &Uri) -> Result<HeaderValue, NoAnswer> {
    let host = uri.authority().map(axum::http::uri::Authority::as_str).unwrap_or_default();
    HeaderValue::try_from(host).map_err(|error| NoAnswer::because(&error))
}

fn origin_form(uri: &Uri) -> Result<Uri, NoAnswer> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse().map_err(|error| NoAnswer::because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_as_it_is() {
        let asked = Request::post("http://shop:3000/orders?a=1")
            .header("idempotency-key", "\"broken")
            .header("idempotency-key", "")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        assert_eq!(
            String::from_utf8(on_the_wire(&asked)).unwrap(),
            "POST /orders?a=1 HTTP/1.1\r\nhost: shop:3000\r\nidempotency-key: \"broken\r\n\
             idempotency-key: \r\ncontent-length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn a_replay_is_marked_in_several_ways() {
        let answer = |name: &'static str, value: &'static str| Answer {
            status: StatusCode::CREATED,
            headers: [(header::HeaderName::from_static(name), HeaderValue::from_static(value))]
                .into_iter()
                .collect(),
            body: Bytes::new(),
        };
        assert_eq!(answer("idempotent-replayed", "true").marker(), Some(true));
        assert_eq!(answer("idempotency-replay", "False").marker(), Some(false));
        assert_eq!(answer("idempotency-status", "replayed").marker(), Some(true));
        assert_eq!(answer("idempotency-status", "ignored").marker(), None);
        assert_eq!(answer("x-cache", "true").marker(), None);
    }
}
