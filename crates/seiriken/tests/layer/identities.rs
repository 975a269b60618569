//! Whose request it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use http::{Request, StatusCode};
use seiriken::http::{Idempotency, Identity, ProblemKind};
use seiriken::store::MemoryStore;
use tower::ServiceExt;

use crate::guarded::{Answer, Guarded, says};

fn identified(identity: Identity) -> Guarded {
    let store = Arc::new(MemoryStore::new().expect("randomness"));
    Guarded::answering(&Idempotency::new(store, identity), || says(201, "for the first caller"))
}

async fn post(service: &Guarded, fields: &[(&str, &str)], body: &'static str) -> Answer {
    let request = Request::post("/").header("Idempotency-Key", "k");
    let request =
        fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    service.call(request.body(Body::from(body)).expect("a request")).await
}

#[tokio::test]
async fn another_caller_is_refused_before_its_request_is_compared() {
    let service = identified(Identity::credentials());
    let a = [("Authorization", "Bearer a")];
    let first = post(&service, &a, "one").await;
    first.assert_executed();
    for fields in [
        vec![("Authorization", "Bearer b")],
        vec![],
        vec![("X-Api-Key", "Bearer a")],
        vec![("Authorization", "Bearer a"), ("X-Api-Key", "x")],
        vec![("Authorization", "Bearer a"), ("Authorization", "Bearer a")],
    ] {
        for body in ["one", "another"] {
            let refused = post(&service, &fields, body).await;
            refused.assert_refused(ProblemKind::CredentialChanged);
            let text = String::from_utf8_lossy(&refused.body);
            assert!(!text.contains("first caller"), "{text}");
        }
    }
    post(&service, &a, "another").await.assert_refused(ProblemKind::KeyReused);
    post(&service, &a, "one").await.assert_replays(&first);
    assert_eq!(service.runs(), 1);
}

/// Where the layer stands inside whatever checks credentials: who may no longer ask is told nothing
/// of what he was told before.
#[tokio::test]
async fn a_right_that_was_revoked_stops_the_replay_too() {
    let store = Arc::new(MemoryStore::new().expect("randomness"));
    let revoked = Arc::new(AtomicBool::new(false));
    let checks = Arc::clone(&revoked);
    let check = move |request: axum::extract::Request, next: Next| {
        let refused = checks.load(Ordering::SeqCst);
        async move {
            if refused { StatusCode::FORBIDDEN.into_response() } else { next.run(request).await }
        }
    };
    let router = axum::Router::new()
        .route("/", axum::routing::post(|| async { "for the first caller" }))
        .layer(Idempotency::new(store, Identity::credentials()).layer())
        .layer(from_fn(check));
    let ask = || {
        let request = Request::post("/").header("Idempotency-Key", "k");
        let request = request.header("Authorization", "Bearer a").body(Body::empty());
        router.clone().oneshot(request.expect("a request"))
    };
    let Ok(first) = ask().await;
    let first = Answer::read(first).await;
    first.assert_executed();
    let Ok(replay) = ask().await;
    Answer::read(replay).await.assert_replays(&first);
    revoked.store(true, Ordering::SeqCst);
    let Ok(refused) = ask().await;
    let refused = Answer::read(refused).await;
    assert_eq!((refused.status, refused.body.len()), (StatusCode::FORBIDDEN, 0));
}

#[tokio::test]
async fn an_api_key_is_a_credential() {
    let service = identified(Identity::credentials());
    let first = post(&service, &[("X-Api-Key", "a")], "").await;
    post(&service, &[("X-Api-Key", "b")], "").await.assert_refused(ProblemKind::CredentialChanged);
    post(&service, &[("X-Api-Key", "a")], "").await.assert_replays(&first);
}

#[tokio::test]
async fn a_cookie_alone_is_nobody_that_credentials_can_tell() {
    let service = identified(Identity::credentials());
    let cookie = ("Cookie", "session=1");
    post(&service, &[cookie], "").await.assert_refused(ProblemKind::IdentityUnknown);
    assert_eq!(service.runs(), 0);
    // The key is still free, and beside a credential a cookie does not count.
    let first = post(&service, &[cookie, ("Authorization", "Bearer a")], "").await;
    first.assert_executed();
    post(&service, &[("Authorization", "Bearer a")], "").await.assert_replays(&first);
}

#[tokio::test]
async fn cookies_can_be_declared_to_mean_nothing() {
    let service = identified(Identity::credentials().ignoring_cookies());
    let first = post(&service, &[("Cookie", "session=1")], "").await;
    first.assert_executed();
    post(&service, &[("Cookie", "session=2")], "").await.assert_replays(&first);
    post(&service, &[], "").await.assert_replays(&first);
}

#[tokio::test]
async fn a_function_can_say_who_it_is_and_that_it_does_not_know() {
    let service = identified(Identity::from_fn(|parts| {
        parts.headers.get("x-subject").map(|subject| subject.as_bytes().to_vec())
    }));
    post(&service, &[], "").await.assert_refused(ProblemKind::IdentityUnknown);
    assert_eq!(service.runs(), 0);
    let a = [("X-Subject", "a"), ("Authorization", "Bearer 1")];
    let first = post(&service, &a, "").await;
    first.assert_executed();
    // A refreshed token is the same subject.
    let a = [("X-Subject", "a"), ("Authorization", "Bearer 2")];
    post(&service, &a, "").await.assert_replays(&first);
    post(&service, &[("X-Subject", "b")], "").await.assert_refused(ProblemKind::CredentialChanged);
}

#[tokio::test]
async fn where_all_are_anonymous_whoever_has_the_key_gets_the_answer() {
    let service = identified(Identity::anonymous());
    let first = post(&service, &[("Authorization", "Bearer a")], "").await;
    post(&service, &[("Authorization", "Bearer b")], "").await.assert_replays(&first);
    post(&service, &[("Cookie", "session=1")], "").await.assert_replays(&first);
}
