//! The span of a request that is sent on, as the semantic conventions of OpenTelemetry for HTTP
//! clients say. Its path is not in it: the proxy asks about a key in a path that holds the key.

use axum::http::{Request, StatusCode};
use tracing::field::Empty;
use tracing::{Instrument, Span};

use super::{context, method, request};

/// One request to another service.
pub(crate) struct Exchange(Span);

impl Exchange {
    /// Begins it, within the span at hand. The other service is told which trace it is a part of,
    /// in place of what the client said; where nothing is traced, what the client said stays.
    pub(crate) fn begin<B>(request: &mut Request<B>, host: &str, port: u16) -> Self {
        let method = method(request.method());
        let span = tracing::debug_span!(
            "exchange",
            otel.name = if method == "_OTHER" { "HTTP" } else { method },
            otel.kind = "client",
            http.request.method = method,
            server.address = host,
            server.port = i64::from(port),
            http.response.status_code = Empty,
            otel.status_code = Empty,
            error.type = Empty,
        );
        if !span.is_disabled() {
            context::tell(&span, request.headers_mut());
        }
        Self(span)
    }

    /// Does it within its span.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        work.instrument(self.0.clone()).await
    }

    /// It was answered. To a client, what it did wrong is an error as well.
    pub(crate) fn answered(self, status: StatusCode) {
        self.0.record("http.response.status_code", i64::from(status.as_u16()));
        if status.is_client_error() || status.is_server_error() {
            request::failed(&self.0, status);
        }
    }

    /// It was not, and why, of which there are few.
    pub(crate) fn unanswered(self, why: &'static str) {
        self.0.record("otel.status_code", "error");
        self.0.record("error.type", why);
    }
}
