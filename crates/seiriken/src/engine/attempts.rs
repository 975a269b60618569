//! Names for attempts: no two alike, in this process or another one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::record::AttemptId;

/// Counts on from a random number. Asking the system for one per claim would be a call per claim.
#[derive(Debug)]
pub(super) struct Attempts {
    first: u128,
    given_out: AtomicU64,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self { first: uuid::Uuid::new_v4().as_u128(), given_out: AtomicU64::new(0) }
    }

    /// One that was never given out. Two processes meet where their first ones lie closer together
    /// than either counts: among 2^122 they do not.
    pub(super) fn next(&self) -> AttemptId {
        let number = self.given_out.fetch_add(1, Ordering::Relaxed);
        AttemptId::from_random(self.first.wrapping_add(number.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_are_alike() {
        let engines = [Attempts::new(), Attempts::new()];
        let given: HashSet<_> = (0..2000).map(|at| engines[at % 2].next().as_u128()).collect();
        assert_eq!(given.len(), 2000);
    }
}
