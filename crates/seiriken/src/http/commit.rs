//! The commit of a handler's effect together with its answer, as axum handlers write it.

use axum_core::body::Body;
use axum_core::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

use super::axum::Once;
use super::body::WholeBody;
use super::problem::{Problem, ProblemKind};
use super::recording::{self, ResponseLimit};
use super::replay;
use crate::record::RecordedResponse;
use crate::store::sqlite::{CommitError, Committed, SqliteStore, SqliteTx};

/// Why the closure's transaction is rolled back.
enum Refused<E> {
    /// The closure said so.
    Error(E),
    /// It answered with a server error.
    Answer(Box<Response>),
    /// Its answer is not there in whole, so it cannot be recorded.
    Streaming,
}

impl Once<SqliteStore> {
    /// Commits `effect` together with the key and the answer that it gives: *exactly once*.
    ///
    /// `effect` runs on the store's writer thread, in a savepoint; keep it short, and never wait
    /// in it for the store itself: it waits for this thread. `Ok` commits
    /// with that answer, which is then the answer whatever the handler does next, and which
    /// the handler should return. `Err`, an answer of 500 or above, or a panic rolls back:
    /// nothing happened and the key is free.
    ///
    /// When the commit itself fails, the layer answers in the handler's place; what is
    /// returned here then only ends the handler.
    pub async fn commit<R, E>(
        self,
        effect: impl FnOnce(&SqliteTx<'_>) -> Result<R, E> + Send + 'static,
    ) -> Result<Response, E>
    where
        R: IntoResponse,
        E: Send + 'static,
    {
        let limit = self.limit;
        let recorded = move |tx: &SqliteTx<'_>| {
            let answer = effect(tx).map_err(Refused::Error)?.into_response();
            record(answer, limit)
        };
        match self.execution().commit(recorded).await {
            Ok(Ok(Committed { response, value: first_caller })) => {
                Ok(answer(&response, first_caller))
            }
            Ok(Err(CommitError::RolledBack(Refused::Error(error)))) => Err(error),
            Ok(Err(CommitError::RolledBack(Refused::Answer(answer)))) => Ok(*answer),
            Ok(Err(CommitError::RolledBack(Refused::Streaming))) => {
                tracing::error!("a committed answer must be there in whole; it was rolled back");
                Ok(failed())
            }
            Ok(Err(CommitError::Panicked(panic))) => std::panic::resume_unwind(panic),
            // The layer answers in its place, and logs why.
            Ok(Err(CommitError::LeaseLost | CommitError::Store(_))) => Ok(failed()),
            Err(refused) => {
                tracing::error!("{refused}");
                Ok(misused())
            }
        }
    }
}

/// What the first caller gets and the record does not hold.
struct FirstCaller {
    private: HeaderMap,
    long_body: Option<Bytes>,
}

/// Records an answer on the writer thread, where nothing can be waited for.
fn record<E>(
    answer: Response,
    limit: ResponseLimit,
) -> Result<(RecordedResponse, FirstCaller), Refused<E>> {
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
