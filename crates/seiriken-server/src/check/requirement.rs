//! What is asked of an endpoint, requirement by requirement.
//!
//! The ids are stable: whoever reads a report by program depends on them.

/// One requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requirement {
    KeyMissing,
    Replay,
    Fidelity,
    ReplayMarker,
    KeyInvalid,
    KeySpelling,
    Reuse,
    Concurrent,
    Storm,
    CredentialLeak,
    Disconnect,
    ValidationFree,
    ProblemDetails,
    PolicyPublished,
    Expiry,
    Restart,
}

use Requirement::{
    Concurrent, CredentialLeak, Disconnect, Expiry, Fidelity, KeyInvalid, KeyMissing, KeySpelling,
    PolicyPublished, ProblemDetails, Replay, ReplayMarker, Restart, Reuse, Storm, ValidationFree,
};

impl Requirement {
    /// In the order in which they are looked at: what others need comes first.
    pub(super) const ALL: [Self; 16] = [
        KeyMissing,
        Replay,
        Fidelity,
        ReplayMarker,
        KeyInvalid,
        KeySpelling,
        Reuse,
        Concurrent,
        Storm,
        CredentialLeak,
        Disconnect,
        ValidationFree,
        ProblemDetails,
        PolicyPublished,
        Expiry,
        Restart,
    ];

    /// Its stable name.
    pub(super) fn id(self) -> &'static str {
        match self {
            KeyMissing => "key-missing",
            Replay => "replay",
            Fidelity => "fidelity",
            ReplayMarker => "replay-marker",
            KeyInvalid => "key-invalid",
            KeySpelling => "key-spelling",
            Reuse => "reuse",
            Concurrent => "concurrent",
            Storm => "storm",
            CredentialLeak => "credential-leak",
            Disconnect => "disconnect",
            ValidationFree => "validation-free",
            ProblemDetails => "problem-details",
            PolicyPublished => "policy-published",
            Expiry => "expiry",
            Restart => "restart",
        }
    }

    /// Where draft-ietf-httpapi-idempotency-key-header-07 speaks of it.
    pub(super) fn section(self) -> &'static str {
        match self {
            KeyInvalid | KeySpelling => "2.1",
            Expiry => "2.3",
            PolicyPublished => "2.5",
            Replay | Fidelity | Concurrent | Storm | Disconnect | Restart => "2.6",
            KeyMissing | Reuse | ValidationFree | ProblemDetails => "2.7",
            CredentialLeak => "Security Considerations",
            // What the draft leaves open, and a client needs to tell an answer from a refusal.
            ReplayMarker => "none",
        }
    }

    /// Without these it cannot be judged, or would only repeat their verdict.
    pub(super) fn needs(self) -> &'static [Self] {
        match self {
            KeyMissing | Replay | ProblemDetails | PolicyPublished => &[],
            // A retry meets the first request at work, too.
            Storm | Disconnect => &[Replay, Concurrent],
            _ => &[Replay],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first() {
        for (place, requirement) in Requirement::ALL.iter().enumerate() {
            for needed in requirement.needs() {
                let before = Requirement::ALL.iter().position(|other| other == needed);
                assert!(before.is_some_and(|before| before < place), "{requirement:?}");
            }
        }
    }
}
