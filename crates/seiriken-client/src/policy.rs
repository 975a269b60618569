//! How long the server keeps its answers, and so how long it is safe to go on.
//!
//! A key that the server has forgotten is new to it: sent again, the work is done twice. So every
//! attempt comes within half of the retention, counted from the making of the intent; the other
//! half is for clocks that disagree and for a request that travels slowly.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::ACCEPT;
use reqwest::Url;
use serde::Deserialize;
use tokio::time::Instant;

/// Where a Seiriken server publishes its policy.
const PAGE: &str = "/.well-known/idempotency";

/// What is taken where no page says otherwise: what most services promise at least.
const RETENTION: Duration = Duration::from_hours(24);

/// The page is read aside from the operation, which it must not hold up.
const PATIENCE: Duration = Duration::from_secs(2);

/// So long what was read, or not found, is believed.
const FRESH: Duration = Duration::from_mins(10);

/// So long a server that could not be asked is not asked again.
const NOT_AGAIN: Duration = Duration::from_secs(30);

/// More than a page needs; a server that sends without end is not listened to.
const PAGE_BYTES_MAX: usize = 256 * 1024;

/// The retention of each server that was asked.
#[derive(Debug, Default)]
pub(crate) struct Policies(Mutex<HashMap<String, (Duration, Instant)>>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    retention_seconds: u64,
}

impl Policies {
    /// The retention of the server at `url`.
    pub(crate) async fn retention(&self, http: &reqwest::Client, url: &Url) -> Duration {
        let origin = url.origin().ascii_serialization();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&origin).copied();
        if let Some((retention, until)) = known
            && Instant::now() < until
        {
            return retention;
        }
        let asked = tokio::time::timeout(PATIENCE, ask(http, url)).await.unwrap_or_default();
        let (retention, fresh) = asked.map_or((RETENTION, NOT_AGAIN), |said| (said, FRESH));
        tracing::debug!(seconds = retention.as_secs(), said = asked.is_some(), "retention");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(origin, (retention, Instant::now() + fresh));
        retention
    }
}

/// Without any credential: the page is for everybody.
async fn ask(http: &reqwest::Client, url: &Url) -> Option<Duration> {
    let page = url.join(PAGE).ok()?;
    let mut answer = http.get(page).header(ACCEPT, "application/json").send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    let mut page = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        page.extend_from_slice(&chunk);
        if page.len() > PAGE_BYTES_MAX {
            return None;
        }
    }
    retention_on(&page)
}

fn retention_on(page: &[u8]) -> Option<Duration> {
    let page: Page = serde_json::from_slice(page).ok()?;
    Some(Duration::from_secs(page.retention_seconds))
}

/// How long the operation may go on: up to its deadline, and within half of the retention since its
/// intent was made.
pub(crate) fn window(deadline: Duration, retention: Duration, age: Duration) -> Duration {
    deadline.min((retention / 2).saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[test]
    fn no_attempt_comes_later_than_half_the_retention() {
        assert_eq!(window(MINUTE, RETENTION, Duration::ZERO), MINUTE);
        assert_eq!(window(MINUTE, MINUTE, Duration::ZERO), MINUTE / 2);
        assert_eq!(window(MINUTE, 4 * MINUTE, MINUTE + MINUTE / 2), MINUTE / 2);
        assert_eq!(window(MINUTE, RETENTION, RETENTION / 2), Duration::ZERO);
        assert_eq!(window(MINUTE, RETENTION, 3 * RETENTION), Duration::ZERO);
    }

    #[test]
    fn a_page_says_it_in_seconds() {
        assert_eq!(retention_on(br#"{"retentionSeconds":7200,"x":1}"#), Some(120 * MINUTE));
        for page in ["", "[]", "{}", r#"{"retentionSeconds":-1}"#, r#"{"retentionSeconds":"1h"}"#] {
            assert_eq!(retention_on(page.as_bytes()), None, "{page}");
        }
    }
}
