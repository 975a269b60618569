//! How much is kept for one scope: what is beyond it is refused, and nothing is forgotten for it. A
//! store that counts nothing is not used with a quota.

use std::sync::Arc;

use super::harness::{Harness, Restarts, Stop};
use super::trial::{Trial, answer};
use crate::engine::Engine;
use crate::policy::{Policy, PolicyError, Quota};
use crate::record::EffectClass;
use crate::record::transition::{Claim, ClaimOutcome, Ended};
use crate::scope::{Scope, ScopeDigest};
use crate::store::Store;

fn two_keys<S: Store>(trial: &Trial<S>, class: EffectClass) -> Claim {
    let quota = Quota { keys: Some(2), bytes: None };
    Claim { quota, ..trial.ask(class) }
}

/// A store that keeps no quotas: nobody can believe that it does.
fn refuses_quotas<S: Store>(trial: &Trial<S>, class: EffectClass) -> bool {
    let keeps = trial.store.keeps_quotas();
    let policy = Policy { class, quota: two_keys(trial, class).quota, ..Policy::default() };
    let refused = Engine::new(Arc::clone(&trial.store), policy).err();
    assert_eq!(refused, (!keeps).then_some(PolicyError::QuotaNotKept), "an engine with a quota");
    !keeps
}

/// New keys are refused; what stands is asked for as ever; there is room again once one is free.
pub async fn beyond_the_quota_new_keys_are_refused<H: Harness>(harness: &H) {
    for class in harness.classes() {
        let trial = Trial::begin(harness).await;
        if refuses_quotas(&trial, *class) {
            continue;
        }
        let [answered, running, refused] = [trial.key(), trial.key(), trial.key()];
        let token = trial.granted(answered, two_keys(&trial, *class)).await.token;
        trial.complete(answered, token, &answer("kept")).await;
        let token = trial.granted(running, two_keys(&trial, *class)).await.token;
        for _ in 0..2 {
            let told = trial.claim(refused, two_keys(&trial, *class)).await;
            assert_eq!(told, ClaimOutcome::QuotaExceeded, "{class:?}");
        }
        let told = trial.claim(answered, two_keys(&trial, *class)).await;
        assert_eq!(told, ClaimOutcome::Completed(answer("kept")), "{class:?}");
        let told = trial.claim(running, two_keys(&trial, *class)).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{class:?}: {told:?}");

        trial.release(running, token, Ended::WithoutEffect).await;
        trial.granted(refused, two_keys(&trial, *class)).await;
        let told = trial.claim(trial.key(), two_keys(&trial, *class)).await;
        assert_eq!(told, ClaimOutcome::QuotaExceeded, "{class:?}: full again");
        trial.granted(trial.key(), trial.ask(*class)).await;
    }
}

/// One tenant's keys take no room from another one's.
pub async fn each_scope_has_a_quota_of_its_own<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let class = harness.classes()[0];
    if refuses_quotas(&trial, class) {
        return;
    }
    let other = ScopeDigest::new(trial.store.secret(), &Scope::new("another tenant"));
    for scope in [trial.ask(class).scope, other] {
        for _ in 0..2 {
            trial.granted(trial.key(), Claim { scope, ..two_keys(&trial, class) }).await;
        }
        let told = trial.claim(trial.key(), Claim { scope, ..two_keys(&trial, class) }).await;
        assert_eq!(told, ClaimOutcome::QuotaExceeded);
    }
}

/// Answers count by their bytes.
pub async fn answers_count_by_their_bytes<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let class = harness.classes()[0];
    if refuses_quotas(&trial, class) {
        return;
    }
    let ask = || {
        let quota = Quota { keys: None, bytes: Some(10_000) };
        Claim { quota, ..trial.ask(class) }
    };
    let (id, next) = (trial.key(), trial.key());
    let token = trial.granted(id, ask()).await.token;
    let small = trial.granted(next, ask()).await.token;
    trial.complete(next, small, &answer("small")).await;
    trial.granted(trial.key(), ask()).await;
    trial.complete(id, token, &answer(&"long".repeat(2_500))).await;
    assert_eq!(trial.claim(trial.key(), ask()).await, ClaimOutcome::QuotaExceeded);
}

/// What is kept over a restart is counted after it.
pub async fn a_restart_loses_no_count<H: Harness>(harness: &H) {
    for stop in [Stop::Clean, Stop::Killed] {
        let trial = Trial::begin(harness).await;
        let class = harness.classes()[0];
        if refuses_quotas(&trial, class) {
            continue;
        }
        for _ in 0..2 {
            let id = trial.key();
            let token = trial.granted(id, two_keys(&trial, class)).await.token;
            trial.complete(id, token, &answer("kept")).await;
        }
        let trial = trial.restarted(harness, stop).await;
        let told = trial.claim(trial.key(), two_keys(&trial, class)).await;
        match harness.restarts() {
            Restarts::Forgets => assert!(matches!(told, ClaimOutcome::Granted(_)), "{told:?}"),
            Restarts::Keeps { .. } => assert_eq!(told, ClaimOutcome::QuotaExceeded, "{stop:?}"),
        }
    }
}
