//! What a request went through, as spans of `tracing`; and where they go.
//!
//! - `request`: the span of a server, one for each request. Inside it stands the engine's
//!   `idempotency`.
//! - `exchange`: the span of a client, one for each request to the upstream.
//! - `context`: the trace that a request belongs to (W3C Trace Context), read from its fields and
//!   put into those of the request that goes on.
//! - `settings`, `exporter`, `tally`: the collector that the environment names, and what reached it.
//!
//! Spans have the level DEBUG. Where neither the log nor a collector wants that, they cost what it
//! costs to find that out. Only a build with the feature `opentelemetry` has the last four; another
//! one has `no_exporter` in their place.
//!
//! No key, body, credential or query is ever in a span.

mod exchange;
mod request;

#[cfg(feature = "opentelemetry")]
mod context;
#[cfg(feature = "opentelemetry")]
mod exporter;
#[cfg(feature = "opentelemetry")]
mod settings;
#[cfg(feature = "opentelemetry")]
mod tally;

#[cfg(not(feature = "opentelemetry"))]
mod no_exporter;
#[cfg(not(feature = "opentelemetry"))]
use self::no_exporter as context;
#[cfg(not(feature = "opentelemetry"))]
use self::no_exporter as exporter;

pub(crate) use self::exchange::Exchange;
pub(crate) use self::exporter::start;
pub(crate) use self::request::{answered, each_request, received};

/// The two variables that name a collector; the first one counts, where both are there.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];

/// The method as traces name it: any other word is a sender's own, and there may be many.
fn method(method: &axum::http::Method) -> &str {
    match method.as_str() {
        known @ ("CONNECT" | "DELETE" | "GET" | "HEAD" | "OPTIONS" | "PATCH" | "POST" | "PUT"
        | "TRACE") => known,
        _ => "_OTHER",
    }
}
