//! The memory store alone, as the engine asks it.

use std::hint::black_box;
use std::time::Duration;

use seiriken::record::transition::{Claim, ClaimOutcome, CompleteOutcome};
use seiriken::record::{AttemptId, EffectClass, RecordedResponse, Retention};
use seiriken::store::Store;
use seiriken::{Fingerprint, IdentityDigest, Quota, RecordId, Scope, ScopeDigest};
use seiriken_bench_baseline::order;

use crate::inputs::{self, FINISHED, FixedStore, Keys};
use crate::{Operation, at_once};

/// Two calls: a new key is claimed, and its answer recorded.
pub(crate) fn claim_and_complete() -> anyhow::Result<Operation> {
    let (store, answer, claim) = (FixedStore::new()?, inputs::recorded()?, claim());
    let mut keys = Keys::default();
    Ok(Box::new(move || finish(&store, keys.fresh_id(), claim, &answer)))
}

/// One call: a key is claimed whose answer stands; some of them in turn.
pub(crate) fn claim_finished() -> anyhow::Result<Operation> {
    let (store, answer, claim) = (FixedStore::new()?, inputs::recorded()?, claim());
    let mut keys = Keys::default();
    let ids: Vec<RecordId> = (0..FINISHED).map(|_| keys.fresh_id()).collect();
    for id in &ids {
        finish(&store, *id, claim, &answer);
    }
    let mut turns = 0;
    Ok(Box::new(move || {
        let id = ids[turns % ids.len()];
        turns += 1;
        let outcome = at_once(store.claim(black_box(id), black_box(claim)));
        assert!(matches!(black_box(outcome), Ok(ClaimOutcome::Completed(_))), "it was finished");
    }))
}

fn finish(store: &FixedStore, id: RecordId, claim: Claim, answer: &RecordedResponse) {
    let Ok(ClaimOutcome::Granted(grant)) = at_once(store.claim(black_box(id), black_box(claim)))
    else {
        panic!("a new key is granted");
    };
    let outcome = at_once(store.complete(id, grant.token, answer.clone()));
    assert!(matches!(black_box(outcome), Ok(CompleteOutcome::Recorded)), "its owner is in time");
}

fn claim() -> Claim {
    let secret = inputs::secret();
    Claim {
        attempt: AttemptId::from_random(9),
        identity: IdentityDigest::anonymous(&secret),
        fingerprint: Fingerprint::of_work(&secret, "order", order::REQUEST.as_bytes()),
        scope: ScopeDigest::new(&secret, &Scope::default()),
        date: None,
        class: EffectClass::Opaque,
        lease: Duration::from_secs(30),
        retention: Retention { answers: Duration::from_hours(24), skew: Duration::from_mins(5) },
        quota: Quota::default(),
    }
}
