//! How much a gate is to do: the set for every change, or as much as the time allows.

use std::time::{Duration, Instant};

/// How long, and from which seed.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// `None`: the gate's own set for every change.
    pub until: Option<Instant>,
    /// Where random choices start.
    pub seed: u64,
}

impl Effort {
    /// For so many minutes from now; without them the gate's own set.
    #[expect(clippy::disallowed_methods, reason = "how long a campaign runs decides no result")]
    pub fn new(minutes: Option<u64>, seed: u64) -> Self {
        let until = minutes.map(|minutes| Instant::now() + Duration::from_mins(minutes));
        Self { until, seed }
    }

    /// Whether to go on after `done` of the `set` that is run for every change.
    #[expect(clippy::disallowed_methods, reason = "how long a campaign runs decides no result")]
    pub fn goes_on(&self, done: u64, set: u64) -> bool {
        self.until.map_or(done < set, |until| Instant::now() < until)
    }
}
