//! How much is kept for each scope: counted as records come and go, never by looking at them all.

use std::collections::HashMap;
#[cfg(feature = "sqlite")]
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;

use crate::policy::Quota;
use crate::record::transition::{Claim, Usage};
use crate::scope::{IdHasher, ScopeDigest};
use crate::sync::RwLock;
use crate::sync::atomic::{AtomicI64, Ordering};

/// The counters of a store. Each thread has stripes that few others share: counting is on the way of
/// every request, and a counter that all write to goes from core to core.
#[derive(Debug, Default)]
pub(super) struct UsageTable {
    stripes: [Stripe; STRIPES],
}

const STRIPES: usize = 16;

/// What its threads have added, less what they have taken away: a record may go on another thread than
/// it came on. Only the sum of all stripes means something.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    scopes: RwLock<HashMap<ScopeDigest, Counters, BuildHasherDefault<IdHasher>>>,
}

#[derive(Debug, Default)]
struct Counters {
    keys: AtomicI64,
    bytes: AtomicI64,
}

/// What one record counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    pub(super) scope: ScopeDigest,
    pub(super) bytes: u32,
}

impl UsageTable {
    /// What is kept for the scope of a claim; looked up where something is limited alone.
    pub(super) fn for_claim(&self, claim: &Claim) -> Usage {
        if claim.quota == Quota::default() {
            return Usage::default();
        }
        self.of(claim.scope)
    }

    fn of(&self, scope: ScopeDigest) -> Usage {
        let (mut keys, mut bytes) = (0_i64, 0_i64);
        for stripe in &self.stripes {
            let scopes = stripe.scopes.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(counters) = scopes.get(&scope) {
                keys = keys.saturating_add(counters.keys.load(Ordering::Relaxed));
                bytes = bytes.saturating_add(counters.bytes.load(Ordering::Relaxed));
            }
        }
        // One stripe is read before another: something may have gone in one that is not yet seen to
        // have come in the other.
        let counted = |sum: i64| u64::try_from(sum).unwrap_or(0);
        Usage { keys: counted(keys), bytes: counted(bytes) }
    }

    /// A record's share has become another one. `None` is a record that is not there.
    pub(super) fn change(&self, before: Option<Share>, after: Option<Share>) {
        if before == after {
            return;
        }
        if let (Some(before), Some(after)) = (before, after)
            && before.scope == after.scope
        {
            self.count(after.scope, 0, i64::from(after.bytes) - i64::from(before.bytes));
            return;
        }
        // First what is added: a count that is read in between is too high rather than too low.
        if let Some(share) = after {
            self.count(share.scope, 1, share.bytes.into());
        }
        if let Some(share) = before {
            self.count(share.scope, -1, -i64::from(share.bytes));
        }
    }

    /// What is kept for every scope.
    #[cfg(feature = "sqlite")]
    pub(super) fn all(&self) -> Vec<(ScopeDigest, Usage)> {
        let mut scopes = HashSet::new();
        for stripe in &self.stripes {
            let counted = stripe.scopes.read().unwrap_or_else(PoisonError::into_inner);
            scopes.extend(counted.keys().copied());
        }
        scopes.into_iter().map(|scope| (scope, self.of(scope))).collect()
    }

    /// So much more is kept for a scope.
    #[cfg(feature = "sqlite")]
    pub(super) fn add(&self, scope: ScopeDigest, more: Usage) {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        self.count(scope, signed(more.keys), signed(more.bytes));
    }

    fn count(&self, scope: ScopeDigest, keys: i64, bytes: i64) {
        let add = |counters: &Counters| {
            counters.keys.fetch_add(keys, Ordering::Relaxed);
            counters.bytes.fetch_add(bytes, Ordering::Relaxed);
        };
        let stripe = &self.stripes[stripe()];
        let scopes = stripe.scopes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counters) = scopes.get(&scope) {
            return add(counters);
        }
        drop(scopes);
        let mut scopes = stripe.scopes.write().unwrap_or_else(PoisonError::into_inner);
        add(scopes.entry(scope).or_default());
    }
}

/// That of this thread.
fn stripe() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static STRIPE: usize = THREADS.fetch_add(1, Ordering::Relaxed) % STRIPES;
    }
    STRIPE.with(|stripe| *stripe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_counts_for_the_scope_that_it_is_of() {
        let scope = |byte| ScopeDigest::from_bytes([byte; 8]);
        let share = |byte, bytes| Some(Share { scope: scope(byte), bytes });
        let usage = UsageTable::default();
        usage.change(None, share(1, 100));
        usage.change(share(1, 100), share(1, 130));
        assert_eq!(usage.of(scope(1)), Usage { keys: 1, bytes: 130 });
        usage.change(share(1, 130), share(2, 130));
        assert_eq!(usage.of(scope(1)), Usage::default());
        assert_eq!(usage.of(scope(2)), Usage { keys: 1, bytes: 130 });
        usage.change(share(2, 130), None);
        assert_eq!(usage.of(scope(2)), Usage::default());
    }
}
