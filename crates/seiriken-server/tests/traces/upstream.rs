//! A service behind the proxy.

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::net::TcpListener;

/// A running service.
pub(crate) struct Upstream {
    pub(crate) url: String,
    seen: Seen,
}

type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = Seen::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    /// The fields of the requests that it has had, each with its path.
    pub(crate) fn seen(&self) -> Vec<(String, HeaderMap)> {
        self.seen.lock().expect("nobody has panicked").clone()
    }

    /// The values of a field of the last request.
    pub(crate) fn told(&self, name: &str) -> Vec<String> {
        let (_, headers) = self.seen().pop().expect("a request");
        let values = headers.get_all(name).into_iter();
        values.map(|value| value.to_str().expect("text").to_owned()).collect()
    }
}

async fn answer(State(seen): State<Seen>, uri: Uri, headers: HeaderMap, _: Bytes) -> Response {
    seen.lock().expect("nobody has panicked").push((uri.path().to_owned(), headers));
    match uri.path() {
        // Nobody knows the outcome of a request whose answer breaks off.
        "/cut" => {
            let pieces = [Ok(Bytes::from_static(b"hal")), Err(io::Error::other("cut"))];
            Body::from_stream(stream::iter(pieces)).into_response()
        }
        "/missing" => StatusCode::NOT_FOUND.into_response(),
        path if path.starts_with("/outcomes/") => r#"{"outcome":"never"}"#.into_response(),
        _ => (StatusCode::CREATED, "done").into_response(),
    }
}
