//! How the servers of the tests read keys, and how they write answers and refusals.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use uuid::Uuid;

/// What an operation makes.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: Uuid,
    pub(crate) at: u64,
}

impl Order {
    /// Another one than all before.
    pub(crate) fn new() -> Self {
        static CLOCK: AtomicU64 = AtomicU64::new(1_700_000_000);
        Self { id: Uuid::new_v4(), at: CLOCK.fetch_add(1, Ordering::SeqCst) }
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "orderId": self.id, "createdAt": self.at, "itemId": "cake-001" })
    }

    /// 201, with a field that stands twice.
    pub(crate) fn answer(&self, replayed: Option<bool>) -> Response {
        let mut headers = HeaderMap::new();
        let text = |text: String| HeaderValue::try_from(text).expect("ASCII");
        headers.insert(header::LOCATION, text(format!("/orders/{}", self.id)));
        headers.append(header::LINK, HeaderValue::from_static("</orders>; rel=\"collection\""));
        headers.append(header::LINK, HeaderValue::from_static("</cakes/1>; rel=\"item\""));
        if let Some(replayed) = replayed {
            headers.insert("idempotent-replayed", text(replayed.to_string()));
        }
        created(headers, self.json().to_string())
    }
}

/// 201 with these fields and this JSON.
pub(crate) fn created(mut headers: HeaderMap, body: String) -> Response {
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (StatusCode::CREATED, headers, body).into_response()
}

/// The key, without its quotes unless they are kept; or what is wrong with it.
pub(crate) fn key_of(headers: &HeaderMap, keep_quotes: bool) -> Result<String, &'static str> {
    let mut lines = headers.get_all("idempotency-key").into_iter();
    let line = lines.next().ok_or("The key is missing")?;
    if lines.next().is_some() {
        return Err("The field stands twice");
    }
    let written = line.to_str().map_err(|_| "The key is not ASCII")?;
    let key = match written.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').ok_or("The quote is broken")?,
        None => written,
    };
    match key.len() {
        0 => Err("The key is empty"),
        1..=255 if keep_quotes => Ok(written.to_owned()),
        1..=255 => Ok(key.to_owned()),
        _ => Err("The key is too long"),
    }
}

/// Problem details with a link to the policy.
pub(crate) fn problem(
    status: u16,
    stated: u16,
    policy: &str,
    kind: &str,
    detail: &str,
) -> Response {
    let body = json!({
        "type": format!("{policy}#{kind}"),
        "title": detail,
        "status": stated,
        "detail": detail,
    });
    let status = StatusCode::from_u16(status).expect("a status");
    let link = format!("<{policy}>; rel=\"describedby\"");
    let fields =
        [(header::CONTENT_TYPE, "application/problem+json".to_owned()), (header::LINK, link)];
    (status, fields, body.to_string()).into_response()
}
