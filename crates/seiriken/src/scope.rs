//! Where a key is looked up: the [`Scope`] (a tenant, a group of routes) is part of the key.

use std::fmt;
use std::hash::Hasher;

use crate::key::IdempotencyKey;
use crate::secret::{Purpose, StoreSecret};

/// The room a key is unique in. The same key in two scopes names two operations.
///
/// A scope separates what never meets (tenants, environments). It is *not* the caller's
/// credential: a client that refreshes its token between retries would then run the work twice.
/// Who asks is the identity, which is compared and never part of the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope(Box<str>);

impl Scope {
    /// A scope by its name. The default scope has the empty name.
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a store knows a scope by: a keyed hash of its name, to count what is kept for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScopeDigest([u8; 8]);

impl ScopeDigest {
    /// The digest of `scope` under a store's secret.
    pub fn new(secret: &StoreSecret, scope: &Scope) -> Self {
        let digest = secret.short_digest(Purpose::Scope, &[scope.as_str().as_bytes()]);
        Self(std::array::from_fn(|at| digest[at]))
    }

    /// A digest from the bytes a store keeps.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The bytes a store keeps.
    pub fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// What a store knows an operation by: a keyed hash of (scope, key), so that stored rows never
/// hold a key in clear.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// The id of `key` in `scope` under a store's secret.
    pub fn new(secret: &StoreSecret, scope: &Scope, key: &IdempotencyKey) -> Self {
        let fields = [scope.as_str().as_bytes(), key.as_str().as_bytes()];
        Self(secret.short_digest(Purpose::RecordId, &fields))
    }

    /// An id from the bytes a store keeps.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes a store keeps.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// All its 32 hex digits, as a person names a record for which they have no key.
    pub fn hex(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.0))
    }
}

impl RecordId {
    /// Which of so many shards it belongs to: by another byte than a table is ordered by.
    pub(crate) fn shard_of(&self, shards: usize) -> usize {
        usize::from(self.0[15]) % shards
    }
}

/// The first eight hex digits: enough to follow one operation through a log, of no use to
/// anybody who wants its key.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordId({self})")
    }
}

/// A digest is a hash already: its first eight bytes serve as they are.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    // The length prefix of the array, which is the same for all.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeySyntax;

    #[test]
    fn a_log_shows_eight_digits_of_an_id() {
        let id = RecordId::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap() + 0xA0));
        assert_eq!(id.to_string(), "a0a1a2a3");
        assert_eq!(format!("{id:?}"), "RecordId(a0a1a2a3)");
    }

    /// What is found in them they would all find in one as well, after a longer search.
    #[test]
    fn ids_are_spread_over_shards_and_in_their_tables() {
        use std::collections::HashSet;
        use std::hash::Hash;

        let ids: Vec<_> = (0..=u8::MAX).map(|byte| RecordId::from_bytes([byte; 16])).collect();
        let shards: HashSet<_> = ids.iter().map(|id| id.shard_of(64)).collect();
        assert_eq!(shards, (0..64).collect());
        let hash = |id: &RecordId| {
            let mut hasher = IdHasher::default();
            id.hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(ids.iter().map(hash).collect::<HashSet<_>>().len(), ids.len());
    }

    #[test]
    fn scope_and_key_both_count() {
        let secret = StoreSecret::from_bytes([1; 32]);
        let key = |key: &str| IdempotencyKey::parse(key.as_bytes(), KeySyntax::Lenient).unwrap();
        let id = |scope: &str, name: &str| RecordId::new(&secret, &Scope::new(scope), &key(name));
        assert_eq!(id("tenant", "k"), id("tenant", "k"));
        assert_ne!(id("tenant", "k"), id("other", "k"));
        assert_ne!(id("tenant", "k"), id("tenant", "K"));
        assert_ne!(id("a", "bc"), id("ab", "c"));
    }
}
