//! A caller may drop a verb's future at any point: the verb is then not applied, or applied in
//! whole, and asking again is safe.

use std::pin::pin;
use std::task::Poll;

use futures_util::future::poll_fn;

use super::harness::Harness;
use super::trial::{Trial, answer};
use crate::record::EffectClass;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, ReleaseOutcome,
};
use crate::store::Store;

/// The same attempt asks again and is granted; nobody else is in between.
pub async fn a_claim_may_be_dropped_at_any_point<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for polls in 0.. {
            let (id, claim) = (trial.key(), trial.ask(*class));
            let ended = polled(polls, trial.store.claim(id, claim)).await;
            let grant = trial.granted(id, claim).await;
            let how = format!("{class:?}, dropped after {polls} polls: {grant:?}");
            assert!(matches!(grant.how, Granted::First | Granted::Yours), "{how}");
            assert_eq!(grant.executions, 1, "{how}");
            let told = trial.retry(id, *class).await;
            assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{how}, then {told:?}");
            let recorded = trial.complete(id, grant.token, &answer("done")).await;
            assert_eq!(recorded, CompleteOutcome::Recorded, "{how}");
            trial.assert_replayed(id, *class, &answer("done")).await;
            if ended {
                break;
            }
        }
        a_dropped_claim_is_no_takeover_of_its_own(&trial, *class).await;
    }
}

/// A claim that was dropped, and one of another attempt right after it: one of the two holds the
/// key, never both.
async fn a_dropped_claim_is_no_takeover_of_its_own<S: Store>(trial: &Trial<S>, class: EffectClass) {
    for polls in 0.. {
        let (id, dropped): (_, Claim) = (trial.key(), trial.ask(class));
        let ended = polled(polls, trial.store.claim(id, dropped)).await;
        let other = trial.claim(id, trial.ask(class)).await;
        let again = trial.claim(id, dropped).await;
        let granted = |told: &ClaimOutcome| matches!(told, ClaimOutcome::Granted(_));
        assert!(
            granted(&other) != granted(&again),
            "{class:?}, dropped after {polls} polls: the other was told {other:?}, it {again:?}"
        );
        if ended {
            break;
        }
    }
}

/// Completing again with the same answer records it.
pub async fn a_completion_may_be_dropped_at_any_point<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for polls in 0.. {
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            let completing = trial.store.complete(id, token, answer("done"));
            let ended = polled(polls, completing).await;
            let told = trial.retry(id, *class).await;
            assert!(
                matches!(told, ClaimOutcome::InProgress { .. })
                    || told == ClaimOutcome::Completed(answer("done")),
                "{class:?}, dropped after {polls} polls: {told:?}"
            );
            let recorded = trial.complete(id, token, &answer("done")).await;
            assert_eq!(recorded, CompleteOutcome::Recorded, "{class:?}, after {polls} polls");
            trial.assert_replayed(id, *class, &answer("done")).await;
            if ended {
                break;
            }
        }
    }
}

/// Releasing again finds it released or releases it.
pub async fn a_release_may_be_dropped_at_any_point<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for polls in 0.. {
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            let releasing = trial.store.release(id, token, Ended::WithoutEffect);
            let ended = polled(polls, releasing).await;
            let told = trial.release(id, token, Ended::WithoutEffect).await;
            assert!(
                matches!(told, ReleaseOutcome::Freed | ReleaseOutcome::Stale),
                "{class:?}, dropped after {polls} polls: {told:?}"
            );
            trial.owner(id, *class).await;
            if ended {
                break;
            }
        }
    }
}

/// Polls a future so many times, whenever it asks to be polled, and drops it. Answers whether it
/// had come to its end by then.
async fn polled<F: Future>(times: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            // The next poll is the one that is left out: this is where it is dropped.
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
