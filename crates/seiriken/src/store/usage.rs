//! How much is kept for each scope: counted as records come and go, never by looking at them all.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::record::transition::Usage;
use crate::scope::ScopeDigest;
use crate::sync::RwLock;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The counters of a store.
#[derive(Debug, Default)]
pub(super) struct UsageTable {
    scopes: RwLock<HashMap<ScopeDigest, Arc<Counters>>>,
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
    /// What is kept for a scope.
    pub(super) fn of(&self, scope: ScopeDigest) -> Usage {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        scopes.get(&scope).map_or_else(Usage::default, |counters| Usage {
            keys: counters.keys.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
        })
    }

    /// A record's share has become another one. `None` is a record that is not there.
    pub(super) fn change(&self, before: Option<Share>, after: Option<Share>) {
        if before == after {
            return;
        }
        // First what is added: a count that is read in between is too high rather than too low.
        if let Some(share) = after {
            let counters = self.counters(share.scope);
            counters.keys.fetch_add(1, Ordering::Relaxed);
            counters.bytes.fetch_add(u64::from(share.bytes), Ordering::Relaxed);
        }
        if let Some(share) = before {
            let counters = self.counters(share.scope);
            counters.keys.fetch_sub(1, Ordering::Relaxed);
            counters.bytes.fetch_sub(u64::from(share.bytes), Ordering::Relaxed);
        }
    }

    /// What is kept for every scope.
    #[cfg(feature = "sqlite")]
    pub(super) fn all(&self) -> Vec<(ScopeDigest, Usage)> {
        let scopes = self.scopes.read().unwrap_or_else(PoisonError::into_inner);
        let usage = |counters: &Counters| Usage {
            keys: counters.keys.load(Ordering::Relaxed),
            bytes: counters.bytes.load(Ordering::Relaxed),
        };
        scopes.iter().map(|(scope, counters)| (*scope, usage(counters))).collect()
    }

    /// So much more is kept for a scope.
    #[cfg(feature = "sqlite")]
    pub(super) fn add(&self, scope: ScopeDigest, more: Usage) {
        let counters = self.counters(scope);
        counters.keys.fetch_add(more.keys, Ordering::Relaxed);
        counters.bytes.fetch_add(more.bytes, Ordering::Relaxed);
    }

    fn counters(&self, scope: ScopeDigest) -> Arc<Counters> {
        if let Some(counters) =
            self.scopes.read().unwrap_or_else(PoisonError::into_inner).get(&scope)
        {
            return Arc::clone(counters);
        }
        let mut scopes = self.scopes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(scopes.entry(scope).or_default())
    }
}
