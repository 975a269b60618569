//! An execution that ends without an answer to record: when its key is free, and when it is not.

use std::collections::HashSet;

use super::harness::Harness;
use super::trial::{Trial, answer};
use crate::fingerprint::FingerprintKind;
use crate::record::EffectClass;
use crate::record::transition::{
    Claim, ClaimOutcome, Ended, Granted, ReleaseOutcome, RenewOutcome,
};

/// A key is free again where it is certain that there was no effect, and nowhere else.
pub async fn a_release_frees_only_where_nothing_happened<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
            let expected = match (class, ended) {
                // Without a commit there was no effect, whatever the owner believes.
                (EffectClass::Transactional, _) | (_, Ended::WithoutEffect) => {
                    ReleaseOutcome::Freed
                }
                (EffectClass::Keyed, Ended::EffectUnknown) => ReleaseOutcome::LeaseEnded,
                (EffectClass::Opaque, Ended::EffectUnknown) => ReleaseOutcome::Indeterminate,
            };
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            let told = trial.release(id, token, ended).await;
            assert_eq!(told, expected, "{class:?}, {ended:?}");
            match expected {
                ReleaseOutcome::Freed => {
                    let other = trial.request(FingerprintKind::Bytes, b"[2]");
                    let claim = Claim { fingerprint: other, ..trial.ask(*class) };
                    let grant = trial.granted(id, claim).await;
                    assert_eq!((grant.how, grant.executions), (Granted::First, 1), "{class:?}");
                }
                ReleaseOutcome::LeaseEnded => {
                    let grant = trial.granted(id, trial.ask(*class)).await;
                    assert_eq!((grant.how, grant.executions), (Granted::TakenOver, 2), "{class:?}");
                }
                _ => {
                    let told = trial.retry(id, *class).await;
                    assert_eq!(told, ClaimOutcome::Indeterminate, "{class:?}");
                }
            }
        }
    }
}

/// An earlier owner vanished. That its successor did nothing proves nothing about it: the key is
/// for the same request alone, as before.
pub async fn after_a_takeover_a_keyed_release_frees_nothing<H: Harness>(harness: &H) {
    if !harness.classes().contains(&EffectClass::Keyed) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let id = trial.key();
    trial.owner(id, EffectClass::Keyed).await;
    trial.leases_end().await;
    let second = trial.granted(id, trial.ask(EffectClass::Keyed)).await.token;
    let told = trial.release(id, second, Ended::WithoutEffect).await;
    assert_eq!(told, ReleaseOutcome::LeaseEnded);
    let other = trial.request(FingerprintKind::Bytes, b"[2]");
    let told = trial.claim(id, Claim { fingerprint: other, ..trial.ask(EffectClass::Keyed) }).await;
    assert_eq!(told, ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes });
    let third = trial.granted(id, trial.ask(EffectClass::Keyed)).await;
    assert_eq!((third.how, third.executions), (Granted::TakenOver, 3), "claimable at once");
}

/// A token that is not the current one, or an execution that has ended, releases nothing.
pub async fn only_the_owner_of_a_running_execution_releases<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let [running, unclaimed, completed] = [trial.key(), trial.key(), trial.key()];
        let owner = trial.owner(running, *class).await;
        let done = trial.owner(completed, *class).await;
        trial.complete(completed, done, &answer("done")).await;
        for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
            for (id, token) in [(running, done), (unclaimed, owner), (completed, done)] {
                let told = trial.release(id, token, ended).await;
                assert_eq!(told, ReleaseOutcome::Stale, "{class:?}, {ended:?}");
            }
        }
        let renewed = trial.renew(running, owner, trial.time.lease()).await;
        assert_eq!(renewed, RenewOutcome::Renewed, "{class:?}: the owner is the owner");
        trial.assert_replayed(completed, *class, &answer("done")).await;
        if *class == EffectClass::Opaque {
            let unknown = trial.key();
            let token = trial.indeterminate(unknown).await;
            let told = trial.release(unknown, token, Ended::WithoutEffect).await;
            assert_eq!(told, ReleaseOutcome::Stale, "an unknown outcome is not taken back");
            let told = trial.retry(unknown, *class).await;
            assert_eq!(told, ClaimOutcome::Indeterminate);
        }
    }
}

/// However often a key is freed and claimed anew: an owner of long ago is never taken for the
/// current one.
pub async fn a_token_never_repeats<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let mut tokens = HashSet::new();
    for class in harness.classes() {
        let [freed, expired] = [trial.key(), trial.key()];
        for _ in 0..5 {
            let token = trial.owner(freed, *class).await;
            assert!(tokens.insert(token), "{class:?}: {token:?} was given out before");
            trial.release(freed, token, Ended::WithoutEffect).await;
        }
        for _ in 0..2 {
            let token = trial.owner(expired, *class).await;
            assert!(tokens.insert(token), "{class:?}: {token:?} was given out before");
            trial.complete(expired, token, &answer("done")).await;
            let kept = trial.time.retention();
            trial.time.pass(kept.answers + kept.skew).await;
        }
    }
}
