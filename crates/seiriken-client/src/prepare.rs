//! The two-step flow: the server makes the key, the client only uses it.
//!
//! Asking for a key does nothing else, so it is asked again after any failure: a key whose answer
//! was lost is never used, and costs nobody anything. The intent begins when a key is there.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

use crate::answer::Answer;
use crate::attempt::{reason, whole};
use crate::intent::Request;
use crate::key::Key;
use crate::outcome::NothingSent;
use crate::retry::retry_after;
use crate::settings::Settings;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prepared {
    idempotency_key: String,
}

/// Asks for a key until there is one, the server refuses, or the deadline is over.
pub(crate) async fn prepare(
    settings: &Settings,
    http: &reqwest::Client,
    request: &Request,
    address: &Url,
) -> Result<Key, NothingSent> {
    let deadline = Instant::now() + settings.deadline;
    for number in 1.. {
        let left = deadline.saturating_duration_since(Instant::now());
        let asked = http.post(address.clone()).headers(fields(request, address));
        let asked = async { whole(asked.send().await?).await };
        let limit = left.min(settings.attempt_timeout);
        let (why, asked) = match tokio::time::timeout(limit, asked).await {
            Err(_) => (format!("none within {limit:?}"), None),
            Ok(Err(error)) => (reason(error), None),
            Ok(Ok(answer)) => match key_in(&answer) {
                Ok(key) => return Ok(key),
                Err(why) if !passes(answer.status) => return Err(NothingSent::NoKey(why)),
                Err(why) => (why, retry_after(&answer.headers, settings.outside.now())),
            },
        };
        let wait = settings.backoff.wait(number, asked, &*settings.outside);
        tracing::debug!(attempt = number, ?wait, "no key yet");
        match Instant::now().checked_add(wait) {
            Some(end) if end < deadline => tokio::time::sleep_until(end).await,
            _ => return Err(NothingSent::NoKey(why)),
        }
    }
    unreachable!("the deadline comes before the numbers end")
}

/// The credentials go along where the key comes from the very server that the request goes to:
/// another one has no business with them.
fn fields(request: &Request, address: &Url) -> HeaderMap {
    if request.url.origin() != address.origin() {
        return HeaderMap::new();
    }
    let mut fields = request.headers.clone();
    fields.remove(CONTENT_TYPE);
    fields.remove(CONTENT_LENGTH);
    fields
}

/// A refusal that may be another one the next time.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 425 | 429)
}

fn key_in(answer: &Answer) -> Result<Key, String> {
    if !answer.status.is_success() {
        return Err(format!("it answered {}", answer.status));
    }
    let prepared: Option<Prepared> = serde_json::from_slice(&answer.body).ok();
    let key = prepared.and_then(|prepared| Key::new(prepared.idempotency_key).ok());
    key.ok_or_else(|| "its answer holds no idempotencyKey".to_owned())
}
