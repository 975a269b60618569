//! Refusals in the words of others: clients that were written for another interface decide by its
//! codes.

use std::str::FromStr;

use axum::body::Bytes;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use seiriken::http::{ProblemKind, Reason, WholeBody};
use serde_json::{Value, json};

use super::guards::Told;
use super::made::Made;

/// In whose words a route refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Preset {
    /// As the draft says it: problem details (RFC 9457).
    #[default]
    Ietf,
    /// As Stripe's interface does.
    Stripe,
    /// As the Agentic Commerce Protocol does.
    Acp,
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "ietf" => Ok(Self::Ietf),
            "stripe" => Ok(Self::Stripe),
            "acp" => Ok(Self::Acp),
            _ => Err(format!("'{text}' is none of ietf, stripe, acp")),
        }
    }
}

impl Preset {
    /// The answer in these words, if it is a refusal of the layer. What the fields say stays.
    pub(super) fn rendered(self, mut answer: Response<Told>) -> Response<Told> {
        let Some(Reason::Problem(kind)) = answer.extensions().get::<Reason>().copied() else {
            return answer;
        };
        let (status, said) = match self {
            Self::Ietf => return answer,
            Self::Stripe => stripe(kind),
            Self::Acp => acp(kind),
        };
        *answer.status_mut() = status;
        answer.headers_mut().remove(CONTENT_LENGTH);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = WholeBody::new(Bytes::from(said.to_string()), HeaderMap::new());
        answer.map(|_| Made::Here(body))
    }
}

/// `{"error":{"type","code","message"}}`.
fn stripe(kind: ProblemKind) -> (StatusCode, Value) {
    let (status, typed, code) = match kind {
        ProblemKind::KeyReused | ProblemKind::CredentialChanged => {
            (StatusCode::BAD_REQUEST, "idempotency_error", None)
        }
        ProblemKind::RequestInProgress => {
            (StatusCode::CONFLICT, "invalid_request_error", Some("idempotency_key_in_use"))
        }
        _ if kind.status().is_server_error() => (kind.status(), "api_error", None),
        _ => (kind.status(), "invalid_request_error", None),
    };
    let mut error = json!({ "type": typed, "message": kind.title() });
    if let Some(code) = code {
        error["code"] = code.into();
    }
    (status, json!({ "error": error }))
}

/// `{"type","code","message"}`.
fn acp(kind: ProblemKind) -> (StatusCode, Value) {
    let code = match kind {
        ProblemKind::KeyMissing => "idempotency_key_required",
        ProblemKind::RequestInProgress => "idempotency_in_flight",
        ProblemKind::KeyReused | ProblemKind::CredentialChanged => "idempotency_conflict",
        // It has no words for the others: ours, in its spelling.
        _ => return acp_of(kind, &kind.fragment().unwrap_or("error").replace('-', "_")),
    };
    acp_of(kind, code)
}

fn acp_of(kind: ProblemKind, code: &str) -> (StatusCode, Value) {
    let status = kind.status();
    let typed = match status {
        StatusCode::SERVICE_UNAVAILABLE => "service_unavailable",
        StatusCode::TOO_MANY_REQUESTS => "rate_limit_exceeded",
        status if status.is_server_error() => "processing_error",
        _ => "invalid_request",
    };
    (status, json!({ "type": typed, "code": code, "message": kind.title() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_that_clients_decide_by() {
        let (status, said) = stripe(ProblemKind::KeyReused);
        assert_eq!((status.as_u16(), &said["error"]["type"]), (400, &json!("idempotency_error")));
        let (status, said) = stripe(ProblemKind::RequestInProgress);
        assert_eq!(
            (status.as_u16(), &said["error"]["code"]),
            (409, &json!("idempotency_key_in_use"))
        );
        for (kind, status, code) in [
            (ProblemKind::KeyMissing, 400, "idempotency_key_required"),
            (ProblemKind::RequestInProgress, 409, "idempotency_in_flight"),
            (ProblemKind::KeyReused, 422, "idempotency_conflict"),
            (ProblemKind::OutcomeUnknown, 500, "outcome_unknown"),
        ] {
            let (told, said) = acp(kind);
            assert_eq!((told.as_u16(), &said["code"]), (status, &json!(code)));
        }
    }

    #[test]
    fn no_preset_makes_a_success_of_a_refusal() {
        for kind in ProblemKind::ALL {
            for (status, _) in [stripe(kind), acp(kind)] {
                assert_eq!(status.is_server_error(), kind.status().is_server_error(), "{kind:?}");
                assert!(status.as_u16() >= 400, "{kind:?}");
            }
        }
    }
}
