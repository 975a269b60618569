//! How long to wait before the next attempt.
//!
//! Exponential backoff with full jitter: a wait is drawn evenly from nothing to a bound that
//! doubles, so that clients which failed together do not come back together. `Retry-After`
//! (RFC 9110 section 10.2.3) is kept, with a little jitter on top for the same reason.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::RETRY_AFTER};

use crate::outside::Outside;

/// The bounds of the waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The bound of the first wait (200 ms); each further one is twice as long.
    pub first: Duration,
    /// No bound is longer than this (10 s).
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(200), longest: Duration::from_secs(10) }
    }
}

impl Backoff {
    /// The wait after the attempt with this number, counted from 1; `retry_after` is what the server
    /// asked for.
    pub fn wait(
        &self,
        attempt: u32,
        retry_after: Option<Duration>,
        outside: &dyn Outside,
    ) -> Duration {
        if let Some(asked) = retry_after {
            return asked.saturating_add(jitter(self.first.min(self.longest), outside));
        }
        let doublings = attempt.saturating_sub(1).min(31);
        jitter(self.first.saturating_mul(1 << doublings).min(self.longest), outside)
    }
}

/// Evenly from nothing to `bound`; without randomness `bound` itself, which is the safe end.
fn jitter(bound: Duration, outside: &dyn Outside) -> Duration {
    let mut bytes = [0xff; 4];
    if !outside.random(&mut bytes) {
        return bound;
    }
    bound.mul_f64(f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX))
}

/// What the server asks for in `Retry-After`: whole seconds, or a date. A date that is over asks for
/// nothing.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug)]
    struct Fixed(Option<u32>);

    impl Outside for Fixed {
        fn now(&self) -> SystemTime {
            UNIX_EPOCH
        }

        fn random(&self, bytes: &mut [u8]) -> bool {
            let Some(value) = self.0 else { return false };
            bytes.copy_from_slice(&value.to_be_bytes());
            true
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn bounds_double_up_to_the_longest_and_the_jitter_is_full() {
        let backoff = Backoff { first: 100 * MS, longest: 700 * MS };
        let bounds = [100, 200, 400, 700, 700].map(|bound| bound * MS);
        for (attempt, bound) in (1..).zip(bounds) {
            assert_eq!(backoff.wait(attempt, None, &Fixed(Some(u32::MAX))), bound);
            assert_eq!(backoff.wait(attempt, None, &Fixed(None)), bound);
            assert_eq!(backoff.wait(attempt, None, &Fixed(Some(0))), Duration::ZERO);
        }
        assert_eq!(backoff.wait(u32::MAX, None, &Fixed(Some(u32::MAX))), 700 * MS);
    }

    #[test]
    fn what_the_server_asks_for_is_never_cut_short() {
        let backoff = Backoff::default();
        let asked = Some(Duration::from_secs(30));
        assert_eq!(backoff.wait(1, asked, &Fixed(Some(0))), Duration::from_secs(30));
        let with_jitter = backoff.wait(1, asked, &Fixed(Some(u32::MAX)));
        assert_eq!(with_jitter, Duration::from_millis(30_200));
        let for_ever = backoff.wait(1, Some(Duration::MAX), &Fixed(Some(u32::MAX)));
        assert_eq!(for_ever, Duration::MAX);
    }

    fn asked(value: &str, now: u64) -> Option<Duration> {
        let value = HeaderValue::from_str(value).unwrap();
        let headers = HeaderMap::from_iter([(RETRY_AFTER, value)]);
        retry_after(&headers, UNIX_EPOCH + Duration::from_secs(now))
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(asked("0", 0), Some(Duration::ZERO));
        assert_eq!(asked("120", 0), Some(Duration::from_mins(2)));
        assert_eq!(asked("99999999999999999999", 0), Some(Duration::from_secs(u64::MAX)));
        let date = "Thu, 01 Jan 1970 00:02:00 GMT";
        assert_eq!(asked(date, 100), Some(Duration::from_secs(20)));
        assert_eq!(asked(date, 500), Some(Duration::ZERO));
        for text in ["", "-1", "1.5", "soon", "1 s", "+1"] {
            assert_eq!(asked(text, 0), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), UNIX_EPOCH), None);
    }

    proptest! {
        #[test]
        fn no_value_of_the_field_is_too_strange(text in "[ -~]{0,40}") {
            let _ = asked(&text, 0);
        }
    }
}
