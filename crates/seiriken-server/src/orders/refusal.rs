//! What the order service itself says no to. None of it has any effect, so the key stays free.

use axum::Extension;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use seiriken::engine::TxError;
use seiriken::http::{NotProcessed, PolicyPage, Problem};
use seiriken::store::StoreError;
use seiriken::store::postgres::sqlx;
use seiriken::store::sqlite::rusqlite;

use super::order::InvalidOrder;

/// A refusal, or a failure without effect.
#[derive(Debug)]
pub(super) enum Refusal {
    Invalid(InvalidOrder),
    NotJson,
    BadQuery(String),
    NotFound,
    OtherMethod,
    Failed(Box<dyn std::error::Error + Send + Sync>),
    /// The database did not say whether it was ordered.
    InDoubt(Box<dyn std::error::Error + Send + Sync>),
    /// The answer is the layer's: the handler only ends.
    Layer(Box<Response>),
}

const ORDER_INVALID: &str = "order-invalid";
const ORDER_INVALID_TITLE: &str = "The order is not valid";

/// Adds the service's own problem type to the policy page.
pub(super) fn described_in(page: PolicyPage) -> PolicyPage {
    page.with_problem(
        ORDER_INVALID,
        StatusCode::BAD_REQUEST,
        ORDER_INVALID_TITLE,
        "The detail names the member that is wrong. Nothing was ordered; the key is free for the \
         corrected order.",
    )
}

impl From<InvalidOrder> for Refusal {
    fn from(invalid: InvalidOrder) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Where the transaction cannot be begun or committed, the layer answers, or says what to.
impl From<TxError> for Refusal {
    fn from(error: TxError) -> Self {
        Self::Layer(Box::new(error.into_response()))
    }
}

/// In a transaction that is not committed nothing happened.
impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The command may have been done: its answer is what is missing.
impl From<redis::RedisError> for Refusal {
    fn from(error: redis::RedisError) -> Self {
        Self::InDoubt(error.into())
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Self::Layer(answer) = self {
            return *answer;
        }
        let doubt = matches!(self, Self::InDoubt(_));
        let problem = match self {
            Self::Invalid(InvalidOrder(detail)) => Problem::other(
                StatusCode::BAD_REQUEST,
                Some(ORDER_INVALID),
                ORDER_INVALID_TITLE,
                format!("{detail}. Nothing was ordered; the key is free for the corrected order."),
            ),
            Self::NotJson => Problem::other(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                None,
                "Unsupported Media Type",
                "An order is sent as application/json. Nothing was ordered; the key is free.",
            ),
            Self::BadQuery(detail) => {
                Problem::other(StatusCode::BAD_REQUEST, None, "Bad Request", detail)
            }
            Self::NotFound => Problem::other(
                StatusCode::NOT_FOUND,
                None,
                "Not Found",
                "There is nothing at this address.",
            ),
            Self::OtherMethod => Problem::other(
                StatusCode::METHOD_NOT_ALLOWED,
                None,
                "Method Not Allowed",
                "There is something at this address, and not for this method: see Allow.",
            ),
            Self::InDoubt(error) => {
                tracing::warn!(%error, "it is not known whether something was ordered");
                Problem::other(
                    StatusCode::GATEWAY_TIMEOUT,
                    None,
                    "Gateway Timeout",
                    "Whether it was ordered is not known. Ask again with the same key: it is ordered once.",
                )
            }
            Self::Layer(_) => unreachable!("it is answered above"),
            Self::Failed(error) => {
                tracing::error!(%error, "a request failed");
                Problem::other(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    None,
                    "Internal Server Error",
                    "The service failed. Nothing was ordered by this request; the key is free.",
                )
            }
        };
        // Rendered at the edge, where the address of the policy page is known.
        let status = problem.status();
        if doubt {
            return (status, Extension(Unrendered(problem))).into_response();
        }
        (status, NotProcessed, Extension(Unrendered(problem))).into_response()
    }
}

/// A problem that has no body yet.
#[derive(Debug, Clone)]
struct Unrendered(Problem);

/// Gives a refusal its body; `page` is the address of the policy page.
pub(super) fn rendered(mut response: Response, page: &str) -> Response {
    match response.extensions_mut().remove::<Unrendered>() {
        None => response,
        Some(Unrendered(problem)) => {
            let mut rendered = problem.into_response(page).map(Body::new);
            for (name, value) in response.headers() {
                // The marker, say. The length is that of the body that was not there.
                if *name != CONTENT_LENGTH {
                    rendered.headers_mut().append(name, value.clone());
                }
            }
            rendered
        }
    }
}
