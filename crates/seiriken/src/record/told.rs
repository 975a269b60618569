//! What the callers of the transition function are told.

use std::time::Duration;

use super::{RecordedResponse, Token};
use crate::fingerprint::FingerprintKind;

/// What a claim is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// Run the work: the right to do so is yours.
    Granted(Grant),
    /// It is done: this was the answer.
    Completed(RecordedResponse),
    /// The first request is still running.
    InProgress {
        /// When asking again is worth while.
        retry_after: Duration,
    },
    /// The key was used for another request.
    Mismatch {
        /// The kind under which the stored fingerprint was made. When it is not the kind of the
        /// claim, compare again under this one before believing the mismatch.
        recorded: FingerprintKind,
    },
    /// The key was used by somebody else.
    CredentialChanged,
    /// The owner vanished, and nobody knows whether the effect happened.
    Indeterminate,
    /// The key is older than answers are kept, and nothing is known of it any more: it may have
    /// been used.
    KeyExpired,
    /// The key is dated in the future, further than clocks may disagree.
    KeyFromFuture,
    /// As much is kept for the scope as may be.
    QuotaExceeded,
}

/// The right to run an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Names this execution in every later call.
    pub token: Token,
    /// How many executions of this operation have been started, this one included.
    pub executions: u32,
    /// How it was come by.
    pub how: Granted,
}

/// How a grant was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// The key was not in use.
    First,
    /// The same attempt had it already: its first acknowledgement was lost.
    Yours,
    /// From an owner whose lease had passed.
    TakenOver,
}

/// What a renewal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewOutcome {
    /// The lease runs anew.
    Renewed,
    /// The execution is no longer this owner's to renew.
    Lost,
}

/// What a completion is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// The answer stands; also when the same answer stood already.
    Recorded,
    /// Somebody else's answer stands, or none: this one was not recorded. `Some` is the answer
    /// that stands.
    Stale(Option<RecordedResponse>),
}

/// What a release is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The key is free.
    Freed,
    /// The next claim of the same request may run it again, at once.
    LeaseEnded,
    /// The key is indeterminate.
    Indeterminate,
    /// The execution is no longer this owner's; nothing changed.
    Stale,
}
