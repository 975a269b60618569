//! How far a store has forgotten: keys made before that moment may have been used.

use crate::clock::Timestamp;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The store's `swept_through`; it only grows.
#[derive(Debug)]
pub(super) struct SweptThrough(AtomicU64);

impl SweptThrough {
    pub(super) fn new(at: Timestamp) -> Self {
        Self(AtomicU64::new(at.as_millis()))
    }

    pub(super) fn get(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Acquire))
    }

    /// Raised before a record goes away: who no longer finds the record finds this.
    pub(super) fn raise(&self, to: Timestamp) {
        self.0.fetch_max(to.as_millis(), Ordering::AcqRel);
    }
}
