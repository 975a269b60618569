//! Who is granted the right to run, and what everybody else is told.

use std::time::Duration;

use super::harness::Harness;
use super::trial::{Trial, answer};
use crate::fingerprint::FingerprintKind;
use crate::record::EffectClass;
use crate::record::transition::{Claim, ClaimOutcome, CompleteOutcome, Granted};
use crate::scope::RecordId;
use crate::store::Store;

/// What the engine is told of the store at its start is what the suite is told.
pub async fn the_store_carries_what_its_harness_says<H: Harness>(harness: &H) {
    let store = harness.fresh().await;
    for class in [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque] {
        assert_eq!(store.carries(class), harness.classes().contains(&class), "{class:?}");
    }
    assert!(!harness.classes().is_empty(), "a store carries at least one class");
}

/// Nobody has asked for this operation before.
pub async fn the_first_claim_is_granted<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let mut tokens = Vec::new();
    for class in harness.classes() {
        for _ in 0..3 {
            let grant = trial.granted(trial.key(), trial.ask(*class)).await;
            assert_eq!((grant.how, grant.executions), (Granted::First, 1), "{class:?}");
            assert!(!tokens.contains(&grant.token), "a token belongs to one execution");
            tokens.push(grant.token);
        }
    }
}

/// When the acknowledgement of a claim was lost, asking again with the same attempt is safe: also
/// late, while nobody else has taken the operation over.
pub async fn the_same_attempt_is_granted_again_with_the_same_token<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let (id, claim) = (trial.key(), trial.ask(*class));
        let first = trial.granted(id, claim).await;
        for _ in 0..2 {
            let again = trial.granted(id, claim).await;
            assert_eq!((again.how, again.token), (Granted::Yours, first.token), "{class:?}");
            assert_eq!(again.executions, first.executions, "{class:?}");
        }
        trial.complete(id, first.token, &answer("done")).await;
        let told = trial.claim(id, claim).await;
        assert_eq!(told, ClaimOutcome::Completed(answer("done")), "{class:?}: settled since");
    }
}

/// The first request is alive and has no answer yet.
pub async fn a_running_operation_is_said_to_be_running<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let id = trial.key();
        trial.owner(id, *class).await;
        for _ in 0..2 {
            match trial.retry(id, *class).await {
                ClaimOutcome::InProgress { retry_after } => {
                    assert!(retry_after >= Duration::from_secs(1), "{class:?}: {retry_after:?}");
                }
                other => panic!("{class:?}: it is running, and a retry was told {other:?}"),
            }
        }
    }
}

/// A key is for one request. Another one is told so before it is told how far the first is, and
/// told how the first was compared, so that it can be compared in the same way.
pub async fn another_request_is_a_mismatch_however_far_the_first_is<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let kinds =
        [FingerprintKind::Bytes, FingerprintKind::CanonicalJson, FingerprintKind::PartialJson];
    for kind in kinds {
        let make = |body| move |claim| Claim { fingerprint: body, ..claim };
        let (first, other) = (trial.request(kind, b"[1]"), trial.request(kind, b"[2]"));
        let (first, other) = (make(first), make(other));
        for (id, class) in in_every_state(&trial, harness, &first).await {
            let told = trial.claim(id, other(trial.ask(class))).await;
            assert_eq!(told, ClaimOutcome::Mismatch { recorded: kind }, "{class:?}");
        }
    }
}

/// Whose key it is goes before everything else: somebody else learns neither what the key was used
/// for nor how far it is.
pub async fn another_identity_is_refused_before_anything_is_compared<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let mallory = trial.identity(b"mallory");
    let other = trial.request(FingerprintKind::Bytes, b"[2]");
    for (id, class) in in_every_state(&trial, harness, &|claim| claim).await {
        let same_request = Claim { identity: mallory, ..trial.ask(class) };
        let other_request = Claim { fingerprint: other, ..same_request };
        for claim in [same_request, other_request] {
            let told = trial.claim(id, claim).await;
            assert_eq!(told, ClaimOutcome::CredentialChanged, "{class:?}");
        }
    }
}

/// A lease that ended unrenewed: what is safe to run again is taken over, and what is not becomes
/// indeterminate and stays so.
pub async fn an_ended_lease_ends_as_its_class_says<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        let id = trial.key();
        let first = trial.owner(id, *class).await;
        trial.leases_end().await;
        if *class == EffectClass::Opaque {
            for _ in 0..2 {
                let told = trial.retry(id, *class).await;
                assert_eq!(told, ClaimOutcome::Indeterminate, "an opaque effect");
            }
            trial.leases_end().await;
            let told = trial.retry(id, *class).await;
            assert_eq!(told, ClaimOutcome::Indeterminate, "time alone resolves nothing");
            continue;
        }
        let second = trial.granted(id, trial.ask(*class)).await;
        assert_ne!(second.token, first, "{class:?}: the first owner's token is void");
        match (class, second.how, second.executions) {
            // Or a store has removed it before anybody asked: nothing of it had happened.
            (_, Granted::TakenOver, 2) | (EffectClass::Transactional, Granted::First, 1) => {}
            other => panic!("a takeover is the second execution: {other:?}"),
        }
        let told = trial.retry(id, *class).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{class:?}: {told:?}");
    }
}

/// An ended lease does not free the key for another request or another identity.
pub async fn a_takeover_is_for_the_same_request_alone<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let classes = harness.classes().iter().filter(|class| **class != EffectClass::Transactional);
    for class in classes {
        let id = trial.key();
        trial.owner(id, *class).await;
        trial.leases_end().await;
        let other = trial.request(FingerprintKind::Bytes, b"[2]");
        let told = trial.claim(id, Claim { fingerprint: other, ..trial.ask(*class) }).await;
        assert_eq!(told, ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes }, "{class:?}");
        let mallory = trial.identity(b"mallory");
        let told = trial.claim(id, Claim { identity: mallory, ..trial.ask(*class) }).await;
        assert_eq!(told, ClaimOutcome::CredentialChanged, "{class:?}");
    }
}

/// Keys in every state that a record can stand in, each claimed with a claim that `adapt` changed.
async fn in_every_state<H: Harness>(
    trial: &Trial<H::Store>,
    harness: &H,
    adapt: &impl Fn(Claim) -> Claim,
) -> Vec<(RecordId, EffectClass)> {
    let mut keys = Vec::new();
    for class in harness.classes() {
        let [running, completed] = [trial.key(), trial.key()];
        trial.granted(running, adapt(trial.ask(*class))).await;
        let owner = trial.granted(completed, adapt(trial.ask(*class))).await;
        let recorded = trial.complete(completed, owner.token, &answer("secret")).await;
        assert_eq!(recorded, CompleteOutcome::Recorded);
        keys.extend([(running, *class), (completed, *class)]);
        if *class == EffectClass::Opaque {
            let unknown = trial.key();
            let owner = trial.granted(unknown, adapt(trial.ask(*class))).await;
            let ended = crate::record::transition::Ended::EffectUnknown;
            trial.release(unknown, owner.token, ended).await;
            keys.push((unknown, *class));
        }
    }
    keys
}
