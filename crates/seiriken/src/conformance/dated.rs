//! Keys that say their age: what is forgotten is never taken for new.

use std::time::Duration;

use super::harness::{Harness, Restarts, Stop};
use super::trial::{Trial, answer};
use crate::clock::Timestamp;
use crate::dated_key::KeyDate;
use crate::record::transition::{Claim, ClaimOutcome};
use crate::record::{EffectClass, Retention};
use crate::store::Store;

/// A claim of a key that was made at that time.
fn ask<S: Store>(trial: &Trial<S>, class: EffectClass, minted: Timestamp) -> Claim {
    Claim { date: Some(KeyDate { minted, expires_at: None }), ..trial.ask(class) }
}

fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(time.as_millis().saturating_sub(by))
}

/// From the end of the retention on nobody can know whether it was used: an answer to it may have
/// been forgotten.
pub async fn a_key_older_than_the_retention_is_expired<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let minted = trial.time.dated();
    let class = harness.classes()[0];
    for (pause, ended) in trial.time.around(trial.time.retention().answers) {
        let waited = trial.time.dated().since(minted);
        trial.time.pass(pause.saturating_sub(waited)).await;
        let told = trial.claim(trial.key(), ask(&trial, class, minted)).await;
        match (ended, &told) {
            (false, ClaimOutcome::Granted(_)) | (true, ClaimOutcome::KeyExpired) => {}
            _ => panic!("{pause:?} after it was made: {told:?}"),
        }
    }
}

/// A key that ends by itself ends then, also within the retention.
pub async fn a_key_past_its_own_end_is_expired<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let class = harness.classes()[0];
    let minted = trial.time.dated();
    let claim = |expires_at| Claim {
        date: Some(KeyDate { minted, expires_at: Some(expires_at) }),
        ..trial.ask(class)
    };
    let told = trial.claim(trial.key(), claim(minted)).await;
    assert_eq!(told, ClaimOutcome::KeyExpired, "its end has come");
    let end = minted.after(trial.time.retention().answers);
    let told = trial.claim(trial.key(), claim(end)).await;
    assert!(matches!(told, ClaimOutcome::Granted(_)), "its end is to come: {told:?}");
}

/// Dated further ahead than clocks may disagree, it would outlive every answer to it.
pub async fn a_key_from_the_future_is_refused<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let class = harness.classes()[0];
    let retention = trial.time.retention();
    let ahead = trial.time.dated().after(retention.skew);
    let told = trial.claim(trial.key(), ask(&trial, class, ahead)).await;
    assert!(matches!(told, ClaimOutcome::Granted(_)), "as far as clocks may disagree: {told:?}");
    let too_far = trial.time.dated().after(retention.skew * 2);
    let told = trial.claim(trial.key(), ask(&trial, class, too_far)).await;
    assert_eq!(told, ClaimOutcome::KeyFromFuture);
}

/// The answer outlives the age at which its key is refused, also where the key was dated ahead.
pub async fn an_answer_outlives_the_age_of_its_key<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let class = harness.classes()[0];
    let retention = trial.time.retention();
    let id = trial.key();
    let minted = trial.time.dated().after(retention.skew);
    let token = trial.granted(id, ask(&trial, class, minted)).await.token;
    trial.complete(id, token, &answer("kept")).await;
    // The record ends with minted + retention + skew.
    for (pause, ended) in trial.time.around(retention.answers + retention.skew * 2) {
        let waited = trial.time.dated().since(earlier(minted, retention.skew));
        trial.time.pass(pause.saturating_sub(waited)).await;
        let told = trial.claim(id, ask(&trial, class, minted)).await;
        match (ended, &told) {
            (false, ClaimOutcome::Completed(kept)) => assert_eq!(*kept, answer("kept")),
            (true, ClaimOutcome::KeyExpired) => {}
            _ => panic!("{pause:?} after it was answered: {told:?}"),
        }
    }
}

/// Also when answers are kept for longer from now on: this one is forgotten, and that stays so.
pub async fn a_forgotten_key_stays_expired_when_the_retention_grows<H: Harness>(harness: &H) {
    for restart in [None, Some(Stop::Clean), Some(Stop::Killed)] {
        let trial = Trial::begin(harness).await;
        let class = harness.classes()[0];
        let retention = trial.time.retention();
        let (id, minted) = (trial.key(), trial.time.dated());
        let token = trial.granted(id, ask(&trial, class, minted)).await.token;
        trial.complete(id, token, &answer("once")).await;
        let pauses = trial.time.around(retention.answers + retention.skew);
        trial.time.pass(pauses[pauses.len() - 1].0).await;
        let trial = match restart {
            None => trial,
            Some(stop) => trial.restarted(harness, stop).await,
        };
        let longer = Retention { answers: retention.answers * 10, ..retention };
        for _ in 0..2 {
            let claim = Claim { retention: longer, ..ask(&trial, class, minted) };
            assert_eq!(trial.claim(id, claim).await, ClaimOutcome::KeyExpired, "{restart:?}");
        }
    }
}

/// A store that a restart empties has forgotten everything from before it.
pub async fn a_restart_forgets_no_dated_key<H: Harness>(harness: &H) {
    for stop in [Stop::Clean, Stop::Killed] {
        let trial = Trial::begin(harness).await;
        let class = harness.classes()[0];
        let (id, minted) = (trial.key(), trial.time.dated());
        let token = trial.granted(id, ask(&trial, class, minted)).await.token;
        trial.complete(id, token, &answer("once")).await;
        trial.time.pass(Duration::from_millis(1)).await;
        let trial = trial.restarted(harness, stop).await;
        let told = trial.claim(id, ask(&trial, class, minted)).await;
        match harness.restarts() {
            Restarts::Forgets => assert_eq!(told, ClaimOutcome::KeyExpired, "{stop:?}"),
            Restarts::Keeps { .. } => {
                assert_eq!(told, ClaimOutcome::Completed(answer("once")), "{stop:?}");
            }
        }
        let made_since = trial.time.dated();
        let told = trial.claim(trial.key(), ask(&trial, class, made_since)).await;
        assert!(matches!(told, ClaimOutcome::Granted(_)), "{stop:?}: a new key: {told:?}");
    }
}
