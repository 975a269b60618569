//! How many retries a client may make: a floor, and a share of its first attempts.
//!
//! When a service is down, every operation fails and every client retries; without a bound, what
//! comes on top keeps the service down. The floor is there so that a client which does little is
//! never starved: with nothing else going on, one operation may retry as often as its backoff lets
//! it.

use std::fmt;
use std::time::Duration;

use tower::retry::budget::{Budget as _, TpsBudget};

/// The time over which first attempts are counted.
const WINDOW: Duration = Duration::from_secs(10);

/// The retry budget of one client, shared by all its operations.
pub struct Budget(TpsBudget);

impl Budget {
    /// `floor` retries a second, and `share` retries for each first attempt (0.2 is one for five).
    ///
    /// # Panics
    ///
    /// When `share` is negative or more than 1000.
    pub fn new(floor: u32, share: f32) -> Self {
        Self(TpsBudget::new(WINDOW, floor, share))
    }

    /// An operation begins.
    pub(crate) fn first_attempt(&self) {
        self.0.deposit();
    }

    /// Whether a retry may be made now.
    pub(crate) fn allows_retry(&self) -> bool {
        self.0.withdraw()
    }
}

impl Default for Budget {
    /// 10 retries a second, and 20 %.
    fn default() -> Self {
        Self::new(10, 0.2)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Budget")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(budget: &Budget) -> usize {
        (0..10_000).take_while(|_| budget.allows_retry()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_nothing_else_has_ten_retries_a_second() {
        let budget = Budget::default();
        budget.first_attempt();
        assert_eq!(allowed(&budget), 100);
        tokio::time::advance(WINDOW + Duration::from_secs(2)).await;
        assert_eq!(allowed(&budget), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_client_may_retry_a_fifth_on_top() {
        let budget = Budget::default();
        for _ in 0..5_000 {
            budget.first_attempt();
        }
        assert_eq!(allowed(&budget), 100 + 1_000);
        assert!(!budget.allows_retry());
    }
}
