//! The generator against real servers: right answers are counted, a wrong one fails the run.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use seiriken::http::{Idempotency, Identity};
use seiriken::store::MemoryStore;
use seiriken_bench::load::{Load, Marks, Work};
use seiriken_bench_baseline as bare;
use tokio::net::TcpListener;

const CONNECTIONS: usize = 4;
const SHORT: Duration = Duration::from_millis(50);

/// Serves an app for as long as the test runs.
async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn load_on(app: Router) -> Load {
    Load::connect(serve(app).await, CONNECTIONS).await.expect("it listens")
}

/// The baseline's calls, guarded.
fn guarded() -> Router {
    let store = Arc::new(MemoryStore::new().expect("randomness"));
    bare::app().layer(Idempotency::new(store, Identity::anonymous()).layer())
}

#[tokio::test]
async fn the_baseline_answers_unmarked() {
    let mut load = load_on(bare::app()).await;
    let answered = load.run(&Work::New(Marks::Nowhere), SHORT).await.unwrap();
    assert!(answered.requests >= CONNECTIONS as u64);
    assert_eq!(answered.latencies.len(), answered.requests);
    assert!(answered.elapsed >= SHORT);
}

#[tokio::test]
async fn a_guarded_service_answers_each_kind_of_work() {
    let mut load = load_on(guarded()).await;
    let finished = load.finish(Marks::Everywhere, 10).await.unwrap();
    let works = [
        Work::Replays(Marks::Everywhere, Arc::clone(&finished)),
        Work::Mixed(Marks::Everywhere, finished),
        Work::New(Marks::Everywhere),
    ];
    for work in works {
        // Twice: connections stay open from one run to the next.
        for _ in 0..2 {
            let answered = load.run(&work, SHORT).await.unwrap();
            assert!(answered.requests >= CONNECTIONS as u64, "{work:?}");
        }
    }
}

#[tokio::test]
async fn work_that_the_server_does_not_do_fails() {
    let mut unguarded = load_on(bare::app()).await;
    let failure = unguarded.run(&Work::New(Marks::Everywhere), SHORT).await.unwrap_err();
    assert!(failure.to_string().contains("Idempotent-Replayed"), "{failure}");

    let mut first = load_on(guarded()).await;
    let finished = first.finish(Marks::Everywhere, 10).await.unwrap();
    let mut other = load_on(guarded()).await;
    let failure = other.run(&Work::Replays(Marks::Everywhere, finished), SHORT).await.unwrap_err();
    assert!(failure.to_string().contains("Idempotent-Replayed"), "{failure}");
}

#[tokio::test]
async fn one_wrong_answer_among_many_fails() {
    let refused = Arc::new(AtomicBool::new(false));
    let once = Arc::clone(&refused);
    let app = Router::new().route(
        "/orders",
        post(move |body: String| async move {
            // As the baseline does, but once.
            let fails = body.len() > 1 && !once.swap(true, Ordering::Relaxed);
            if fails { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::CREATED }
        }),
    );
    let failure = load_on(app).await.run(&Work::New(Marks::Nowhere), SHORT).await.unwrap_err();
    assert!(refused.load(Ordering::Relaxed));
    assert!(failure.to_string().contains("its status is not 201"), "{failure}");
}

#[tokio::test]
async fn a_replay_with_other_bytes_fails() {
    let first = Arc::new(AtomicBool::new(true));
    let app = Router::new().route(
        "/orders",
        post(move || async move {
            let mark = if first.swap(false, Ordering::Relaxed) { "false" } else { "true" };
            (StatusCode::CREATED, [("idempotent-replayed", mark)], mark)
        }),
    );
    let mut load = load_on(app).await;
    let finished = load.finish(Marks::Everywhere, 1).await.unwrap();
    let failure = load.run(&Work::Replays(Marks::Everywhere, finished), SHORT).await.unwrap_err();
    assert!(failure.to_string().contains("byte for byte"), "{failure}");
}

#[tokio::test]
async fn a_connection_that_is_closed_fails() {
    let app = Router::new().route(
        "/orders",
        post(|| async {
            let answer: Response = (StatusCode::CREATED, [("connection", "close")]).into_response();
            answer
        }),
    );
    let failure = load_on(app).await.run(&Work::New(Marks::Nowhere), SHORT).await.unwrap_err();
    assert!(failure.to_string().contains("closed"), "{failure}");
}

#[tokio::test]
async fn as_many_orders_are_made_as_the_generator_says() {
    let mut load = load_on(guarded()).await;
    let filled = load.fill(Marks::Everywhere, 42).await.unwrap();
    assert_eq!((filled.requests, filled.new_orders), (42, 42));
    assert_eq!(load.orders_made().await.unwrap(), 42);
    let finished = load.finish(Marks::Everywhere, 8).await.unwrap();
    let replays = Work::Replays(Marks::Everywhere, Arc::clone(&finished));
    assert_eq!(load.run(&replays, SHORT).await.unwrap().new_orders, 0);
    assert_eq!(load.orders_made().await.unwrap(), 50);
    let mixed = load.run(&Work::Mixed(Marks::Everywhere, finished), SHORT).await.unwrap();
    assert_eq!(load.orders_made().await.unwrap(), 50 + mixed.new_orders);
    // Each connection replays after nine new orders.
    let replayed = mixed.requests - mixed.new_orders;
    let tenth = mixed.requests / 10;
    assert!((tenth.saturating_sub(CONNECTIONS as u64)..=tenth).contains(&replayed), "{mixed:?}");
}

#[tokio::test]
async fn orders_are_counted_by_the_service_itself() {
    let list = || async { Json(serde_json::json!({ "orders": [], "total": 7 })) };
    let mut load = load_on(Router::new().route("/orders", get(list))).await;
    assert_eq!(load.orders_made().await.unwrap(), 7);
}
