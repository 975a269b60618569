//! What the verbs of the transition function are asked.

use std::time::Duration;

use super::{AttemptId, EffectClass, Retention, Token};
use crate::clock::Timestamp;
use crate::dated_key::KeyDate;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::policy::Quota;
use crate::scope::ScopeDigest;

/// A request for the exclusive right to run an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Made by the caller, once per request that it handles.
    pub attempt: AttemptId,
    /// Whose request it is.
    pub identity: IdentityDigest,
    /// Which request it is.
    pub fingerprint: Fingerprint,
    /// For whom it is counted.
    pub scope: ScopeDigest,
    /// What the key says about its age, where that is asked.
    pub date: Option<KeyDate>,
    /// What may happen should this owner vanish.
    pub class: EffectClass,
    /// How long the owner is believed to be alive without a renewal.
    pub lease: Duration,
    /// How long the answer is to be kept.
    pub retention: Retention,
    /// How much may be kept for the scope.
    pub quota: Quota,
}

/// What a store brings to a claim beside the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings {
    /// The time by the store's clock.
    pub now: Timestamp,
    /// The token to give out if it comes to that.
    pub fresh: Token,
    /// Keys made before this moment may have been used and forgotten since
    /// ([`Record::forgets_through`](super::Record::forgets_through) of every record that was ever removed for its age; for a
    /// store that a restart empties, its start).
    pub swept_through: Timestamp,
    /// What is kept for the claim's scope.
    pub used: Usage,
}

/// How much is kept for a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Keys that are not swept yet.
    pub keys: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

impl Surroundings {
    /// Of a store that has forgotten nothing and keeps nothing else.
    pub fn new(fresh: Token, now: Timestamp) -> Self {
        Self { now, fresh, swept_through: Timestamp::ZERO, used: Usage::default() }
    }
}

/// How an execution ended that has no answer to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With proof that there was no effect.
    WithoutEffect,
    /// The owner cannot say whether there was one.
    EffectUnknown,
}
