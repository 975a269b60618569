//! Mistakes planted into the shipped code: the calls at fault on memory find them. A checker that finds
//! nothing there would have shown nothing elsewhere.
//!
//! They find what the scripts come to. Nobody here asks under a forgotten key, renews somebody else's
//! lease, deletes what runs or claims in the middle of a claim; and who waits looks again by themselves.
//! Mistakes about that are left to the histories and the model.

use std::panic::{AssertUnwindSafe, catch_unwind};

use seiriken::planted::{Mistake, plant};

use super::bench;
use super::calls::Stage;
use super::front::FrontKind;
use super::scenario::Scenario;
use super::share::Share;
use super::tally::Tally;

/// Those that can be found.
pub(super) const MISTAKES: &[Mistake] = &[
    Mistake::CompletesWithoutTheToken,
    Mistake::ReleasesWithoutTheToken,
    Mistake::TakesOverOpaqueWork,
    Mistake::TakesOverWhoIsAlive,
    Mistake::FreesAfterATakeover,
    Mistake::FreesWhatIsUnknown,
    Mistake::RunsUnknownOutcomesAgain,
    Mistake::IgnoresTheRequest,
    Mistake::IgnoresTheCaller,
    Mistake::SweepsRunningWork,
    Mistake::MistakesTheUnitOfTheRetention,
    Mistake::TellsAClaimToWaitForItself,
    Mistake::RefusesLateAnswers,
    Mistake::RepeatsTokens,
    Mistake::DropsTheWorkWithItsCaller,
    Mistake::FreesTheKeyWhenItsCallerGoes,
    Mistake::RepliesBeforeTheRecord,
    Mistake::FreesWhatCannotBeRecorded,
    Mistake::TellsWhatIsNotRecorded,
    Mistake::GivesUpRecording,
    Mistake::TellsAStaleAnswer,
    Mistake::NeverRenews,
    Mistake::RenewsWhatHasEnded,
    Mistake::RepeatsAClaimAsAnother,
    Mistake::RunsWithoutTheStore,
    Mistake::WaitsForTheStoreForEver,
    Mistake::ResolvesWithoutTheToken,
    Mistake::ResolvesOverAnAnswer,
    Mistake::DeletesWithoutTheToken,
];

/// Looks for each of them.
pub(super) fn are_found(tally: &mut Tally) {
    for &mistake in MISTAKES {
        plant(Some(mistake));
        // A promise that breaks an assertion first is broken as well.
        let found = catch_unwind(AssertUnwindSafe(first_breach))
            .unwrap_or_else(|_| Some("a panic".to_owned()));
        plant(None);
        match found {
            Some(breach) => {
                eprintln!("| `{mistake:?}` | {breach} |");
                tally.mistakes += 1;
            }
            None => tally.find(format!("{mistake:?} was planted, and not found")),
        }
    }
}

/// Plays the scenarios with every call at fault, up to the first that breaks a promise.
fn first_breach() -> Option<String> {
    let bench = bench::memory();
    let mut tally = Tally::default();
    for scenario in Scenario::all() {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            let stage = Stage { bench: &bench, front, scenario };
            stage.every_point(&mut Share::all(), &mut tally);
            if let Some(breach) = tally.first_finding() {
                return Some(breach.to_owned());
            }
        }
    }
    None
}
