//! The span of a request that is answered here, named and described as the semantic conventions of
//! OpenTelemetry for HTTP servers say.

use axum::Router;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::middleware::{Next, from_fn};
use tracing::field::Empty;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, Span};

use super::{context, method};

/// So much of a path stands in a span: a client chooses how long it is.
const PATH_BYTES_MAX: usize = 1024;

/// Gives each request to the service a span.
pub(crate) fn each_request(app: Router) -> Router {
    if LevelFilter::current() < LevelFilter::DEBUG {
        return app;
    }
    app.layer(from_fn(one))
}

async fn one(request: Request, next: Next) -> axum::response::Response {
    let span = received(&request, context::route(&request));
    answered(span, next.run(request)).await
}

/// The span of a request. `route` is the pattern that its path was found by.
pub(crate) fn received<B>(request: &axum::http::Request<B>, route: Option<&str>) -> Span {
    let method = method(request.method());
    let span = tracing::debug_span!(
        "request",
        otel.name = name(method, route),
        otel.kind = "server",
        http.request.method = method,
        http.route = route,
        url.path = shown(request.uri().path()),
        http.response.status_code = Empty,
        otel.status_code = Empty,
        error.type = Empty,
    );
    if !span.is_disabled() {
        context::adopt(&span, request.headers());
    }
    span
}

/// Answers a request within its span, which ends with the head of the answer. Where nobody waits for
/// the answer any more, it ends with the work that goes on.
pub(crate) async fn answered<B>(
    span: Span,
    answering: impl Future<Output = Response<B>>,
) -> Response<B> {
    let answer = answering.instrument(span.clone()).await;
    let status = answer.status();
    span.record("http.response.status_code", i64::from(status.as_u16()));
    // What a client did wrong is no error of a server.
    if status.is_server_error() {
        failed(&span, status);
    }
    answer
}

/// An error, of the kind that its status is.
pub(super) fn failed(span: &Span, status: StatusCode) {
    span.record("otel.status_code", "error");
    span.record("error.type", status.as_str());
}

fn name(method: &str, route: Option<&str>) -> String {
    let method = if method == "_OTHER" { "HTTP" } else { method };
    match route {
        Some(route) => format!("{method} {route}"),
        None => method.to_owned(),
    }
}

fn shown(path: &str) -> &str {
    &path[..path.floor_char_boundary(PATH_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_named_after_what_there_are_few_of() {
        assert_eq!(name("POST", Some("/orders/{id}")), "POST /orders/{id}");
        assert_eq!(name("GET", None), "GET");
        assert_eq!(name(method(&"BREW".parse().expect("a method")), None), "HTTP");
    }

    #[test]
    fn a_long_path_is_cut_between_two_characters() {
        assert_eq!(shown("/orders"), "/orders");
        let long = format!("/{}", "é".repeat(PATH_BYTES_MAX));
        assert_eq!(shown(&long).len(), PATH_BYTES_MAX - 1);
    }
}
