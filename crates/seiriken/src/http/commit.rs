//! The commit of a handler's effect together with its answer, as axum handlers write it.

#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

#[cfg(feature = "postgres")]
pub use self::postgres::OnceTx;
use super::body::WholeBody;
use super::problem::{Problem, ProblemKind};
use super::recording::{self, ResponseLimit};
use super::replay;
use crate::record::RecordedResponse;

/// Why the transaction is rolled back.
enum Refused {
    /// The handler answered with a server error.
    Answer(Box<Response>),
    /// Its answer is not there in whole, so it cannot be recorded.
    Streaming,
}

/// What the first caller gets and the record does not hold.
struct FirstCaller {
    private: HeaderMap,
    long_body: Option<Bytes>,
}

/// Records an answer where nothing can be waited for: it must be there in whole.
fn record(
    answer: Response,
    limit: ResponseLimit,
) -> Result<(RecordedResponse, FirstCaller), Refused> {
    if answer.status() >= StatusCode::INTERNAL_SERVER_ERROR {
        return Err(Refused::Answer(Box::new(answer)));
    }
    let (parts, body) = answer.into_parts();
    let Some(Ok(collected)) = body.collect().now_or_never() else {
        return Err(Refused::Streaming);
    };
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let data = collected.to_bytes();
    let status = parts.status.as_u16();
    let (stored, private) = recording::split_fields(parts.headers);
    let headers = || recording::fields(&stored);
    let kept = if data.len() > limit.0 {
        None
    } else {
        RecordedResponse::of_fields(status, headers, || recording::fields(&trailers), &data).ok()
    };
    match kept {
        Some(record) => Ok((record, FirstCaller { private, long_body: None })),
        None => RecordedResponse::without_body(status, &headers().collect::<Vec<_>>())
            .map(|record| (record, FirstCaller { private, long_body: Some(data) }))
            .map_err(|_| Refused::Streaming),
    }
}

fn answer(record: &RecordedResponse, first_caller: FirstCaller) -> Response {
    let mut answer = replay::recorded(record);
    answer.headers_mut().extend(first_caller.private);
    if let Some(data) = first_caller.long_body {
        *answer.body_mut() = WholeBody::new(data, HeaderMap::new());
    }
    answer.map(Body::new)
}

fn failed() -> Response {
    IntoResponse::into_response(Problem::new(ProblemKind::ExecutionFailed))
}

/// The handler commits where it may not. What it did besides is its own and not known here.
fn misused() -> Response {
    IntoResponse::into_response(Problem::other(
        StatusCode::INTERNAL_SERVER_ERROR,
        None,
        "Internal Server Error",
        "The service is built wrongly, and refused to commit. What else it did is not known here.",
    ))
}
