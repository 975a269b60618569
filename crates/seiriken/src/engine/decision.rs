//! How work ends, and what its caller is told.

use std::time::Duration;

use crate::record::RecordedResponse;

/// How the work ended, in its own words. `T` goes to the first caller alone and is never stored.
#[derive(Debug)]
pub enum Ending<T> {
    /// With this answer, which is to be recorded.
    Answered(RecordedResponse, T),
    /// Without any effect: nothing is recorded, the key is free.
    NotProcessed(T),
    /// It cannot say whether there was an effect (a timeout inside, an answer cut short).
    Unknown(T),
}

/// What a caller is told.
#[derive(Debug)]
pub enum Decision<T> {
    /// The work ran now, and its answer is recorded.
    Executed {
        /// The answer, as every retry will get it.
        response: RecordedResponse,
        /// What goes to this caller alone, if the work came as far as saying it.
        beside: Option<T>,
    },
    /// The work ran earlier; this was the answer.
    Replayed(RecordedResponse),
    /// The work ran now, without an answer to record.
    NotRecorded {
        /// What goes to this caller.
        beside: T,
        /// Whether the key is free: it is known that nothing of this operation took effect, in
        /// this execution or an earlier one.
        freed: bool,
    },
    /// The work panicked, where running it again is safe.
    Panicked {
        /// As in [`Decision::NotRecorded`].
        freed: bool,
    },
    /// The first request is still running.
    InProgress {
        /// When asking again is worth while.
        retry_after: Duration,
    },
    /// The key is older than answers are kept, and nothing is known of it any more.
    KeyExpired,
    /// The key is dated in the future, further than clocks may disagree.
    KeyFromFuture,
    /// As much is kept for the scope as may be. Nothing happened.
    QuotaExceeded,
    /// The key was used for another request.
    Mismatch,
    /// The key was used by somebody else.
    CredentialChanged,
    /// Nobody knows whether the effect happened. Asking again does not help.
    Indeterminate,
    /// Whether an answer stands, and which, cannot be said yet: it is made and not durable, its
    /// commit is in doubt, or a later owner has taken over. Asking again helps.
    Pending,
    /// The store could not be asked, or could not commit. Nothing happened.
    StoreUnavailable,
}

impl<T> Decision<T> {
    /// Whether nothing ran now, and no answer is given.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Executed { .. }
            | Self::Replayed(_)
            | Self::NotRecorded { .. }
            | Self::Panicked { .. }
            | Self::Indeterminate
            | Self::Pending => false,
            Self::InProgress { .. }
            | Self::KeyExpired
            | Self::KeyFromFuture
            | Self::QuotaExceeded
            | Self::Mismatch
            | Self::CredentialChanged
            | Self::StoreUnavailable => true,
        }
    }

    /// Its name in traces and metrics: lower case, words joined by `-`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Executed { .. } => "executed",
            Self::Replayed(_) => "replayed",
            Self::NotRecorded { .. } => "not-recorded",
            Self::Panicked { .. } => "panicked",
            Self::InProgress { .. } => "in-progress",
            Self::KeyExpired => "key-expired",
            Self::KeyFromFuture => "key-from-future",
            Self::QuotaExceeded => "quota-exceeded",
            Self::Mismatch => "mismatch",
            Self::CredentialChanged => "credential-changed",
            Self::Indeterminate => "indeterminate",
            Self::Pending => "pending",
            Self::StoreUnavailable => "store-unavailable",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_ran_nothing_and_gives_no_answer() {
        let response = || RecordedResponse::of_work(b"done");
        let refusals: [Decision<()>; 7] = [
            Decision::InProgress { retry_after: Duration::from_secs(1) },
            Decision::KeyExpired,
            Decision::KeyFromFuture,
            Decision::QuotaExceeded,
            Decision::Mismatch,
            Decision::CredentialChanged,
            Decision::StoreUnavailable,
        ];
        for decision in refusals {
            assert!(decision.is_refusal(), "{}", decision.name());
        }
        let others: [Decision<()>; 4] = [
            Decision::Executed { response: response(), beside: None },
            Decision::Replayed(response()),
            Decision::Indeterminate,
            Decision::Pending,
        ];
        for decision in others {
            assert!(!decision.is_refusal(), "{}", decision.name());
        }
    }
}
