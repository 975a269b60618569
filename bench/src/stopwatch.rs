//! The one place that looks at the time: measuring it is what this crate is for.

use std::time::{Duration, Instant};

use seiriken::clock::{Clock, SystemClock};

#[expect(clippy::disallowed_methods, reason = "a stopwatch; no decision depends on it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Whole microseconds; a time too long to count is a very long one.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The day it is, for the record (UTC).
pub(crate) fn today() -> String {
    let millis = i64::try_from(SystemClock.now().as_millis()).unwrap_or(i64::MAX);
    let now = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    now.strftime("%Y-%m-%d").to_string()
}
