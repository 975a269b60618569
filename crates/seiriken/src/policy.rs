//! What is kept, for how long, and what happens to a second request: each default with its reason.

use std::time::Duration;

use crate::fingerprint::InvalidPointer;
use crate::record::transition::Usage;
use crate::record::{EffectClass, Retention};

/// The rules of one engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// What may happen when an owner vanishes half-way. Defaults to [`EffectClass::Opaque`]: the
    /// one that is safe whatever the work does.
    pub class: EffectClass,
    /// How long an owner is believed to be alive without a sign of life. It shows one three
    /// times per lease, so this bounds only how soon the death of a process is noticed. Defaults
    /// to 30 seconds.
    pub lease: Duration,
    /// How long an answer is given again. Defaults to 24 hours, which clients of payment
    /// interfaces expect, and 5 minutes for clocks that disagree.
    pub retention: Retention,
    /// What a second request is told while the first one runs. Defaults to
    /// [`OnConcurrent::Reject`].
    pub on_concurrent: OnConcurrent,
    /// How much may be kept for one scope. Defaults to no limit: what one is depends on the disk.
    pub quota: Quota,
}

/// How much may be kept for one scope at a time. A claim beyond it is refused; nothing is ever
/// forgotten early to make room.
///
/// What counts are the records that stand or are not swept yet. Requests that arrive in the same
/// moment may pass the limit together by as many; answers are counted when they are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    /// So many keys.
    pub keys: Option<u64>,
    /// So many bytes of stored records (answers, and some 150 bytes for each key).
    pub bytes: Option<u64>,
}

impl Quota {
    pub(crate) fn reached(&self, used: &Usage) -> bool {
        self.keys.is_some_and(|keys| used.keys >= keys)
            || self.bytes.is_some_and(|bytes| used.bytes >= bytes)
    }
}

/// What a request is told while the first one with its key is still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnConcurrent {
    /// That it is running: 409, at once.
    #[default]
    Reject,
    /// The answer, as soon as it is there; after this long, as [`OnConcurrent::Reject`].
    Wait(Duration),
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            class: EffectClass::default(),
            lease: Duration::from_secs(30),
            retention: Retention {
                answers: Duration::from_hours(24),
                skew: Duration::from_mins(5),
            },
            on_concurrent: OnConcurrent::default(),
            quota: Quota::default(),
        }
    }
}

impl Policy {
    /// The least lease: below it a busy machine looks dead.
    pub const LEASE_MIN: Duration = Duration::from_millis(100);

    /// Whether the policy can be kept with a store that carries its class, or does not, and keeps
    /// quotas, or does not.
    pub(crate) fn check(&self, carried: bool, keeps_quotas: bool) -> Result<(), PolicyError> {
        if !carried {
            return Err(PolicyError::ClassNotCarried { class: self.class });
        }
        if self.quota != Quota::default() && !keeps_quotas {
            return Err(PolicyError::QuotaNotKept);
        }
        if self.lease < Self::LEASE_MIN {
            return Err(PolicyError::LeaseTooShort { lease: self.lease });
        }
        if self.retention.answers.is_zero() {
            return Err(PolicyError::NoRetention);
        }
        Ok(())
    }
}

/// A policy that cannot be kept. Found when the engine is built, before anything is served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The store cannot make this class of effect safe.
    #[error(
        "this store does not carry effects of class {class:?}; SQLite and PostgreSQL carry all three"
    )]
    ClassNotCarried {
        /// The class that was asked for.
        class: EffectClass,
    },
    /// The store does not count what is kept for a scope.
    #[error("this store keeps no quotas: its records are on several servers")]
    QuotaNotKept,
    /// A lease below [`Policy::LEASE_MIN`].
    #[error("a lease of {lease:?} is too short; at least {:?} is needed", Policy::LEASE_MIN)]
    LeaseTooShort {
        /// The lease that was asked for.
        lease: Duration,
    },
    /// Answers kept for no time at all are no protection.
    #[error("a retention of zero would forget every answer at once")]
    NoRetention,
    /// What is to be ignored of a JSON body is named by no JSON Pointer.
    #[error("a member of JSON bodies cannot be ignored: {0}")]
    IgnoredMember(#[from] InvalidPointer),
}
