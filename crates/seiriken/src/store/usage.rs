//! How much is kept for each scope: counted as records come and go, never by looking at them all.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::PoisonError;

use crate::policy::Quota;
use crate::record::transition::{Claim, Usage};
use crate::scope::{IdHasher, ScopeDigest};
use crate::sync::RwLock;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The counters of a store.
#[derive(Debug, Default)]
pub(super) struct UsageTable {
    scopes: RwLock<HashMap<ScopeDigest, Counters, BuildHasherDefault<IdHasher>>>,
}

#[derive(Debug, Default)]
struct Counters {
    keys: AtomicU64,
    bytes: AtomicU64,
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
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        scopes.get(&claim.scope).map_or_else(Usage::default, |counters| Usage {
            keys: counters.keys.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
        })
    }

    /// A record's share has become another one. `None` is a record that is not there.
    pub(super) fn change(&self, before: Option<Share>, after: Option<Share>) {
        if before == after {
            return;
        }
        if let (Some(before), Some(after)) = (before, after)
            && before.scope == after.scope
        {
            // Wrapping, so that less is added as well.
            let more = u64::from(after.bytes).wrapping_sub(before.bytes.into());
            self.count(after.scope, |counters| {
                counters.bytes.fetch_add(more, Ordering::Relaxed);
            });
            return;
        }
        // First what is added: a count that is read in between is too high rather than too low.
        if let Some(share) = after {
            self.count(share.scope, |counters| {
                counters.keys.fetch_add(1, Ordering::Relaxed);
                counters.bytes.fetch_add(u64::from(share.bytes), Ordering::Relaxed);
            });
        }
        if let Some(share) = before {
            self.count(share.scope, |counters| {
                counters.keys.fetch_sub(1, Ordering::Relaxed);
                counters.bytes.fetch_sub(u64::from(share.bytes), Ordering::Relaxed);
            });
        }
    }

    fn count(&self, scope: ScopeDigest, by: impl FnOnce(&Counters)) {
        if let Some(counters) =
            self.scopes.read().unwrap_or_else(PoisonError::into_inner).get(&scope)
        {
            return by(counters);
        }
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        by(scopes.entry(scope).or_default());
    }
}
