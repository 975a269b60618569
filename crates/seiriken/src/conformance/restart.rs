//! What a restart leaves, however the store ended: everything that was acknowledged, or, where the
//! harness says so, nothing.

use std::collections::HashSet;

use super::harness::{Harness, OwnersAfterRestart, Restarts, Stop};
use super::trial::{Trial, answer};
use crate::fingerprint::FingerprintKind;
use crate::record::EffectClass;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, ReleaseOutcome, RenewOutcome,
};
use crate::store::Store;

const STOPS: [Stop; 2] = [Stop::Clean, Stop::Killed];

/// An answer that somebody may have heard is given again.
pub async fn an_answer_survives<H: Harness>(harness: &H) {
    for stop in STOPS {
        for class in harness.classes() {
            let trial = Trial::begin(harness).await;
            let [completed, settled] = [trial.key(), trial.key()];
            let token = trial.owner(completed, *class).await;
            trial.complete(completed, token, &answer("kept")).await;
            if *class == EffectClass::Opaque {
                let token = trial.indeterminate(settled).await;
                trial.complete(settled, token, &answer("kept")).await;
            }
            let trial = trial.restarted(harness, stop).await;
            if harness.restarts() == Restarts::Forgets {
                trial.owner(completed, *class).await;
                continue;
            }
            trial.assert_replayed(completed, *class, &answer("kept")).await;
            let told = trial.complete(completed, token, &answer("kept")).await;
            assert_eq!(told, CompleteOutcome::Recorded, "{class:?}, {stop:?}: the same again");
            let told = trial.complete(completed, token, &answer("other")).await;
            assert_eq!(told, CompleteOutcome::Stale(Some(answer("kept"))), "{class:?}, {stop:?}");
            if *class == EffectClass::Opaque {
                trial.assert_replayed(settled, *class, &answer("kept")).await;
            }
        }
    }
}

/// Where owners end with their store, nobody waits for their leases: what is safe to run again is
/// run again, and the rest is indeterminate. Where they may be alive, their leases go on.
pub async fn a_running_execution_is_settled_by_its_class<H: Harness>(harness: &H) {
    for stop in STOPS {
        for class in harness.classes() {
            let trial = Trial::begin(harness).await;
            let id = trial.key();
            let before = trial.owner(id, *class).await;
            let trial = trial.restarted(harness, stop).await;
            match harness.restarts() {
                Restarts::Forgets => {
                    trial.owner(id, *class).await;
                    continue;
                }
                Restarts::Keeps { owners: OwnersAfterRestart::Gone } => {}
                // Nothing of it had happened: it may have been written nowhere.
                Restarts::Keeps { owners: OwnersAfterRestart::MayLive }
                    if *class == EffectClass::Transactional => {}
                Restarts::Keeps { owners: OwnersAfterRestart::MayLive } => {
                    let told = trial.retry(id, *class).await;
                    let running = matches!(told, ClaimOutcome::InProgress { .. });
                    assert!(running, "{class:?}, {stop:?}: {told:?}");
                    let renewed = trial.renew(id, before, trial.time.lease()).await;
                    assert_eq!(renewed, RenewOutcome::Renewed, "{class:?}, {stop:?}");
                    trial.leases_end().await;
                }
            }
            let other = trial.request(FingerprintKind::Bytes, b"[2]");
            let other = trial.claim(id, Claim { fingerprint: other, ..trial.ask(*class) }).await;
            let mismatch = ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes };
            match class {
                EffectClass::Opaque => {
                    assert_eq!(other, mismatch, "{stop:?}");
                    let told = trial.retry(id, *class).await;
                    assert_eq!(told, ClaimOutcome::Indeterminate, "{stop:?}");
                }
                EffectClass::Keyed => {
                    assert_eq!(other, mismatch, "{stop:?}");
                    let grant = trial.granted(id, trial.ask(*class)).await;
                    assert_eq!((grant.how, grant.executions), (Granted::TakenOver, 2), "{stop:?}");
                }
                // Nothing of it had happened: whether a trace is left is the store's business.
                EffectClass::Transactional => {
                    let granted = matches!(other, ClaimOutcome::Granted(_));
                    assert!(granted || other == mismatch, "{stop:?}: {other:?}");
                    if !granted {
                        trial.leases_end().await;
                        trial.granted(id, trial.ask(*class)).await;
                    }
                }
            }
        }
    }
}

/// What nobody knows is still not known.
pub async fn an_unknown_outcome_survives<H: Harness>(harness: &H) {
    if !harness.classes().contains(&EffectClass::Opaque) {
        return;
    }
    for stop in STOPS {
        let trial = Trial::begin(harness).await;
        let id = trial.key();
        let token = trial.indeterminate(id).await;
        let trial = trial.restarted(harness, stop).await;
        if harness.restarts() == Restarts::Forgets {
            trial.owner(id, EffectClass::Opaque).await;
            continue;
        }
        for _ in 0..2 {
            let told = trial.retry(id, EffectClass::Opaque).await;
            assert_eq!(told, ClaimOutcome::Indeterminate, "{stop:?}");
        }
        let told = trial.complete(id, token, &answer("after all")).await;
        assert_eq!(told, CompleteOutcome::Recorded, "{stop:?}: its owner may still know");
    }
}

/// With another secret every digest would be another, and every key new.
pub async fn the_secret_survives<H: Harness>(harness: &H) {
    for stop in STOPS {
        let store = harness.fresh().await;
        let before = *store.secret().as_bytes();
        let store = harness.restart(store, stop).await;
        let kept = *store.secret().as_bytes() == before;
        assert_eq!(kept, harness.restarts() != Restarts::Forgets, "{stop:?}");
    }
}

/// Also not when its row was deleted before.
pub async fn a_token_is_not_given_out_again<H: Harness>(harness: &H) {
    if harness.restarts() == Restarts::Forgets {
        // The owners of before are gone with everything else: nobody holds an old token.
        return;
    }
    for stop in STOPS {
        let mut trial = Trial::begin(harness).await;
        let mut tokens = HashSet::new();
        for round in 0..3 {
            for class in harness.classes() {
                let id = trial.key();
                for _ in 0..2 {
                    let token = trial.owner(id, *class).await;
                    assert!(tokens.insert(token), "{class:?}, {stop:?}, restart {round}");
                    let released = trial.release(id, token, Ended::WithoutEffect).await;
                    assert_eq!(released, ReleaseOutcome::Freed, "{class:?}");
                }
            }
            trial = trial.restarted(harness, stop).await;
        }
    }
}

/// An owner that outlived its store, and was overtaken.
pub async fn an_owner_from_before_changes_nothing_of_its_successor<H: Harness>(harness: &H) {
    if harness.restarts() == Restarts::Forgets {
        // There, tokens of before may be given out anew, and no owner of before can ask.
        return;
    }
    for stop in STOPS {
        for class in harness.classes().iter().filter(|class| class.may_run_again()) {
            let trial = Trial::begin(harness).await;
            let id = trial.key();
            let before = trial.owner(id, *class).await;
            let trial = trial.restarted(harness, stop).await;
            trial.leases_end().await;
            let successor = trial.granted(id, trial.ask(*class)).await.token;
            let told = trial.complete(id, before, &answer("before")).await;
            assert_eq!(told, CompleteOutcome::Stale(None), "{class:?}, {stop:?}");
            for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
                let told = trial.release(id, before, ended).await;
                assert_eq!(told, ReleaseOutcome::Stale, "{class:?}, {stop:?}");
            }
            let told = trial.complete(id, successor, &answer("after")).await;
            assert_eq!(told, CompleteOutcome::Recorded, "{class:?}, {stop:?}");
            trial.assert_replayed(id, *class, &answer("after")).await;
        }
    }
}
