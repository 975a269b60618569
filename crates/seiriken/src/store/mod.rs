//! The store contract: four verbs on key records, each atomic.
//!
//! # Contract
//!
//! - Every verb is atomic for one [`RecordId`]: of any number of concurrent claims of an absent
//!   key exactly one is granted, and what every verb answers is what one order of all of them
//!   would have answered. The verbs do what [`crate::record::transition`] says; a store either
//!   calls it or is held to it by the conformance suite (feature `conformance`).
//! - Time is the store's own clock, one for all nodes that share the store.
//! - What it forgets it remembers to have forgotten: a key that says its age and was made before
//!   `swept_through` ([`Surroundings`](crate::record::transition::Surroundings)) is expired, never
//!   new. A store that a restart empties counts its start as that.
//! - What an `Ok` answer reports is as durable as the store ever makes it. A process that dies
//!   right after has lost nothing of it.
//! - A record that exists and cannot be read is an error ([`StoreError::Corrupt`]), never absent.
//! - A verb's future may be dropped at any point by its caller; the verb is then either not
//!   applied or applied in whole, never half.
//!
//! Sweeping is a trait of its own ([`Sweep`]), and so is what a person does with records ([`Operate`]):
//! the engine never needs either.

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "sqlite")]
pub mod sqlite;

#[cfg(feature = "faults")]
mod faulty;
mod memory;
mod operate;
mod sweep;
mod swept_through;
mod usage;

use std::error::Error;
use std::time::Duration;

#[cfg(feature = "faults")]
pub use faulty::{Fault, FaultKind, FaultyStore, Verb};
pub use memory::MemoryStore;
pub use operate::{Cursor, Filter, IdPrefix, InvalidIdPrefix, Listed, Operate, Page, Standing};
pub use sweep::{Sweep, Swept, keep_swept};

use crate::issuing::IssuingSecrets;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use crate::record::{EffectClass, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::secret::StoreSecret;

/// Where key records live.
pub trait Store: Send + Sync + 'static {
    /// The secret that digests are made with: random, made when the store was first opened, the
    /// same for all nodes and, where records survive a restart, after it.
    fn secret(&self) -> &StoreSecret;

    /// What the keys that this service issues are signed with: kept like the secret, and rotated
    /// apart from it. A store that rotates none answers
    /// [`IssuingSecrets::derived_from`](crate::IssuingSecrets::derived_from) its secret.
    fn issuing_secrets(&self) -> &IssuingSecrets;

    /// Whether effects of this class are safe with this store. The engine refuses to be built
    /// for a class that the store does not carry.
    fn carries(&self, class: EffectClass) -> bool;

    /// Whether it counts what is kept for a scope, so that a [`Quota`](crate::Quota) can be kept.
    /// The engine refuses to be built with a quota on a store that does not.
    fn keeps_quotas(&self) -> bool;

    /// What becomes of what it has acknowledged when it fails, in sentences for people, as it is
    /// known now. The policy page has them; a store that answers `None` leaves them out.
    fn promise(&self) -> Option<String> {
        None
    }

    /// Asks for the right to run the operation.
    ///
    /// Guarantee: of all claims of one key, one at a time holds a grant for a given token; a claim
    /// that repeats an attempt which holds the grant is granted again with the same token.
    ///
    /// On an error that [may have been applied](StoreError::may_have_been_applied), ask again
    /// with the same claim: the attempt in it makes that safe.
    fn claim(
        &self,
        id: RecordId,
        claim: Claim,
    ) -> impl Future<Output = Result<ClaimOutcome, StoreError>> + Send;

    /// Lets the lease of an execution run anew from now.
    ///
    /// Guarantee: a lease that is renewed in time is never taken over.
    fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<RenewOutcome, StoreError>> + Send;

    /// Records the answer of an execution.
    ///
    /// Guarantee: takes effect only while `token` is the record's token, however late; once
    /// [`CompleteOutcome::Recorded`] is answered, every claim of the same request is answered
    /// with exactly this until it expires. Recording the same answer twice is recording it once.
    fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> impl Future<Output = Result<CompleteOutcome, StoreError>> + Send;

    /// Ends an execution that has no answer to record.
    ///
    /// Guarantee: takes effect only while `token` is the record's token and it is in progress;
    /// frees the key only where [`Ended::WithoutEffect`] (or the class) proves that there was no
    /// effect of any owner.
    fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> impl Future<Output = Result<ReleaseOutcome, StoreError>> + Send;
}

/// A store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It was certainly not applied.
    #[error("the {store} store did not apply it")]
    NotApplied {
        /// Which store.
        store: &'static str,
        /// What it met.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It may have been applied, or be applied later.
    #[error("the {store} store cannot say whether it was applied")]
    InDoubt {
        /// Which store.
        store: &'static str,
        /// What it met.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It has not been answered for so long, and is no longer waited for. It may have been applied,
    /// or be applied later.
    #[error("the store has not answered within {within:?}")]
    NoAnswer {
        /// How long it was waited for.
        within: Duration,
    },
    /// The record is there and cannot be read.
    #[error("the {store} store holds a record that cannot be read")]
    Corrupt {
        /// Which store.
        store: &'static str,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the verb may have been applied after all.
    pub fn may_have_been_applied(&self) -> bool {
        matches!(self, Self::InDoubt { .. } | Self::NoAnswer { .. })
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for std::sync::Arc<S> {
    fn secret(&self) -> &StoreSecret {
        S::secret(self)
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        S::issuing_secrets(self)
    }

    fn carries(&self, class: EffectClass) -> bool {
        S::carries(self, class)
    }

    fn keeps_quotas(&self) -> bool {
        S::keeps_quotas(self)
    }

    fn promise(&self) -> Option<String> {
        S::promise(self)
    }

    fn claim(
        &self,
        id: RecordId,
        claim: Claim,
    ) -> impl Future<Output = Result<ClaimOutcome, StoreError>> + Send {
        S::claim(self, id, claim)
    }

    fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<RenewOutcome, StoreError>> + Send {
        S::renew(self, id, token, lease)
    }

    fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> impl Future<Output = Result<CompleteOutcome, StoreError>> + Send {
        S::complete(self, id, token, response)
    }

    fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> impl Future<Output = Result<ReleaseOutcome, StoreError>> + Send {
        S::release(self, id, token, ended)
    }
}
