//! Conveniences for axum 0.8: the extractor of the execution, and its commit.

use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use http::request::Parts;

use super::problem::Problem;
use super::recording::{NotProcessed, ResponseLimit};
use super::request::Arrived;
use crate::engine::Execution;
use crate::store::Store;

/// The execution that a handler runs in: taken as an argument, and used to commit its effect
/// together with its answer.
///
/// ```no_run
/// # use axum::{Json, response::Response, http::StatusCode};
/// # use seiriken::http::Once;
/// # use seiriken::store::sqlite::{SqliteStore, rusqlite};
/// # struct OrderError;
/// # impl From<rusqlite::Error> for OrderError { fn from(_: rusqlite::Error) -> Self { Self } }
/// async fn create_order(once: Once<SqliteStore>) -> Result<Response, OrderError> {
///     once.commit(move |tx| {
///         tx.execute("INSERT INTO orders (item) VALUES ('cake-001')", [])?;
///         Ok((StatusCode::CREATED, "made"))
///     })
///     .await
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Once<S> {
    execution: Execution<S>,
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(dead_code, reason = "for stores that commit")
    )]
    pub(super) limit: ResponseLimit,
}

impl<S> Once<S> {
    /// The execution: its number, for services further down.
    pub fn execution(&self) -> &Execution<S> {
        &self.execution
    }
}

/// The handler asks for an execution and no idempotency layer gave it one: the route is not
/// guarded, or the request has no key (see [`Idempotency::require_key`](super::Idempotency)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler needs an execution, and no idempotency layer gave the request one")]
pub struct NotGuarded;

impl<S: Store, T: Sync> FromRequestParts<T> for Once<S> {
    type Rejection = NotGuarded;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, NotGuarded> {
        let execution = parts.extensions.get::<Execution<S>>().ok_or(NotGuarded)?.clone();
        let arrived = parts.extensions.get::<Arc<Arrived<S>>>().ok_or(NotGuarded)?;
        let limit = ResponseLimit(arrived.gate.rules.response_body_bytes_max);
        Ok(Self { execution, limit })
    }
}

impl IntoResponse for NotGuarded {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        (NotProcessed, http::StatusCode::INTERNAL_SERVER_ERROR).into_response()
    }
}

impl IntoResponseParts for NotProcessed {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

impl IntoResponse for NotProcessed {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

impl IntoResponse for Problem {
    /// With the default address of the policy page.
    fn into_response(self) -> Response {
        Problem::into_response(self, "/.well-known/idempotency").map(Body::new)
    }
}
