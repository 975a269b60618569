//! The key record: all that is remembered of one operation.
//!
//! ```text
//!              claim                        complete
//!   (absent) ────────▶ InProgress ────────────────────────▶ Completed
//!       ▲                │     │                                ▲
//!       │ release: it is │     │ owner vanished or cannot       │ complete by the late owner,
//!       │ proved that    │     │ say (Opaque)                   │ or resolved by an operator
//!       │ nothing ran    │     ▼                                │
//!       └────────────────┘   Indeterminate ─────────────────────┘
//! ```
//!
//! *Expired* is no state: it is derived from the record's own times. All changes go through
//! [`transition`], which is pure; stores apply what it says.

mod asked;
mod by_a_person;
pub mod codec;
mod invariants;
mod response;
mod told;
pub mod transition;

use std::time::Duration;

pub use response::{Field, Fields, RecordedResponse, ResponseTooLong};

use crate::clock::Timestamp;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::planted::{Mistake, planted};
use crate::scope::ScopeDigest;

/// What may happen to an operation whose owner vanished half-way: it depends on where its effect
/// is written. Stated by whoever builds the layer or the engine, never guessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum EffectClass {
    /// Effect and record commit in one database transaction, and there is no effect outside it.
    /// An owner that vanished left nothing: the work is run again. *Exactly once.*
    Transactional,
    /// Everything downstream deduplicates by our key, or the work is idempotent by nature. The
    /// work is run again after an owner vanished.
    Keyed,
    /// Anything else; the default. After an owner vanished nobody knows whether the effect
    /// happened, so the key becomes [`State::Indeterminate`] and the work never runs again by
    /// itself: at most once.
    #[default]
    Opaque,
}

/// Which execution a record belongs to. It never repeats within a store, also not after the
/// record was deleted, so a late owner can never be taken for its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(u128);

/// A random number that the caller of `claim` makes, one per request that it handles. When the
/// acknowledgement of a claim is lost, asking again with the same attempt answers "yours".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AttemptId(u128);

/// When a key was made, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Minted {
    /// Then: the key says so itself, and that was checked.
    At(Timestamp),
    /// Then or earlier: it has no date, and this is when it was first claimed, and the skew.
    By(Timestamp),
}

/// How long an answer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// From the recording of the answer. The window in which a retry is safe.
    pub answers: Duration,
    /// Added on top, so that clocks that disagree never make a key forgotten early.
    pub skew: Duration,
}

/// An unresolved outcome is kept at least this long: a person has to look at it.
pub const INDETERMINATE_KEPT_MIN: Duration = Duration::from_hours(30 * 24);

/// The key record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The execution it belongs to.
    pub token: Token,
    /// Whose request it was.
    pub identity: IdentityDigest,
    /// Which request it was. Fixed while the record exists.
    pub fingerprint: Fingerprint,
    /// For whom it is counted.
    pub scope: ScopeDigest,
    /// When its key was made.
    pub minted: Minted,
    /// What may happen when its owner vanishes.
    pub class: EffectClass,
    /// How many executions of this operation have been started, 1 for the first.
    pub executions: u32,
    /// Where it stands.
    pub state: State,
}

/// Where a record stands. Each state says how it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Somebody owns the execution. Ends when the owner completes or releases it; or, once
    /// `lease_until` has passed, when the next claim takes it over (Transactional, Keyed) or
    /// finds it indeterminate (Opaque).
    InProgress {
        /// The attempt that claimed it.
        attempt: AttemptId,
        /// When it was claimed.
        claimed_at: Timestamp,
        /// Until when the owner is believed to be alive. Safety does not rest on it.
        lease_until: Timestamp,
        /// How long its answer is to be kept.
        retention: Retention,
    },
    /// Nobody knows whether the effect happened. Ends when the late owner completes after all,
    /// when it is resolved, or when it is forgotten at `forget_at`.
    Indeterminate {
        /// What happened to its owner.
        why: Why,
        /// How long its answer is to be kept, if it comes after all.
        retention: Retention,
        /// When it is forgotten if nobody resolves it.
        forget_at: Timestamp,
    },
    /// The answer stands. Ends at `expires_at`.
    Completed {
        /// The first answer, given to every retry.
        response: RecordedResponse,
        /// When it is forgotten.
        expires_at: Timestamp,
    },
}

/// Why an outcome is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The owner's lease ran out: its process died, or is very late.
    OwnerVanished,
    /// The owner is there and cannot say: a panic, a timeout inside, an answer cut short.
    OwnerCannotSay,
}

// === impl Token, AttemptId ===

impl Token {
    /// A token from the number a store keeps.
    pub const fn from_u128(number: u128) -> Self {
        Self(number)
    }

    /// The number a store keeps.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

impl AttemptId {
    /// A new one from 128 random bits of the caller.
    pub const fn from_random(bits: u128) -> Self {
        Self(bits)
    }

    /// Its bits.
    pub const fn as_u128(self) -> u128 {
        self.0
    }
}

// === impl Retention ===

impl Retention {
    /// When an answer recorded `now` is forgotten. A dated key is refused for its age from its
    /// date on; its answer outlives that, also where the date is ahead of the clock.
    pub fn expiry(&self, minted: Minted, now: Timestamp) -> Timestamp {
        let from = match minted {
            Minted::At(date) => now.max(date),
            Minted::By(_) => now,
        };
        if planted(Mistake::MistakesTheUnitOfTheRetention) {
            return from.after(self.answers / 1_000);
        }
        from.after(self.answers).after(self.skew)
    }

    /// When an unresolved outcome found `now` is forgotten.
    pub fn indeterminate_expiry(&self, minted: Minted, now: Timestamp) -> Timestamp {
        self.expiry(minted, now).max(now.after(INDETERMINATE_KEPT_MIN))
    }
}

// === impl Record ===

impl Record {
    /// Whether the record has outlived its use: an expired record counts as absent.
    pub fn expired(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Completed { expires_at, .. } => now >= *expires_at,
            State::Indeterminate { forget_at, .. } => now >= *forget_at,
            // Until then it is kept for the same request alone: its first owner may have done it.
            State::InProgress { claimed_at, lease_until, retention, .. } => {
                self.class == EffectClass::Keyed
                    && now >= *lease_until
                    && now >= retention.expiry(self.minted, *claimed_at)
            }
        }
    }

    /// Once this record is forgotten: keys made before this moment may have been used.
    pub fn forgets_through(&self) -> Timestamp {
        let (Minted::At(made) | Minted::By(made)) = self.minted;
        made.after(Duration::from_millis(1))
    }
}

impl EffectClass {
    /// Of two classes the one that promises less: what a record is that both have worked on.
    #[must_use]
    pub fn weaker(self, other: Self) -> Self {
        match (self, other) {
            (Self::Opaque, _) | (_, Self::Opaque) => Self::Opaque,
            (Self::Keyed, _) | (_, Self::Keyed) => Self::Keyed,
            (Self::Transactional, Self::Transactional) => Self::Transactional,
        }
    }

    /// Whether a claim of class `next` may run the work again once the owner's lease has passed.
    ///
    /// An owner whose effect is deduplicated may have had it: only one who asks the same
    /// downstream again is recognised there. After a deploy that has changed the class, nobody
    /// may.
    pub fn may_be_taken_over_by(self, next: Self) -> bool {
        match self {
            Self::Transactional => true,
            Self::Keyed => next == Self::Keyed,
            Self::Opaque => false,
        }
    }

    /// Whether the work may be run again at all after its owner vanished.
    pub fn may_run_again(self) -> bool {
        match self {
            Self::Transactional | Self::Keyed => true,
            Self::Opaque => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Elsewhere tests go by the constant, whatever it is.
    #[test]
    fn an_unknown_outcome_is_kept_for_thirty_days() {
        assert_eq!(INDETERMINATE_KEPT_MIN.as_secs(), 30 * 24 * 60 * 60);
    }
}
