//! From a decision to a response.

use std::time::Duration;

use bytes::Bytes;
use http::header::{LOCATION, TRAILER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::body::{GuardedBody, WholeBody};
use super::config::Rules;
use super::problem::{Problem, ProblemKind};
use super::reason::Reason;
use super::recording::Beside;
use crate::engine::Decision;
use crate::record::{EffectClass, Fields, RecordedResponse};

/// When asking again is worth while after a failure that is expected to pass.
const SOON: Duration = Duration::from_secs(1);

/// When keys may have been swept and there is room again.
const SWEPT_BY_THEN: Duration = Duration::from_mins(1);

pub(super) fn respond<B, E>(
    rules: &Rules,
    class: EffectClass,
    decision: Decision<Box<Beside<B, E>>>,
) -> Result<Response<GuardedBody<B>>, E> {
    let problem = |problem: Problem| Ok(refusal(rules, problem));
    match decision {
        Decision::Executed { response, beside } => {
            Ok(executed(rules, &response, beside.map(|beside| *beside)))
        }
        Decision::Replayed(response) => Ok(replayed(rules, &response)),
        Decision::NotRecorded { beside, freed } => not_recorded(rules, class, *beside, freed),
        Decision::Panicked { freed } => Ok(failed(rules, freed)),
        Decision::InProgress { retry_after } => {
            problem(Problem::new(ProblemKind::RequestInProgress).retry_after(retry_after))
        }
        Decision::KeyExpired => problem(Problem::new(ProblemKind::KeyExpired)),
        Decision::KeyFromFuture => {
            let detail = "The key is dated in the future, further than clocks may disagree. \
                          Nothing ran. Set the clock of the machine that makes the keys.";
            problem(Problem::new(ProblemKind::KeyInvalid).detail(detail))
        }
        Decision::QuotaExceeded => {
            problem(Problem::new(ProblemKind::QuotaExceeded).retry_after(SWEPT_BY_THEN))
        }
        Decision::Mismatch => problem(Problem::new(ProblemKind::KeyReused)),
        Decision::CredentialChanged => problem(Problem::new(ProblemKind::CredentialChanged)),
        Decision::Indeterminate => problem(Problem::new(ProblemKind::OutcomeUnknown)),
        Decision::Pending => problem(Problem::new(ProblemKind::OutcomePending).retry_after(SOON)),
        Decision::StoreUnavailable => {
            problem(Problem::new(ProblemKind::StoreUnavailable).retry_after(SOON))
        }
    }
}

/// A refusal at the gate, which carries no marker: nothing of this request ran.
pub(super) fn refusal<B>(rules: &Rules, problem: Problem) -> Response<GuardedBody<B>> {
    problem.into_response(&rules.page).map(|body| GuardedBody::whole(body))
}

/// The first caller is answered as all others are, with what is never stored added to it.
fn executed<B, E>(
    rules: &Rules,
    record: &RecordedResponse,
    beside: Option<Beside<B, E>>,
) -> Response<GuardedBody<B>> {
    let (mut response, private) = match beside {
        Some(Beside::Recorded(response, private)) => (response.map(GuardedBody::whole), private),
        Some(Beside::LongBody(private, body)) => (recorded(record).map(|_| body), private),
        _ if !record.body_kept() => return not_kept(rules, record),
        Some(Beside::Fields(private)) => (recorded(record).map(GuardedBody::whole), private),
        _ => (recorded(record).map(GuardedBody::whole), HeaderMap::new()),
    };
    response.headers_mut().extend(private);
    marked(rules, response, false, Reason::Executed)
}

fn replayed<B>(rules: &Rules, record: &RecordedResponse) -> Response<GuardedBody<B>> {
    if record.body_kept() {
        marked(rules, recorded(record).map(GuardedBody::whole), true, Reason::Replayed)
    } else {
        not_kept(rules, record)
    }
}

fn not_recorded<B, E>(
    rules: &Rules,
    class: EffectClass,
    beside: Beside<B, E>,
    freed: bool,
) -> Result<Response<GuardedBody<B>>, E> {
    match beside {
        // The marker makes an answer definite. This one is not while the key is not free: it
        // cannot say what an earlier execution did, or this one.
        Beside::Answer(mut answer) if !freed => {
            answer.headers_mut().remove(&rules.marker);
            answer.extensions_mut().insert(Reason::NotRecorded);
            Ok(answer)
        }
        Beside::Answer(answer) => Ok(marked(rules, answer, false, Reason::NotRecorded)),
        Beside::Failed(error) => Err(error),
        Beside::NeverCommitted(status) => {
            tracing::error!(
                %status,
                "a handler of a transactional route answered success and had committed nothing; \
                 its answer was not sent"
            );
            Ok(failed(rules, freed))
        }
        Beside::CutShort if class == EffectClass::Opaque => {
            Ok(refusal(rules, Problem::new(ProblemKind::OutcomeUnknown)))
        }
        Beside::CutShort | Beside::Recorded(..) | Beside::Fields(_) | Beside::LongBody(..) => {
            Ok(failed(rules, freed))
        }
    }
}

/// The work ran and failed. Without an effect: that is an answer of an execution, so it is marked.
/// Where running it again is safe, but what it did is not known: that is nobody's answer yet.
fn failed<B>(rules: &Rules, freed: bool) -> Response<GuardedBody<B>> {
    if !freed {
        let detail = "The work failed, and may or may not have taken effect. It is safe to run \
                      again: send the same request again, with the same key.";
        return refusal(rules, Problem::new(ProblemKind::ExecutionFailed).detail(detail));
    }
    let problem = Problem::new(ProblemKind::ExecutionFailed).into_response(&rules.page);
    let reason = Reason::Problem(ProblemKind::ExecutionFailed);
    marked(rules, problem.map(|body| GuardedBody::whole(body)), false, reason)
}

/// There was an answer, and its body could not be kept.
fn not_kept<B>(rules: &Rules, record: &RecordedResponse) -> Response<GuardedBody<B>> {
    let location = record
        .headers()
        .find(|(name, _)| *name == LOCATION.as_str().as_bytes())
        .and_then(|(_, value)| String::from_utf8(value.to_vec()).ok());
    let problem = Problem::new(ProblemKind::ResponseNotKept).recorded(record.status(), location);
    refusal(rules, problem)
}

/// The recorded answer as a response: same status, same fields in the same order, same bytes.
pub(super) fn recorded(record: &RecordedResponse) -> Response<WholeBody> {
    let status = StatusCode::from_u16(record.status());
    let headers = header_map(record, record.headers());
    let trailers = header_map(record, record.trailers());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    put_together(status, headers, record.body(), trailers)
}

/// An answer whose body is there in whole.
pub(super) fn put_together(
    status: StatusCode,
    mut headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
) -> Response<WholeBody> {
    headers.extend(announcement(&trailers).map(|names| (TRAILER, names)));
    let mut response = Response::new(WholeBody::new(body, trailers));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Trailers are announced (RFC 9110 section 6.6.2); those that are not, hyper does not send over
/// HTTP/1.1.
fn announcement(trailers: &HeaderMap) -> Option<HeaderValue> {
    if trailers.is_empty() {
        return None;
    }
    let names: Vec<&str> = trailers.keys().map(HeaderName::as_str).collect();
    names.join(", ").parse().ok()
}

/// The values stay where they are, in the record's buffer.
fn header_map(record: &RecordedResponse, fields: Fields<'_>) -> HeaderMap {
    let Some(room) = fields.clone().size_hint().1.filter(|count| *count > 0) else {
        return HeaderMap::new();
    };
    // One more, for the marker.
    let mut headers = HeaderMap::with_capacity(room + 1);
    for (name, value) in fields {
        let value = record.as_bytes().slice_ref(value);
        let name = HeaderName::from_bytes(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_maybe_shared(value)) {
            headers.append(name, value);
        }
    }
    headers
}

fn marked<B>(
    rules: &Rules,
    mut response: Response<GuardedBody<B>>,
    replayed: bool,
    reason: Reason,
) -> Response<GuardedBody<B>> {
    let value = HeaderValue::from_static(if replayed { "true" } else { "false" });
    response.headers_mut().insert(rules.marker.clone(), value);
    response.extensions_mut().insert(reason);
    response
}
