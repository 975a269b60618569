//! The handlers: each does one thing, and most know nothing of keys.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Path, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use http_body_util::{BodyExt, Full};
use seiriken::http::{NotProcessed, Once};
use seiriken::store::sqlite::SqliteStore;
use tokio::sync::{Semaphore, watch};
use tower_http::timeout::TimeoutLayer;

/// Longer than anything here takes: never waited for in a test that passes.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// What a timeout layer inside has patience for; its handler never ends.
const SHORT: Duration = Duration::from_millis(20);

/// What the handlers share with the test.
#[derive(Clone)]
pub(crate) struct Bench {
    runs: watch::Sender<usize>,
    gate: Arc<Semaphore>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { runs: watch::Sender::new(0), gate: Arc::new(Semaphore::new(0)) }
    }

    pub(crate) fn runs(&self) -> usize {
        *self.runs.borrow()
    }

    pub(crate) async fn has_run(&self, times: usize) {
        let mut runs = self.runs.subscribe();
        runs.wait_for(|runs| *runs >= times).await.expect("the sender is here");
    }

    pub(crate) fn open_gate(&self) {
        self.gate.add_permits(1);
    }

    /// Waits until the gate is opened.
    pub(crate) async fn pass(&self) {
        self.gate.acquire().await.expect("it stays open").forget();
    }

    /// Counts the runs of all these handlers.
    pub(crate) fn counting(&self, router: Router) -> Router {
        let runs = self.runs.clone();
        let count = move |request: Request, next: Next| {
            runs.send_modify(|runs| *runs += 1);
            next.run(request)
        };
        // The idempotency layer has the limit.
        router.route_layer(DefaultBodyLimit::disable()).route_layer(from_fn(count))
    }

    /// Counts them, and has every answer carry the number of its run: one that was made anew shows.
    fn numbering(&self, router: Router) -> Router {
        let runs = self.runs.clone();
        let number = move |response: Response| {
            let run = runs.borrow().to_string();
            async move { ([("x-run", run)], response) }
        };
        self.counting(router.route_layer(map_response(number)))
    }
}

/// Handlers that know nothing of keys, and one that says it did nothing.
pub(crate) fn plain(bench: &Bench) -> Router {
    let gate = bench.clone();
    let hold = move |body: Bytes| async move {
        gate.pass().await;
        (StatusCode::CREATED, body)
    };
    let never = any(std::future::pending::<()>);
    let timeout = |status| TimeoutLayer::with_status_code(status, SHORT);
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/echo/{more}", any(echo))
        .route("/status/{status}", any(status))
        .route("/hold", any(hold))
        .route("/bytes", any(async || (0..=u8::MAX).collect::<Vec<u8>>()))
        .route(
            "/created",
            any(async || (StatusCode::CREATED, [("location", "/things/1")], "123456789")),
        )
        .route("/fields", any(fields))
        .route("/fields/{name}", any(fields_of))
        .route("/trailers", any(trailers))
        .route("/panic", any(panics))
        .route("/timeout/408", never.clone().layer(timeout(StatusCode::REQUEST_TIMEOUT)))
        .route("/timeout/504", never.layer(timeout(StatusCode::GATEWAY_TIMEOUT)))
        .route("/not-processed", any(async || (StatusCode::BAD_REQUEST, NotProcessed, "no")));
    bench.numbering(router)
}

/// Handlers that commit, or do not, on a transactional route.
pub(crate) fn committing(bench: &Bench) -> Router {
    let router = Router::new()
        .route("/commit/{status}", post(commit))
        .route("/commit-then-panic", post(commit_then_panic));
    bench.numbering(router)
}

async fn echo(headers: HeaderMap, body: Bytes) -> Response {
    let mut answer = (StatusCode::CREATED, body).into_response();
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        answer.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    answer
}

async fn status(Path(status): Path<u16>) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let body = match status {
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => Body::empty(),
        status => Body::from(format!("answer {status}")),
    };
    let mut answer = (status, body).into_response();
    if status == StatusCode::SEE_OTHER {
        answer.headers_mut().insert("location", "/things/1".parse().expect("a value"));
    }
    answer
}

/// Fields that are part of the answer, some of them repeated.
pub(crate) const STORED: [(&str, &str); 7] = [
    ("content-type", "application/json"),
    ("link", "</a>; rel=\"next\""),
    ("link", "</b>; rel=\"prev\""),
    ("etag", "\"1\""),
    ("location", "/things/1"),
    ("x-own", "b"),
    ("x-own", "a"),
];

/// Fields that are about one message, one connection, one caller or one moment.
pub(crate) const NOT_STORED: [(&str, &str); 19] = [
    ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("set-cookie", "session=1; HttpOnly"),
    ("set-cookie", "theme=2"),
    ("age", "3"),
    ("www-authenticate", "Basic"),
    ("authentication-info", "nextnonce=\"1\""),
    ("access-control-allow-origin", "https://shop.example"),
    ("access-control-expose-headers", "location"),
    ("ratelimit", "\"default\";r=50;t=30"),
    ("ratelimit-policy", "\"default\";q=100;w=60"),
    ("x-ratelimit-remaining", "9"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("tracestate", "shop=1"),
    ("x-request-id", "r1"),
    ("server-timing", "db;dur=53"),
    ("connection", "x-hop"),
    ("x-hop", "1"),
    ("keep-alive", "timeout=5"),
    ("proxy-authenticate", "Basic"),
];

async fn fields() -> Response {
    answer_of(STORED.iter().chain(&NOT_STORED))
}

/// With those fields alone that are not stored and have this name, or give it its meaning.
async fn fields_of(Path(name): Path<String>) -> Response {
    let of_name = |(other, value): &&(&str, &str)| *other == name || *value == name;
    answer_of(STORED.iter().chain(NOT_STORED.iter().filter(of_name)))
}

fn answer_of<'f>(fields: impl Iterator<Item = &'f (&'f str, &'f str)>) -> Response {
    fields
        .fold(Response::builder(), |answer, (name, value)| answer.header(*name, *value))
        .body(Body::from("{}"))
        .expect("a response")
}

async fn trailers() -> Response {
    let body = Full::new(Bytes::from("data")).with_trailers(async {
        let mut trailers = HeaderMap::new();
        trailers.append("checksum", "1f".parse().expect("a value"));
        trailers.append("checksum", "2e".parse().expect("a value"));
        Some(Ok(trailers))
    });
    ([("trailer", "checksum")], Body::new(body)).into_response()
}

async fn panics() -> Response {
    panic!("on purpose: a handler panics");
}

async fn commit(Path(status): Path<u16>, once: Once<SqliteStore>) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let committed = once.commit(move |_| Ok::<_, ()>((status, "committed"))).await;
    committed.unwrap_or_else(|()| StatusCode::IM_A_TEAPOT.into_response())
}

async fn commit_then_panic(once: Once<SqliteStore>) -> Response {
    let committed = once.commit(|_| Ok::<_, ()>((StatusCode::CREATED, "committed"))).await;
    panic!("on purpose: a handler panics after its commit: {}", committed.is_ok());
}
