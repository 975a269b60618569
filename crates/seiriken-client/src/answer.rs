//! An answer as it came, whole, and what matters of it.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

use crate::verdict::{Problem, Reply};

/// An answer of the server. `Debug` shows the status alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
    /// Whether the server had kept all of it. Where it had not (`response-not-kept`), there is the
    /// status, a `Location` if there was one, and no body.
    pub kept: bool,
}

/// The members of problem details (RFC 9457) that this client reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    #[serde(rename = "type")]
    kind: String,
    recorded_status: Option<u16>,
    location: Option<String>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, kept: true }
    }

    /// What matters of it, for a [verdict](crate::verdict). `marker` is the field that says whether
    /// it is a replay.
    pub fn reply(&self, marker: &HeaderName) -> Reply {
        Reply {
            status: self.status.as_u16(),
            marker: self.marker(marker),
            problem: self.details().and_then(|details| details.problem()),
        }
    }

    /// Anything but one clear word counts as none: an answer without a marker proves less.
    fn marker(&self, name: &HeaderName) -> Option<bool> {
        let mut lines = self.headers.get_all(name).iter();
        let (first, None) = (lines.next()?, lines.next()) else { return None };
        match first.as_bytes() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    fn details(&self) -> Option<Details> {
        let content_type = self.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/problem+json") {
            return None;
        }
        serde_json::from_slice(&self.body).ok()
    }

    /// The answer that was given and not kept: its status, its place, and no body.
    pub(crate) fn as_recorded(&self, status: u16) -> Self {
        let Ok(status) = StatusCode::from_u16(status) else { return self.clone() };
        if status == self.status {
            return self.clone();
        }
        let place = self.details().and_then(|details| details.location);
        let place = place.and_then(|place| HeaderValue::try_from(place).ok());
        let headers = place.into_iter().map(|place| (LOCATION, place)).collect();
        Self { status, headers, body: Bytes::new(), kept: false }
    }
}

impl Details {
    /// By what the type ends in: the page in front of it is the service's own.
    fn problem(&self) -> Option<Problem> {
        match self.kind.rsplit_once('#')?.1 {
            "request-in-progress" => Some(Problem::InProgress),
            "outcome-pending" => Some(Problem::OutcomePending),
            "outcome-unknown" => Some(Problem::OutcomeUnknown),
            "key-expired" => Some(Problem::KeyExpired),
            "response-not-kept" => Some(Problem::NotKept(self.recorded_status)),
            _ => None,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: HeaderName = HeaderName::from_static("idempotent-replayed");

    fn answer(status: u16, fields: &[(&str, &str)], body: &str) -> Answer {
        let fields = fields.iter().map(|(name, value)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
        });
        let status = StatusCode::from_u16(status).unwrap();
        Answer::new(status, fields.collect(), Bytes::copy_from_slice(body.as_bytes()))
    }

    #[test]
    fn only_one_clear_word_is_a_marker() {
        for (fields, marker) in [
            (&[("idempotent-replayed", "true")][..], Some(true)),
            (&[("idempotent-replayed", "false")], Some(false)),
            (&[("idempotent-replayed", "yes")], None),
            (&[("idempotent-replayed", "")], None),
            (&[], None),
        ] {
            assert_eq!(answer(409, fields, "").reply(&MARKER).marker, marker, "{fields:?}");
        }
        let mut twice = answer(409, &[("idempotent-replayed", "true")], "");
        twice.headers.append(MARKER, HeaderValue::from_static("false"));
        assert_eq!(twice.reply(&MARKER).marker, None);
    }

    #[test]
    fn a_problem_is_known_by_what_its_type_ends_in() {
        let problem = |content_type: &str, body: &str| {
            answer(409, &[("content-type", content_type)], body).reply(&MARKER).problem
        };
        let running = r#"{"type":"/.well-known/idempotency#request-in-progress"}"#;
        assert_eq!(problem("application/problem+json", running), Some(Problem::InProgress));
        let spelt = "Application/Problem+JSON; charset=utf-8";
        assert_eq!(problem(spelt, running), Some(Problem::InProgress));
        assert_eq!(problem("application/json", running), None);
        assert_eq!(problem("application/problem+json", "{"), None);
        assert_eq!(problem("application/problem+json", r#"{"type":"about:blank"}"#), None);
    }

    #[test]
    fn an_answer_that_was_not_kept_has_its_status_and_its_place() {
        let body = r##"{"type":"#response-not-kept","recordedStatus":201,"location":"/orders/7"}"##;
        let told = answer(500, &[("content-type", "application/problem+json")], body);
        assert_eq!(told.reply(&MARKER).problem, Some(Problem::NotKept(Some(201))));
        let recorded = told.as_recorded(201);
        assert_eq!((recorded.status, recorded.kept), (StatusCode::CREATED, false));
        assert_eq!(recorded.headers[LOCATION], "/orders/7");
        assert!(recorded.body.is_empty());
    }
}
