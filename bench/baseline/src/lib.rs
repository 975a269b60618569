//! The baseline: `POST /orders` on axum alone. It reads, checks and answers an order as the order
//! service does, knows no key and keeps nothing but a count of the orders that it made.
//!
//! The same calls behind a layer are what a service in memory costs, with whatever layer. So this
//! depends on nothing of Seiriken: what others have made is built with it as well.

pub mod order;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use axum::{Json, Router};
use tokio::net::TcpListener;

use self::order::{JSON, NewOrder};

/// How many orders were made: every server that is measured says it, at the same address.
type Made = Arc<AtomicU64>;

/// The calls of the baseline.
pub fn app() -> Router {
    Router::new().route("/orders", post(create).get(count)).with_state(Made::default())
}

/// Serves on a free port, which it prints as the order service does, until the process is ended.
pub async fn serve(app: Router) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    println!("listening on http://{address}");
    // As the order service has it: no answer waits for a packet to fill.
    let listener = listener.tap_io(|stream| {
        // An error costs this connection some latency, which the figures then show.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await
}

async fn create(State(made): State<Made>, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(CONTENT_TYPE) != Some(&HeaderValue::from_static(JSON)) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match NewOrder::read(&body).map(NewOrder::place) {
        None => StatusCode::BAD_REQUEST.into_response(),
        Some(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Ok(placed)) => {
            made.fetch_add(1, Ordering::Relaxed);
            placed.created()
        }
    }
}

async fn count(State(made): State<Made>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "total": made.load(Ordering::Relaxed) }))
}
