//! What is guarded, what passes untouched, and what is refused before anything runs.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use seiriken::http::{GuardedBody, ProblemKind};
use seiriken::{KeySyntax, Scope};
use tower::{Layer, Service, ServiceExt};

use crate::guarded::{Guarded, in_memory, post, says};

fn keyed(method: Method) -> Request<Body> {
    let request = Request::builder().method(method).uri("/").header("Idempotency-Key", "k");
    request.body(Body::from("body")).expect("a request")
}

fn with_body(key: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post("/").header("Idempotency-Key", key);
    request.body(body.into()).expect("a request")
}

/// Answers what it was sent.
fn echo(
    layer: &seiriken::http::Idempotency<std::sync::Arc<seiriken::store::MemoryStore>>,
) -> Guarded {
    Guarded::new(layer, |request| async {
        let body = request.into_body().collect().await.expect("a whole body");
        says(200, body.to_bytes())
    })
}

#[tokio::test]
async fn a_method_that_is_not_guarded_passes_untouched() {
    let service = echo(&in_memory());
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::DELETE] {
        for _ in 0..2 {
            let before = service.runs();
            let answer = service.call(keyed(method.clone())).await;
            assert_eq!((answer.marker(), answer.reason), (None, None), "{method}");
            assert_eq!((&answer.body[..], service.runs()), (&b"body"[..], before + 1), "{method}");
        }
    }
}

#[tokio::test]
async fn post_and_patch_are_guarded_and_the_service_gets_the_whole_body() {
    for method in [Method::POST, Method::PATCH] {
        let service = echo(&in_memory());
        let first = service.call(keyed(method.clone())).await;
        first.assert_executed();
        assert_eq!(first.body, "body");
        service.call(keyed(method)).await.assert_replays(&first);
    }
}

#[tokio::test]
async fn other_methods_can_be_guarded_but_safe_ones_never() {
    let layer = in_memory().methods([Method::PUT, Method::GET, Method::HEAD, Method::OPTIONS]);
    let service = echo(&layer);
    let first = service.call(keyed(Method::PUT)).await;
    first.assert_executed();
    service.call(keyed(Method::PUT)).await.assert_replays(&first);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST] {
        let answer = service.call(keyed(method)).await;
        assert_eq!(
            (answer.status.as_u16(), answer.reason, &answer.body[..]),
            (200, None, &b"body"[..])
        );
    }
}

#[tokio::test]
async fn a_request_without_a_key_passes_where_none_is_required() {
    let service = echo(&in_memory());
    for runs in 1..=2 {
        let request = Request::post("/").body(Body::from("body")).unwrap();
        let answer = service.call(request).await;
        assert_eq!((answer.marker(), answer.reason), (None, None));
        assert_eq!((&answer.body[..], service.runs()), (&b"body"[..], runs));
    }
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_where_one_is_required() {
    let service = echo(&in_memory().require_key());
    let request = Request::post("/").body(Body::from("body")).unwrap();
    service.call(request).await.assert_refused(ProblemKind::KeyMissing);
    assert_eq!(service.runs(), 0);
    assert_eq!(service.call(keyed(Method::GET)).await.marker(), None);
}

#[tokio::test]
async fn the_strict_syntax_takes_the_quoted_form_alone() {
    let service = echo(&in_memory().key_syntax(KeySyntax::Strict));
    service.post("k").await.assert_refused(ProblemKind::KeyInvalid);
    assert_eq!(service.runs(), 0);
    service.post("\"k\"").await.assert_executed();
}

#[tokio::test]
async fn the_key_can_be_read_from_another_field() {
    let service = echo(&in_memory().field_name("PayPal-Request-Id".parse().unwrap()));
    let request = || {
        let request = Request::post("/").header("PayPal-Request-Id", "k");
        request.header("Idempotency-Key", "never, looked at").body(Body::empty()).unwrap()
    };
    let first = service.call(request()).await;
    first.assert_executed();
    service.call(request()).await.assert_replays(&first);
}

#[tokio::test]
async fn the_same_key_in_two_scopes_is_two_operations() {
    let layer = in_memory();
    for scope in ["a", "b"] {
        let service = echo(&layer.clone().scope(Scope::new(scope)));
        service.post("k").await.assert_executed();
    }
}

#[tokio::test]
async fn method_path_query_type_and_body_make_the_request() {
    let service = echo(&in_memory());
    let request = |method: &str, uri: &str, content_type: &str, body: &'static str| {
        let request = Request::builder().method(method).uri(uri);
        let request = request.header("Content-Type", content_type).header("Idempotency-Key", "k");
        request.body(Body::from(body)).unwrap()
    };
    let first = service.call(request("POST", "/a?b", "text/plain", "c")).await;
    first.assert_executed();
    for (method, uri, content_type, body) in [
        ("PATCH", "/a?b", "text/plain", "c"),
        ("POST", "/A?b", "text/plain", "c"),
        ("POST", "/a", "text/plain", "c"),
        ("POST", "/a?", "text/plain", "c"),
        ("POST", "/ab", "text/plain", "c"),
        ("POST", "/a?b", "text/html", "c"),
        ("POST", "/a?b", "text/plain", "c "),
        ("POST", "/a?b", "text/plain", ""),
    ] {
        let other = service.call(request(method, uri, content_type, body)).await;
        other.assert_refused(ProblemKind::KeyReused);
    }
    service.call(request("POST", "/a?b", "text/plain", "c")).await.assert_replays(&first);
    assert_eq!(service.runs(), 1);
}

#[tokio::test]
async fn in_canonical_json_spelling_is_free_and_no_two_values_are_merged() {
    let service = echo(&in_memory().canonical_json());
    let json = |body: &'static str| {
        let request = Request::post("/").header("Content-Type", "application/json");
        request.header("Idempotency-Key", "k").body(Body::from(body)).unwrap()
    };
    let first = service.call(json(r#"{"n":9007199254740993,"m":"\u0061"}"#)).await;
    first.assert_executed();
    for other in [
        r#"{"n":9007199254740992,"m":"a"}"#,
        r#"{"n":9007199254740994,"m":"\u0061"}"#,
        r#"{"n":9007199254740993,"m":"\u0062"}"#,
        r#"{"n":9007199254740993,"n":9007199254740993,"m":"\u0061"}"#,
    ] {
        service.call(json(other)).await.assert_refused(ProblemKind::KeyReused);
    }
    // A number that no double holds is compared as it is written, and so is all around it.
    let first = service.call(json(r#"{"n":9007199254740993,"m":"\u0061"}"#)).await;
    assert_eq!((first.marker(), service.runs()), (Some("true"), 1));

    let service = echo(&in_memory().canonical_json());
    let first = service.call(json(r#"{"n":1,"m":"a"}"#)).await;
    first.assert_executed();
    service.call(json(" { \"m\":\"\\u0061\", \"n\": 1.0 } ")).await.assert_replays(&first);
    service.call(json(r#"{"n":"1","m":"a"}"#)).await.assert_refused(ProblemKind::KeyReused);
}

#[tokio::test]
async fn a_body_past_the_limit_is_refused_and_its_key_stays_free() {
    let service = echo(&in_memory().request_body_bytes_max(8));
    let streamed = |pieces: [&'static str; 2]| {
        Body::from_stream(stream::iter(pieces.map(|piece| Ok::<_, Infallible>(Bytes::from(piece)))))
    };
    service.call(with_body("k", "123456789")).await.assert_refused(ProblemKind::BodyTooLarge);
    let long = with_body("k", streamed(["12345", "6789"]));
    service.call(long).await.assert_refused(ProblemKind::BodyTooLarge);
    assert_eq!(service.runs(), 0);
    let first = service.call(with_body("k", "12345678")).await;
    first.assert_executed();
    let same = with_body("k", streamed(["1234", "5678"]));
    service.call(same).await.assert_replays(&first);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused_and_its_key_stays_free() {
    let service = echo(&in_memory());
    let broken = Err(std::io::Error::other("on purpose: the request breaks off"));
    let broken = Body::from_stream(stream::iter([Ok(Bytes::from("half")), broken]));
    service.call(with_body("k", broken)).await.assert_refused(ProblemKind::BodyIncomplete);
    assert_eq!(service.runs(), 0);
    service.call(with_body("k", "half")).await.assert_executed();
}

/// A service that must be polled ready before each call, as a concurrency limit must: a clone of
/// it holds no permit.
#[derive(Debug, Default)]
struct OnceReady {
    ready: bool,
}

impl Clone for OnceReady {
    fn clone(&self) -> Self {
        Self { ready: false }
    }
}

impl Service<Request<GuardedBody<Body>>> for OnceReady {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<GuardedBody<Body>>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being polled ready");
        std::future::ready(Ok(says(200, "")))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    let mut service = in_memory().layer().layer(OnceReady::default());
    let unguarded = || Request::get("/").body(Body::empty()).unwrap();
    for request in [post("k"), unguarded(), post("another"), post("k"), post("third")] {
        let answer = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}
