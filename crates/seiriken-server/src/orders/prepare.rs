//! `POST /orders/prepare`: a key made by the service, for clients that cannot make a good one.

use std::time::Duration;

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderName, StatusCode};
use seiriken::clock::{Clock, SystemClock};
use seiriken::{IssuedKey, IssuingSecrets, Scope};
use serde::Serialize;
use uuid::Uuid;

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Prepared {
    idempotency_key: String,
    expires_at: jiff::Timestamp,
}

/// Issues a key. Nothing is written: an unused key costs nothing.
pub(super) fn prepare(
    issuing: &IssuingSecrets,
    valid_for: Duration,
) -> (StatusCode, [(HeaderName, &'static str); 1], Json<Prepared>) {
    let random = Uuid::new_v4().as_u128();
    let key = IssuedKey::new(issuing, &Scope::default(), SystemClock.now(), valid_for, random);
    let prepared = Prepared {
        idempotency_key: key.as_str().to_owned(),
        expires_at: super::routes::rfc3339(key.expires_at()),
    };
    (StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(prepared))
}
