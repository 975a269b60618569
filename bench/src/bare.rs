//! The baseline: `POST /orders` on axum alone. It reads, checks and answers an order as the order
//! service does, knows no key and keeps nothing.

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::failure::{Failure, While};
use crate::order::{JSON, NewOrder};

/// The calls of the baseline.
pub fn app() -> Router {
    Router::new().route("/orders", post(create))
}

/// Serves the baseline on a free port, which it prints as the order service does, until the process
/// is ended.
pub async fn serve() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await.while_doing("opening a port")?;
    let address = listener.local_addr().while_doing("opening a port")?;
    println!("listening on http://{address}");
    // As the order service has it: no answer waits for a packet to fill.
    let listener = listener.tap_io(|stream| {
        // An error costs this connection some latency, which the figures then show.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app()).await.while_doing("serving")
}

async fn create(headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(CONTENT_TYPE) != Some(&HeaderValue::from_static(JSON)) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match NewOrder::read(&body).map(NewOrder::place) {
        None => StatusCode::BAD_REQUEST.into_response(),
        Some(Err(_)) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Ok(placed)) => placed.created(),
    }
}
