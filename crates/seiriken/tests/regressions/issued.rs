//! A key that the service has issued is never new a second time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::post;
use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::http::{Idempotency, Identity};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{Store, Sweep};
use seiriken::{IssuedKey, Scope};
use tempfile::TempDir;
use tower::ServiceExt;

async fn ask(app: &Router, key: &IssuedKey) -> (StatusCode, String) {
    let request = Request::post("/").header("idempotency-key", key.as_str());
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("an answer");
    let status = answer.status();
    let body = to_bytes(answer.into_body(), 10_000).await.expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// Its secret was rotated out, and then its answer was forgotten. Without its secret it passed for
/// a client's own key, which is new again after the retention.
#[tokio::test]
async fn it_is_expired_also_when_its_secret_is_gone() {
    let folder = TempDir::new().expect("a folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let opening = SqliteStore::open_with_clock(folder.path().join("a.db"), Arc::clone(&clock));
    let store = opening.await.expect("the file is opened");
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let handler = post(move || async move { counted.fetch_add(1, Ordering::SeqCst).to_string() });
    let guard = Idempotency::new(store.clone(), Identity::anonymous());
    let app = Router::new().route("/", handler).layer(guard.layer());

    let day = Duration::from_hours(24);
    let key = IssuedKey::new(store.issuing_secrets(), &Scope::default(), clock.now(), day, 7);
    assert_eq!(ask(&app, &key).await, (StatusCode::OK, "0".to_owned()));
    for _ in 0..2 {
        store.rotate_issuing_secret().await.expect("rotated");
    }
    assert_eq!(ask(&app, &key).await, (StatusCode::OK, "0".to_owned()), "the answer stands");
    clock.advance(day * 2);
    for _ in 0..2 {
        let (status, text) = ask(&app, &key).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text}");
        assert!(text.contains("#key-expired"), "{text}");
        store.sweep().await.expect("swept");
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
