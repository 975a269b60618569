//! Time of day and randomness, which come from outside so that a test decides both.
//!
//! Waiting and deadlines are `tokio::time`'s, which a test can pause.

use std::fmt;
use std::time::SystemTime;

/// What the client asks the world for.
pub trait Outside: Send + Sync + fmt::Debug + 'static {
    /// The time of day: for the date in a key, the age of an intent, and `Retry-After` with a date.
    fn now(&self) -> SystemTime;

    /// Fills `bytes` with randomness that nobody can guess. `false` when there is none.
    fn random(&self, bytes: &mut [u8]) -> bool;
}

/// The operating system's clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Outside for System {
    #[expect(clippy::disallowed_methods, reason = "the one place where the time of day comes from")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }
}
