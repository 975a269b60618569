//! What of an answer is recorded, and whether it is recorded at all.

use std::future::ready;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::Either;
use http::header::{CONNECTION, HeaderName};
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;

use super::body::{GuardedBody, WholeBody};
use super::collect::{Collected, collect};
use super::config::Rules;
use super::problem::ProblemKind;
use super::reason::Reason;
use super::replay;
use super::verdict::Verdict;
use crate::engine::{CommitState, Ending};
use crate::record::{EffectClass, Field, RecordedResponse};

/// A response extension: "this answer says that nothing was processed". The key is free again, so
/// that a corrected request may use it.
///
/// Only true words: a handler that has already done something must not set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotProcessed;

/// A request extension: the most bytes of an answer's body that are kept.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(all(feature = "axum", any(feature = "sqlite", feature = "postgres"))),
    expect(dead_code, reason = "read where a store commits")
)]
pub(super) struct ResponseLimit(pub(super) usize);

/// What reaches the first caller alone. It is handed on boxed: it is large, and goes through many hands.
pub(super) enum Beside<B, E> {
    /// The recorded answer as it was before it was recorded, which is the same, and fields that
    /// are never stored (`Set-Cookie`, …).
    Recorded(Response<WholeBody>, HeaderMap),
    /// Fields that are never stored, added to the recorded answer.
    Fields(HeaderMap),
    /// Those, and the body, of which the record says only that there was one.
    LongBody(HeaderMap, GuardedBody<B>),
    /// The whole answer: nothing is recorded.
    Answer(Response<GuardedBody<B>>),
    /// The answer broke off in its middle.
    CutShort,
    /// A transactional handler answered success and had committed nothing.
    NeverCommitted(StatusCode),
    /// The inner service failed without an answer.
    Failed(E),
}

/// Whether the answer is another layer's, further in, which itself does not know how it ends: it
/// must not stand as the answer for ever.
fn cannot_say<B>(answer: &Response<B>) -> bool {
    matches!(
        answer.extensions().get::<Reason>(),
        Some(Reason::Problem(
            ProblemKind::RequestInProgress
                | ProblemKind::OutcomePending
                | ProblemKind::OutcomeUnknown
                | ProblemKind::StoreUnavailable
        ))
    )
}

/// Turns the inner service's answer into how the work ended.
pub(super) fn ending<B, E>(
    rules: &Rules,
    class: EffectClass,
    commit: CommitState,
    answer: Response<B>,
) -> impl Future<Output = Ending<Box<Beside<B, E>>>> + use<B, E>
where
    B: Body<Data = Bytes>,
{
    match judged(rules, class, commit, answer) {
        Judged::Ended(ending) => Either::Left(ready(ending)),
        Judged::ToRecord(answer) => Either::Right(record(answer, rules.response_body_bytes_max)),
    }
}

/// What becomes of an answer.
enum Judged<B, E> {
    ToRecord(Response<B>),
    Ended(Ending<Box<Beside<B, E>>>),
}

impl<B, E> Judged<B, E> {
    fn never_committed(status: StatusCode) -> Self {
        Self::Ended(Ending::NotProcessed(Box::new(Beside::NeverCommitted(status))))
    }
}

fn judged<B, E>(
    rules: &Rules,
    class: EffectClass,
    commit: CommitState,
    answer: Response<B>,
) -> Judged<B, E> {
    let says_so = answer.extensions().get::<NotProcessed>().is_some();
    let cannot_say = cannot_say(&answer);
    match commit {
        CommitState::Committed(record) => {
            return Judged::Ended(Ending::NotProcessed(Box::new(beside_commit(&record, answer))));
        }
        // A handler that answers success in spite of the rollback would have its caller believe it.
        CommitState::Failed(_) if answer.status().is_success() => {
            return Judged::never_committed(answer.status());
        }
        // It was rolled back, or the engine answers in its place.
        CommitState::Failed(_) => return Judged::Ended(Ending::NotProcessed(whole(answer))),
        CommitState::NotAsked | CommitState::Asked => {}
    }
    let (head, body) = answer.into_parts();
    let verdict = match class {
        _ if says_so => Verdict::Free,
        EffectClass::Keyed | EffectClass::Opaque if cannot_say => Verdict::Unknown,
        _ => rules.record_policy.verdict(class, &head),
    };
    let answer = Response::from_parts(head, body);
    match verdict {
        Verdict::Free => Judged::Ended(Ending::NotProcessed(whole(answer))),
        Verdict::Unknown => Judged::Ended(Ending::Unknown(whole(answer))),
        Verdict::NeverCommitted => Judged::never_committed(answer.status()),
        Verdict::Record => Judged::ToRecord(answer),
    }
}

fn record<B, E>(
    answer: Response<B>,
    limit: usize,
) -> impl Future<Output = Ending<Box<Beside<B, E>>>> + use<B, E>
where
    B: Body<Data = Bytes>,
{
    let (parts, body) = answer.into_parts();
    let (stored, private) = split_fields(parts.headers);
    let status = parts.status;
    collect(body, limit).map(move |collected| match collected {
        Collected::Broken(_) => Ending::Unknown(Box::new(Beside::CutShort)),
        Collected::Whole { data, trailers } => {
            let (headers, after) = (|| fields(&stored), || fields(&trailers));
            let record = RecordedResponse::of_fields(status.as_u16(), headers, after, &data);
            if let Ok(record) = record {
                let answer = replay::put_together(status, stored, data, trailers);
                Ending::Answered(record, Box::new(Beside::Recorded(answer, private)))
            } else {
                let body = GuardedBody::whole(WholeBody::new(data, trailers));
                too_long(status, stored, private, body)
            }
        }
        Collected::TooLong { read, rest } => {
            too_long(status, stored, private, GuardedBody::resumed(read, rest))
        }
    })
}

/// Past the limit: the first caller gets the answer; a retry will be told that there was one.
fn too_long<B, E>(
    status: StatusCode,
    stored: HeaderMap,
    mut private: HeaderMap,
    body: GuardedBody<B>,
) -> Ending<Box<Beside<B, E>>> {
    let status = status.as_u16();
    let kept = RecordedResponse::without_body(status, &fields(&stored).collect::<Vec<_>>());
    let record = kept.unwrap_or_else(|_| {
        // Fields so long or so many that not even they can be kept: the status alone.
        private.extend(stored);
        RecordedResponse::without_body(status, &[]).expect("no field is too long here")
    });
    Ending::Answered(record, Box::new(Beside::LongBody(private, body)))
}

/// After a commit the committed answer is the answer. What the handler returned adds at most what
/// is never stored, and the body where the record could not keep it.
fn beside_commit<B, E>(record: &RecordedResponse, answer: Response<B>) -> Beside<B, E> {
    if answer.status().as_u16() != record.status() {
        return Beside::Fields(HeaderMap::new());
    }
    let (parts, body) = answer.into_parts();
    let (_, private) = split_fields(parts.headers);
    if record.body_kept() {
        Beside::Fields(private)
    } else {
        Beside::LongBody(private, GuardedBody::through(body))
    }
}

fn whole<B, E>(answer: Response<B>) -> Box<Beside<B, E>> {
    Box::new(Beside::Answer(answer.map(|body| GuardedBody::through(body))))
}

/// The fields that are recorded, and those that go to the first caller alone. Framing belongs to
/// neither: it is made anew for each message.
pub(super) fn split_fields(headers: HeaderMap) -> (HeaderMap, HeaderMap) {
    if headers.keys().all(|name| whose(name) == Whose::Everybodys) {
        return (headers, HeaderMap::new());
    }
    let connection_options = connection_options(&headers);
    let mut stored = HeaderMap::with_capacity(headers.len());
    let mut private = HeaderMap::new();
    let mut last = None;
    // The iterator names a field only at the first of its values.
    for (name, value) in headers {
        let Some(name) = name.or(last.take()) else { continue };
        match whose(&name) {
            _ if connection_options.contains(&name) => {}
            Whose::Everybodys => drop(stored.append(&name, value)),
            Whose::TheFirstCallers => drop(private.append(&name, value)),
            Whose::TheConnections => {}
        }
        last = Some(name);
    }
    (stored, private)
}

/// The fields that `Connection` lists belong to this connection alone (RFC 9110 section 7.6.1).
fn connection_options(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

/// Whose a field of an answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// Every caller's: it is recorded.
    Everybodys,
    /// The first caller's: about this message, this caller's browser or this moment, and wrong or
    /// unsafe in a later answer.
    TheFirstCallers,
    /// The connection's.
    TheConnections,
}

/// Whether a field of this name is part of an answer that is kept. Others reach the first caller alone, or
/// are made anew for each message.
pub fn is_recorded(name: &HeaderName) -> bool {
    whose(name) == Whose::Everybodys
}

fn whose(name: &HeaderName) -> Whose {
    const PREFIXES: [&str; 4] = ["access-control-", "ratelimit-", "x-b3-", "x-ratelimit-"];
    match name.as_str() {
        "connection"
        | "content-length"
        | "keep-alive"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "proxy-connection"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade" => Whose::TheConnections,
        "age"
        | "authentication-info"
        | "b3"
        | "baggage"
        | "date"
        | "idempotent-replayed"
        | "ratelimit"
        | "ratelimit-policy"
        | "server-timing"
        | "set-cookie"
        | "traceparent"
        | "tracestate"
        | "www-authenticate"
        | "x-amzn-trace-id"
        | "x-correlation-id"
        | "x-csrf-token"
        | "x-request-id" => Whose::TheFirstCallers,
        name if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => Whose::TheFirstCallers,
        _ => Whose::Everybodys,
    }
}

pub(super) fn fields(headers: &HeaderMap) -> impl Iterator<Item = Field<'_>> {
    headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_into_stored_private_and_framing() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("location", "/orders/1"),
            ("link", "</a>"),
            ("set-cookie", "a=1"),
            ("link", "</b>"),
            ("set-cookie", "b=2"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("content-length", "3"),
            ("transfer-encoding", "chunked"),
            ("date", "now"),
            ("access-control-allow-origin", "*"),
            ("x-ratelimit-remaining", "3"),
            ("traceparent", "00"),
        ] {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        let (stored, private) = split_fields(headers);
        let text = |headers: &HeaderMap| {
            fields(headers)
                .map(|(n, v)| String::from_utf8([n, &b": "[..], v].concat()).unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(text(&stored), ["location: /orders/1", "link: </a>", "link: </b>"]);
        assert_eq!(
            text(&private),
            [
                "set-cookie: a=1",
                "set-cookie: b=2",
                "date: now",
                "access-control-allow-origin: *",
                "x-ratelimit-remaining: 3",
                "traceparent: 00"
            ]
        );
    }
}
