//! A build that sends spans nowhere: they are for the log alone.

use std::ffi::OsStr;

use axum::extract::Request;
use axum::http::HeaderMap;
use tracing::Span;

use super::ENDPOINTS;
use crate::log;

/// Nothing to flush.
pub(crate) struct Exporter;

impl Exporter {
    #[expect(clippy::unused_self, reason = "with an exporter there is something to flush")]
    pub(crate) fn flush(self) {}
}

/// Starts the log. `server` is what a program that stays calls itself in traces.
#[expect(clippy::unnecessary_wraps, reason = "with an exporter there is something to refuse")]
pub(crate) fn start(server: Option<&'static str>) -> Result<Exporter, String> {
    log::start();
    let named = |name: &&&str| std::env::var_os(name).is_some_and(|value| value != OsStr::new(""));
    if let (Some(_), Some(variable)) = (server, ENDPOINTS.iter().find(named)) {
        tracing::warn!(
            variable,
            "this build sends no traces; one with the feature opentelemetry does"
        );
    }
    Ok(Exporter)
}

pub(super) fn route(_: &Request) -> Option<&str> {
    None
}

pub(super) fn adopt(_: &Span, _: &HeaderMap) {}

pub(super) fn tell(_: &Span, _: &mut HeaderMap) {}
