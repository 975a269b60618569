//! Errors as RFC 9457 problem details: what happened, what it means, what to do.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LINK, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::body::WholeBody;
use super::reason::Reason;

/// The situations that the layer answers for itself. The wire form of each (status, `type`,
/// title) is fixed: clients decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// No key where one is required.
    KeyMissing,
    /// The key is malformed or repeated.
    KeyInvalid,
    /// The key is older than answers are kept, and nothing is known of it any more.
    KeyExpired,
    /// Whose request it is cannot be told.
    IdentityUnknown,
    /// Somebody else used the key.
    CredentialChanged,
    /// The key was used for another request.
    KeyReused,
    /// The first request is still running.
    RequestInProgress,
    /// Nobody knows whether the effect happened.
    OutcomeUnknown,
    /// The answer is made and not durable yet.
    OutcomePending,
    /// The store cannot be asked; nothing ran.
    StoreUnavailable,
    /// As much is kept as may be.
    QuotaExceeded,
    /// The request's body is too long.
    BodyTooLarge,
    /// The request's body broke off.
    BodyIncomplete,
    /// The answer was too long to keep.
    ResponseNotKept,
    /// The work failed without an effect.
    ExecutionFailed,
}

impl ProblemKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::KeyMissing,
        Self::KeyInvalid,
        Self::KeyExpired,
        Self::IdentityUnknown,
        Self::CredentialChanged,
        Self::KeyReused,
        Self::RequestInProgress,
        Self::OutcomeUnknown,
        Self::OutcomePending,
        Self::StoreUnavailable,
        Self::QuotaExceeded,
        Self::BodyTooLarge,
        Self::BodyIncomplete,
        Self::ResponseNotKept,
        Self::ExecutionFailed,
    ];

    /// The status code.
    pub fn status(self) -> StatusCode {
        match self {
            Self::KeyMissing | Self::KeyInvalid | Self::KeyExpired | Self::BodyIncomplete => {
                StatusCode::BAD_REQUEST
            }
            Self::QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
            Self::IdentityUnknown => StatusCode::FORBIDDEN,
            Self::RequestInProgress => StatusCode::CONFLICT,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::CredentialChanged | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::OutcomeUnknown | Self::ResponseNotKept | Self::ExecutionFailed => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::OutcomePending | Self::StoreUnavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What the `type` ends in; `None` where the status code says it all (`about:blank`).
    pub fn fragment(self) -> Option<&'static str> {
        Some(match self {
            Self::KeyMissing => "key-missing",
            Self::KeyInvalid => "key-invalid",
            Self::KeyExpired => "key-expired",
            Self::IdentityUnknown => "identity-unknown",
            Self::CredentialChanged => "credential-changed",
            Self::KeyReused => "key-reused",
            Self::RequestInProgress => "request-in-progress",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::OutcomePending => "outcome-pending",
            Self::StoreUnavailable => "store-unavailable",
            Self::QuotaExceeded => "quota-exceeded",
            Self::BodyTooLarge => "body-too-large",
            Self::ResponseNotKept => "response-not-kept",
            Self::BodyIncomplete | Self::ExecutionFailed => return None,
        })
    }

    /// The title; the draft's own words (section 2.7) where it has some.
    pub fn title(self) -> &'static str {
        match self {
            Self::KeyMissing => "Idempotency-Key is missing",
            Self::KeyInvalid => "Idempotency-Key is malformed",
            Self::KeyExpired => "Idempotency-Key is too old",
            Self::IdentityUnknown => "Whose request this is cannot be told",
            Self::CredentialChanged => "Idempotency-Key belongs to another caller",
            Self::KeyReused => "Idempotency-Key is already used",
            Self::RequestInProgress => "A request is outstanding for this Idempotency-Key",
            Self::OutcomeUnknown => "The outcome of this operation is not known",
            Self::OutcomePending => "The outcome of this operation is not durable yet",
            Self::StoreUnavailable => "Idempotency keys cannot be looked up",
            Self::QuotaExceeded => "Too many Idempotency-Keys are kept",
            Self::BodyTooLarge => "The request body is too large",
            Self::BodyIncomplete => "Bad Request",
            Self::ResponseNotKept => "The answer was too large to keep",
            Self::ExecutionFailed => "Internal Server Error",
        }
    }

    /// The detail where a request adds nothing of its own to it.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::KeyMissing => {
                "This operation must not run twice, so it needs a key. Make one per operation \
                 (a UUID, say), send it as Idempotency-Key, and repeat it on every retry."
            }
            Self::KeyInvalid => "The Idempotency-Key field cannot be read. Nothing ran.",
            Self::IdentityUnknown => {
                "The request carries a cookie and no credential that this service looks at. \
                 Nothing ran. Whoever runs the service has to say what identifies a caller."
            }
            Self::KeyExpired => {
                "This key was made longer ago than answers are kept here, so nobody can say any more \
                 whether its operation ran. Nothing ran now. Find out whether it took effect before \
                 you repeat it with a new key."
            }
            Self::CredentialChanged => {
                "This key was first used with other credentials. Nothing ran and nothing of the \
                 earlier answer is shown. Retry with the credentials of the first attempt."
            }
            Self::KeyReused => {
                "This key was first used for another request (another method, path, query, \
                 content type or body). Nothing ran now. Use a new key for a new operation; to \
                 learn the outcome of the first one, send its request again."
            }
            Self::RequestInProgress => {
                "The first request with this key is still running. Nothing else was started. \
                 Send the same request again after Retry-After to get its answer."
            }
            Self::OutcomeUnknown => {
                "The work was started and nobody can say whether it took effect. It will not be \
                 run again. Do not repeat it under another key; ask whoever runs the service to \
                 look it up."
            }
            Self::OutcomePending => {
                "The work was started, and which outcome stands cannot be said yet. Send the same \
                 request again, with the same key, after Retry-After to learn it. Do not repeat it \
                 under another key."
            }
            Self::StoreUnavailable => {
                "The store of keys cannot be asked at the moment, so the work was not started. \
                 Send the same request again, with the same key, after Retry-After."
            }
            Self::QuotaExceeded => {
                "As many keys and answers are kept here as may be, and none is forgotten early to make \
                 room. Nothing ran. Send the same request again, with the same key, after \
                 Retry-After."
            }
            Self::BodyTooLarge => "The request body is longer than is taken here. Nothing ran.",
            Self::BodyIncomplete => "The request body broke off before its end. Nothing ran.",
            Self::ResponseNotKept => {
                "The work ran once and was answered, with the status in recordedStatus; the \
                 answer's body was too large to keep. It will not be run again."
            }
            Self::ExecutionFailed => {
                "The work failed and left no effect. The key is free: send the same request \
                 again, with the same key."
            }
        }
    }
}

/// A problem on its way to becoming a response.
#[derive(Debug, Clone)]
pub struct Problem {
    head: Head,
    detail: Option<String>,
    retry_after: Option<Duration>,
    recorded: Option<(u16, Option<String>)>,
}

#[derive(Debug, Clone, Copy)]
enum Head {
    Ours(ProblemKind),
    Other { status: StatusCode, fragment: Option<&'static str>, title: &'static str },
}

/// The members of RFC 9457 section 3.1, and our own.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Members<'p> {
    r#type: &'p str,
    title: &'p str,
    status: u16,
    detail: &'p str,
    instance: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'p str>,
}

impl Problem {
    /// One of the layer's situations, with its usual detail.
    pub fn new(kind: ProblemKind) -> Self {
        Self { head: Head::Ours(kind), detail: None, retry_after: None, recorded: None }
    }

    /// A problem of the service itself, in the same form: `fragment` is what its `type` ends in,
    /// `None` where the status code says it all.
    pub fn other(
        status: StatusCode,
        fragment: Option<&'static str>,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let head = Head::Other { status, fragment, title };
        Self { head, detail: Some(detail.into()), retry_after: None, recorded: None }
    }

    /// The status code that it has.
    pub fn status(&self) -> StatusCode {
        match self.head {
            Head::Ours(kind) => kind.status(),
            Head::Other { status, .. } => status,
        }
    }

    /// Its name in traces: what its type ends in.
    pub(super) fn name(&self) -> &'static str {
        let fragment = match self.head {
            Head::Ours(kind) => kind.fragment(),
            Head::Other { fragment, .. } => fragment,
        };
        fragment.unwrap_or("bad-request")
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(super) fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    pub(super) fn recorded(mut self, status: u16, location: Option<String>) -> Self {
        self.recorded = Some((status, location));
        self
    }

    /// The response. `page` is the address of the policy page: the `type` is it plus a fragment,
    /// and it is linked as the description (draft section 2.7).
    pub fn into_response(self, page: &str) -> Response<WholeBody> {
        let (status, fragment, title, usual) = match self.head {
            Head::Ours(kind) => (kind.status(), kind.fragment(), kind.title(), kind.detail()),
            Head::Other { status, fragment, title } => (status, fragment, title, ""),
        };
        let typed = match fragment {
            Some(fragment) => format!("{page}#{fragment}"),
            None => "about:blank".to_owned(),
        };
        let (recorded_status, location) = self
            .recorded
            .as_ref()
            .map_or((None, None), |recorded| (Some(recorded.0), recorded.1.as_deref()));
        let mut response = problem_response(
            status,
            page,
            &Members {
                r#type: &typed,
                title,
                status: status.as_u16(),
                detail: self.detail.as_deref().unwrap_or(usual),
                instance: instance(),
                recorded_status,
                location,
            },
        );
        if let Some(after) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, whole_seconds(after));
        }
        if let Head::Ours(kind) = self.head {
            response.extensions_mut().insert(Reason::Problem(kind));
        }
        response
    }
}

/// Names this occurrence: what a caller can quote and a log line can be found by.
fn instance() -> String {
    uuid::Uuid::new_v4().urn().to_string()
}

fn problem_response(status: StatusCode, page: &str, members: &Members<'_>) -> Response<WholeBody> {
    let body = serde_json::to_vec(members).expect("strings and numbers are always JSON");
    let mut response = Response::new(WholeBody::new(Bytes::from(body), HeaderMap::new()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(link) = HeaderValue::try_from(format!("<{page}>; rel=\"describedby\"")) {
        headers.insert(LINK, link);
    }
    response
}

/// `Retry-After` has no fractions (RFC 9110 section 10.2.3); rounded up, so that it is not asked
/// too early.
fn whole_seconds(duration: Duration) -> HeaderValue {
    HeaderValue::from(duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX))
}
