//! Layers in layers, routers in routers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
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

/// A nested router takes its part off the path before the layer sees it.
#[tokio::test]
async fn two_paths_that_a_nested_router_makes_equal_are_two_operations() {
    let orders = post(|| async { StatusCode::CREATED });
    let api = Router::new().route("/orders", orders).layer(guard().layer());
    let app = Router::new().nest("/tenants/{tenant}", api);
    assert_eq!(ask(&app, "/tenants/a/orders").await, StatusCode::CREATED);
    assert_eq!(ask(&app, "/tenants/b/orders").await, StatusCode::UNPROCESSABLE_ENTITY);
}

/// The inner layer would find the key claimed by the outer one, and wait for itself.
#[tokio::test]
async fn two_layers_on_the_way_count_as_one() {
    let runs = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&runs);
    let handler = post(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { StatusCode::CREATED }
    });
    let guard = guard();
    let app = Router::new().route("/", handler).layer(guard.layer()).layer(guard.layer());
    assert_eq!(ask(&app, "/").await, StatusCode::CREATED);
    assert_eq!(ask(&app, "/").await, StatusCode::CREATED);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
