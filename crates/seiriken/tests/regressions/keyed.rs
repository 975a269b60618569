//! What is not known is never told as definite.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::MemoryStore;
use tower::ServiceExt;

async fn ask(app: &Router) -> (StatusCode, bool, String) {
    let request = Request::post("/").header("idempotency-key", "k");
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("an answer");
    let (status, marked) = (answer.status(), answer.headers().contains_key("idempotent-replayed"));
    let body = to_bytes(answer.into_body(), 10_000).await.expect("a body");
    (status, marked, String::from_utf8_lossy(&body).into_owned())
}

fn guard() -> Idempotency<Arc<MemoryStore>> {
    Idempotency::new(Arc::new(MemoryStore::new().expect("randomness")), Identity::anonymous())
}

/// The first execution charges the card and panics; the second one is refused by a rate limit.
#[tokio::test]
async fn a_refusal_after_an_execution_that_vanished_carries_no_marker() {
    let runs = AtomicU32::new(0);
    let handler = move || {
        let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            assert!(!first, "charged, then died");
            StatusCode::TOO_MANY_REQUESTS
        }
    };
    let handler = Arc::new(handler);
    let app = Router::new().route("/", post(move || handler())).layer(guard().keyed().layer());
    let (status, marked, text) = ask(&app).await;
    assert_eq!((status, marked), (StatusCode::INTERNAL_SERVER_ERROR, false));
    assert!(text.contains("may or may not have taken effect"), "{text}");
    assert_eq!(ask(&app).await.0, StatusCode::TOO_MANY_REQUESTS);
    let (status, marked, _) = ask(&app).await;
    assert_eq!((status, marked), (StatusCode::TOO_MANY_REQUESTS, false));
}

/// A timeout inside an opaque handler: its 408 is passed on, and is no definite answer.
#[tokio::test]
async fn an_answer_that_leaves_the_outcome_unknown_carries_no_marker() {
    let timeout = post(|| async { StatusCode::REQUEST_TIMEOUT });
    let app = Router::new().route("/", timeout).layer(guard().layer());
    assert_eq!(ask(&app).await, (StatusCode::REQUEST_TIMEOUT, false, String::new()));
    let (status, marked, text) = ask(&app).await;
    assert_eq!((status, marked), (StatusCode::INTERNAL_SERVER_ERROR, false));
    assert!(text.contains("#outcome-unknown"), "{text}");
}
