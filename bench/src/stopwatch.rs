//! The one place that looks at the time: measuring it is what this crate is for.

use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "a stopwatch; no decision depends on it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whole microseconds; a time too long to count is a very long one.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
