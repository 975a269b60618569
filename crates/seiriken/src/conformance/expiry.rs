//! What is kept for how long, to the millisecond where the store's clock can be moved.

use super::harness::{Harness, Time};
use super::trial::{Trial, answer};
use crate::fingerprint::FingerprintKind;
use crate::record::transition::{Claim, ClaimOutcome, CompleteOutcome, Granted};
use crate::record::{EffectClass, INDETERMINATE_KEPT_MIN};

/// Until then its owner is believed to be alive.
pub async fn a_lease_ends_at_its_time<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for (pause, ended) in trial.time.around(trial.time.lease()) {
            let id = trial.key();
            trial.owner(id, *class).await;
            trial.time.pass(pause).await;
            let told = trial.retry(id, *class).await;
            let running = matches!(told, ClaimOutcome::InProgress { .. });
            assert_eq!(running, !ended, "{class:?}: after {pause:?} a retry was told {told:?}");
        }
    }
}

/// An answer is given again up to the last moment of retention and skew.
pub async fn an_answer_is_kept_for_retention_and_skew<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let retention = trial.time.retention();
    for class in harness.classes() {
        for (pause, ended) in trial.time.around(retention.answers + retention.skew) {
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            trial.complete(id, token, &answer("kept")).await;
            trial.time.pass(pause).await;
            match (ended, trial.retry(id, *class).await) {
                (false, ClaimOutcome::Completed(told)) => assert_eq!(told, answer("kept")),
                (true, ClaimOutcome::Granted(grant)) => {
                    assert_eq!((grant.how, grant.executions), (Granted::First, 1), "{class:?}");
                }
                (_, told) => panic!("{class:?}: after {pause:?} a retry was told {told:?}"),
            }
        }
    }
}

/// Another request, of another identity, may use it; the answer of before is gone for good.
pub async fn after_expiry_a_key_is_new<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let retention = trial.time.retention();
    for class in harness.classes() {
        let id = trial.key();
        let before = trial.owner(id, *class).await;
        trial.complete(id, before, &answer("before")).await;
        let pauses = trial.time.around(retention.answers + retention.skew);
        trial.time.pass(pauses[pauses.len() - 1].0).await;

        let bob = trial.identity(b"bob");
        let fingerprint = trial.request(FingerprintKind::CanonicalJson, b"[2]");
        let other = || Claim { identity: bob, fingerprint, ..trial.ask(*class) };
        let grant = trial.granted(id, other()).await;
        assert_eq!((grant.how, grant.executions), (Granted::First, 1), "{class:?}");
        assert_ne!(grant.token, before, "{class:?}");
        let told = trial.complete(id, before, &answer("before")).await;
        assert_eq!(told, CompleteOutcome::Stale(None), "{class:?}: its record is gone");
        let recorded = trial.complete(id, grant.token, &answer("after")).await;
        assert_eq!(recorded, CompleteOutcome::Recorded, "{class:?}");
        let told = trial.claim(id, other()).await;
        assert_eq!(told, ClaimOutcome::Completed(answer("after")), "{class:?}");
        let told = trial.retry(id, *class).await;
        assert_eq!(told, ClaimOutcome::CredentialChanged, "{class:?}: it is another's key now");
    }
}

/// A person has to look at it: it outlives the retention of answers, and a renewal of nothing.
pub async fn an_unknown_outcome_is_kept_for_thirty_days<H: Harness>(harness: &H) {
    if !harness.classes().contains(&EffectClass::Opaque) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let retention = trial.time.retention();
    let pauses = match &trial.time {
        Time::Moved(_) => trial.time.around(INDETERMINATE_KEPT_MIN),
        // Nobody waits for thirty days.
        Time::Waited { unit, .. } => vec![(retention.answers + retention.skew + *unit, false)],
    };
    for (pause, ended) in pauses {
        let [vanished, cannot_say] = [trial.key(), trial.key()];
        trial.owner(vanished, EffectClass::Opaque).await;
        trial.leases_end().await;
        assert_eq!(trial.retry(vanished, EffectClass::Opaque).await, ClaimOutcome::Indeterminate);
        trial.indeterminate(cannot_say).await;
        trial.time.pass(pause).await;
        for id in [vanished, cannot_say] {
            match (ended, trial.retry(id, EffectClass::Opaque).await) {
                (false, ClaimOutcome::Indeterminate) => {}
                (true, ClaimOutcome::Granted(grant)) if grant.how == Granted::First => {}
                (_, told) => panic!("after {pause:?} a retry was told {told:?}"),
            }
        }
    }
}

/// Its owner may have done it: until the retention ends, nobody else gets the key.
pub async fn an_abandoned_keyed_claim_is_kept_for_its_own_request<H: Harness>(harness: &H) {
    if !harness.classes().contains(&EffectClass::Keyed) {
        return;
    }
    let trial = Trial::begin(harness).await;
    let retention = trial.time.retention();
    for (pause, ended) in trial.time.around(retention.answers + retention.skew) {
        let id = trial.key();
        trial.owner(id, EffectClass::Keyed).await;
        trial.time.pass(pause).await;
        let other = trial.request(FingerprintKind::Bytes, b"[2]");
        let claim = Claim { fingerprint: other, ..trial.ask(EffectClass::Keyed) };
        match (ended, trial.claim(id, claim).await) {
            (false, ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes }) => {}
            (true, ClaimOutcome::Granted(grant)) => assert_eq!(grant.how, Granted::First),
            (_, told) => panic!("after {pause:?} another request was told {told:?}"),
        }
    }
}
