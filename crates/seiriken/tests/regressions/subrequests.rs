//! Handlers that make requests of their own out of the one they got, extensions and all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::routing::post;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::MemoryStore;
use tower::ServiceExt;

fn guard() -> Idempotency<Arc<MemoryStore>> {
    Idempotency::new(Arc::new(MemoryStore::new().expect("randomness")), Identity::anonymous())
}

async fn ask(app: &Router, path: &str) -> StatusCode {
    let request = Request::post(path).header("idempotency-key", "k");
    let request = request.body(Body::from("x")).expect("a request");
    app.clone().oneshot(request).await.expect("an answer").status()
}

/// Sends what it got on to another path of `inner`, under the key `k`.
async fn send_on(inner: &Router, request: &axum::http::request::Parts, path: &str) -> StatusCode {
    let mut parts = request.clone();
    parts.uri = path.parse().expect("a path");
    parts.headers.insert("idempotency-key", "k".parse().expect("a key"));
    let request = Request::from_parts(parts, Body::from("x"));
    inner.clone().oneshot(request).await.expect("an answer").status()
}

/// The key is the outer operation's: another one under it is refused, not let through.
#[tokio::test]
async fn another_operation_under_the_outer_key_is_refused() {
    let guard = guard();
    let pays = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&pays);
    let pay = post(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::CREATED }
    });
    let inner = Router::new().route("/pay", pay).layer(guard.layer());
    let checkout = post(move |request: Request| async move {
        let (parts, _) = request.into_parts();
        send_on(&inner, &parts, "/pay").await
    });
    let app = Router::new().route("/checkout", checkout).layer(guard.layer());
    assert_eq!(ask(&app, "/checkout").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(pays.load(Ordering::SeqCst), 0);
}

/// What retries between two layers would run the handler again under the outer layer's one claim.
#[tokio::test]
async fn the_inner_of_two_layers_lets_a_request_through_once() {
    let guard = guard();
    let pays = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&pays);
    let pay = post(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::CREATED }
    });
    let inner = Router::new().route("/pay", pay).layer(guard.layer());
    let retrying = post(move |request: Request| async move {
        let (parts, _) = request.into_parts();
        assert_eq!(send_on(&inner, &parts, "/pay").await, StatusCode::CREATED);
        send_on(&inner, &parts, "/pay").await
    });
    let app = Router::new().route("/pay", retrying).layer(guard.layer());
    assert_eq!(ask(&app, "/pay").await, StatusCode::CONFLICT);
    assert_eq!(pays.load(Ordering::SeqCst), 1);
}

/// The address that the outer request had says nothing about the inner ones.
#[tokio::test]
async fn two_addresses_asked_for_by_one_handler_are_two_operations() {
    let charge = post(|| async { StatusCode::CREATED });
    let inner = Router::new().route("/accounts/{id}/charge", charge).layer(guard().layer());
    let batch = post(move |request: Request| async move {
        let (parts, _) = request.into_parts();
        let first = send_on(&inner, &parts, "/accounts/a/charge").await;
        assert_eq!(first, StatusCode::CREATED);
        send_on(&inner, &parts, "/accounts/b/charge").await
    });
    let app = Router::new().route("/batch", batch);
    assert_eq!(ask(&app, "/batch").await, StatusCode::UNPROCESSABLE_ENTITY);
}

/// An inner layer that does not know how it ends must not have that recorded as the answer.
#[cfg(feature = "faults")]
#[tokio::test]
async fn an_inner_layers_pending_does_not_stand_as_the_answer() {
    use seiriken::store::{Fault, FaultKind, FaultyStore, Verb};
    let memory = MemoryStore::new().expect("randomness");
    let lost = Fault::once(Verb::Complete, 1, FaultKind::AcknowledgementLost);
    let inner_store = Arc::new(FaultyStore::new(memory).with(lost));
    let inner =
        Idempotency::new(inner_store, Identity::anonymous()).scope(seiriken::Scope::new("inner"));
    let app = Router::new()
        .route("/", post(|| async { StatusCode::CREATED }))
        .layer(inner.layer())
        .layer(guard().keyed().layer());
    assert_eq!(ask(&app, "/").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&app, "/").await, StatusCode::CREATED);
}
