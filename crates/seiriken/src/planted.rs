//! Mistakes that can be planted into this crate, to see that the evidence would find them.
//!
//! They exist in builds with `--cfg seiriken_proof` alone, which `cargo xtask prove` makes; in any
//! other build [`planted`] is the constant `false`.

/// A mistake. Each is one that somebody has made, or that a guard of this crate is there against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(seiriken_proof),
    expect(unreachable_pub, dead_code, reason = "public where it can be planted")
)]
pub enum Mistake {
    /// An answer is recorded without comparing the token.
    CompletesWithoutTheToken,
    /// An execution is released without comparing the token.
    ReleasesWithoutTheToken,
    /// A lease is renewed without comparing the token.
    RenewsWithoutTheToken,
    /// Work whose effect cannot be repeated is run again once its owner's lease is over.
    TakesOverOpaqueWork,
    /// The lease of an owner that is alive is not looked at.
    TakesOverWhoIsAlive,
    /// "No effect" of a later owner frees the key, whatever the earlier one did.
    FreesAfterATakeover,
    /// An end that says nothing of the effect frees the key.
    FreesWhatIsUnknown,
    /// An unknown outcome is run again.
    RunsUnknownOutcomesAgain,
    /// Another request under the same key gets the first one's answer.
    IgnoresTheRequest,
    /// Another caller gets the first one's answer.
    IgnoresTheCaller,
    /// The sweeper removes what is still running.
    SweepsRunningWork,
    /// Seconds of the retention are taken for milliseconds.
    MistakesTheUnitOfTheRetention,
    /// A key that was used and forgotten counts as new.
    RunsForgottenKeys,
    /// The acknowledgement of a claim was lost, and its repetition is told to wait for itself.
    TellsAClaimToWaitForItself,
    /// A late owner's answer is refused although nobody has taken over.
    RefusesLateAnswers,
    /// A claim reads, and then writes.
    ClaimsInTwoSteps,
    /// A token is given out again.
    RepeatsTokens,
    /// The sweeper does not say how far it has forgotten.
    ForgetsThatItForgot,
    /// The work is dropped with its caller.
    DropsTheWorkWithItsCaller,
    /// The work is dropped with its caller, and a guard frees the key.
    FreesTheKeyWhenItsCallerGoes,
    /// The answer goes out before it is recorded.
    RepliesBeforeTheRecord,
    /// The key is freed when its answer cannot be recorded.
    FreesWhatCannotBeRecorded,
    /// Success is told although the answer could not be recorded.
    TellsWhatIsNotRecorded,
    /// An answer that could not be recorded at once is given up.
    GivesUpRecording,
    /// An owner that was overtaken tells its own answer.
    TellsAStaleAnswer,
    /// The lease is not renewed while the work runs.
    NeverRenews,
    /// The lease is renewed after the work has ended.
    RenewsWhatHasEnded,
    /// A claim that is repeated is another attempt's.
    RepeatsAClaimAsAnother,
    /// The work runs when the store cannot be asked.
    RunsWithoutTheStore,
    /// Whoever waits is told of no end.
    WakesNobody,
    /// A call that the store never answers is waited for.
    WaitsForTheStoreForEver,
    /// A person settles whatever stands under the key, also another execution than they saw.
    ResolvesWithoutTheToken,
    /// A person says that it was done, and the answer that its owner gave meanwhile is replaced.
    ResolvesOverAnAnswer,
    /// A person deletes whatever stands under the key, also another execution than they saw.
    DeletesWithoutTheToken,
    /// A person takes what runs from its owner.
    DeletesRunningWork,
    /// One history in a hundred is said to be broken, and nothing is.
    Canary,
}

#[cfg(seiriken_proof)]
impl Mistake {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::CompletesWithoutTheToken,
        Self::ReleasesWithoutTheToken,
        Self::RenewsWithoutTheToken,
        Self::TakesOverOpaqueWork,
        Self::TakesOverWhoIsAlive,
        Self::FreesAfterATakeover,
        Self::FreesWhatIsUnknown,
        Self::RunsUnknownOutcomesAgain,
        Self::IgnoresTheRequest,
        Self::IgnoresTheCaller,
        Self::SweepsRunningWork,
        Self::MistakesTheUnitOfTheRetention,
        Self::RunsForgottenKeys,
        Self::TellsAClaimToWaitForItself,
        Self::RefusesLateAnswers,
        Self::ClaimsInTwoSteps,
        Self::RepeatsTokens,
        Self::ForgetsThatItForgot,
        Self::DropsTheWorkWithItsCaller,
        Self::FreesTheKeyWhenItsCallerGoes,
        Self::RepliesBeforeTheRecord,
        Self::FreesWhatCannotBeRecorded,
        Self::TellsWhatIsNotRecorded,
        Self::GivesUpRecording,
        Self::TellsAStaleAnswer,
        Self::NeverRenews,
        Self::RenewsWhatHasEnded,
        Self::RepeatsAClaimAsAnother,
        Self::RunsWithoutTheStore,
        Self::WakesNobody,
        Self::WaitsForTheStoreForEver,
        Self::ResolvesWithoutTheToken,
        Self::ResolvesOverAnAnswer,
        Self::DeletesWithoutTheToken,
        Self::DeletesRunningWork,
        Self::Canary,
    ];
}

#[cfg(seiriken_proof)]
mod seeded {
    use std::cell::Cell;

    use super::Mistake;

    thread_local! {
        static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
    }

    /// Plants a mistake into all that runs on this thread from now on, or takes it out.
    pub fn plant(mistake: Option<Mistake>) {
        PLANTED.set(mistake);
    }

    /// Whether a mistake is planted on this thread.
    pub fn planted(mistake: Mistake) -> bool {
        PLANTED.get() == Some(mistake)
    }
}

#[cfg(seiriken_proof)]
pub use seeded::{plant, planted};

#[cfg(not(seiriken_proof))]
pub(crate) const fn planted(_: Mistake) -> bool {
    false
}
