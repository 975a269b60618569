//! What every store does that can be swept.

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::transition::{Claim, ClaimOutcome, Ended};
use seiriken::record::{
    AttemptId, EffectClass, INDETERMINATE_KEPT_MIN, RecordedResponse, Retention, Token,
};
use seiriken::store::{Sweep, Swept};
use seiriken::{Fingerprint, IdentityDigest, KeyDate, Quota, RecordId, Scope, ScopeDigest};

pub(crate) const LEASE: Duration = Duration::from_secs(30);
pub(crate) const KEPT: Duration = Duration::from_mins(61);
pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

pub(crate) fn key(number: u128) -> RecordId {
    RecordId::from_bytes((number * 0x9e37_79b9_7f4a_7c15).to_le_bytes())
}

pub(crate) async fn claim<S: Sweep>(store: &S, number: u128, class: EffectClass) -> ClaimOutcome {
    store.claim(key(number), ask(store, class)).await.expect("a claim is answered")
}

pub(crate) fn ask<S: Sweep>(store: &S, class: EffectClass) -> Claim {
    Claim {
        attempt: AttemptId::from_random(fresh_attempt()),
        identity: IdentityDigest::anonymous(store.secret()),
        fingerprint: Fingerprint::of_work(store.secret(), "pay", b"1"),
        scope: ScopeDigest::new(store.secret(), &Scope::default()),
        date: None,
        class,
        lease: LEASE,
        retention: Retention { answers: Duration::from_hours(1), skew: Duration::from_mins(1) },
        quota: Quota::default(),
    }
}

/// Every claim here is an attempt of its own.
pub(crate) fn fresh_attempt() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static ATTEMPTS: AtomicU64 = AtomicU64::new(1);
    u128::from(ATTEMPTS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) async fn granted<S: Sweep>(store: &S, number: u128, class: EffectClass) -> Token {
    match claim(store, number, class).await {
        ClaimOutcome::Granted(grant) => grant.token,
        other => panic!("it should be granted: {other:?}"),
    }
}

pub(crate) async fn complete<S: Sweep>(store: &S, number: u128) -> Token {
    let token = granted(store, number, EffectClass::Opaque).await;
    let answer = RecordedResponse::of_work(b"done");
    store.complete(key(number), token, answer).await.expect("it is recorded");
    token
}

pub(crate) async fn swept<S: Sweep>(store: &S) -> Swept {
    store.sweep().await.expect("it is swept")
}

pub(crate) async fn an_answer_is_kept_to_the_millisecond<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let token = complete(&store, 1).await;
    clock.advance(KEPT.saturating_sub(MILLISECOND));
    assert_eq!(swept(&store).await, Swept::default());
    assert!(matches!(claim(&store, 1, EffectClass::Opaque).await, ClaimOutcome::Completed(_)));
    clock.advance(MILLISECOND);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    assert_eq!(swept(&store).await, Swept::default(), "it is gone");
    assert!(granted(&store, 1, EffectClass::Opaque).await > token, "tokens never repeat");
}

pub(crate) async fn claims_are_settled_by_their_class<S: Sweep>(store: S, clock: Arc<ManualClock>) {
    granted(&store, 1, EffectClass::Opaque).await;
    granted(&store, 2, EffectClass::Keyed).await;
    assert_eq!(swept(&store).await, Swept::default(), "their owners live");
    clock.advance(LEASE);
    assert_eq!(swept(&store).await, Swept { became_indeterminate: 1, ..Swept::default() });
    clock.advance(KEPT.saturating_sub(LEASE + MILLISECOND));
    assert_eq!(swept(&store).await, Swept::default(), "a retry may still find its keyed claim");
    clock.advance(MILLISECOND);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    assert!(matches!(claim(&store, 1, EffectClass::Opaque).await, ClaimOutcome::Indeterminate));
}

pub(crate) async fn an_unknown_outcome_is_kept_for_a_person_to_look_at<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let token = granted(&store, 1, EffectClass::Opaque).await;
    store.release(key(1), token, Ended::EffectUnknown).await.expect("it is released");
    clock.advance(INDETERMINATE_KEPT_MIN.saturating_sub(MILLISECOND));
    assert_eq!(swept(&store).await, Swept::default());
    clock.advance(MILLISECOND);
    assert_eq!(swept(&store).await, Swept { unresolved_removed: 1, ..Swept::default() });
}

pub(crate) async fn steps_come_to_an_end<S: Sweep>(store: S, clock: Arc<ManualClock>) {
    for number in 1..=600 {
        complete(&store, number).await;
    }
    clock.advance(KEPT / 2);
    complete(&store, 1_000).await;
    clock.advance(KEPT / 2);
    let mut removed = 0;
    loop {
        let step = swept(&store).await;
        removed += step.removed;
        if !step.more {
            break;
        }
    }
    assert_eq!(removed, 600);
    assert!(matches!(claim(&store, 1_000, EffectClass::Opaque).await, ClaimOutcome::Completed(_)));
}

/// A claim of a key that was made then, by a service that keeps answers for longer now.
pub(crate) fn dated<S: Sweep>(store: &S, minted: Timestamp) -> Claim {
    let ask = ask(store, EffectClass::Opaque);
    let retention = Retention { answers: Duration::from_hours(48), ..ask.retention };
    Claim { date: Some(KeyDate { minted, expires_at: None }), retention, ..ask }
}

/// What its answer was nobody knows any more, also not where answers are kept for longer now.
pub(crate) async fn a_dated_key_that_was_swept_is_never_new<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let start = clock.now();
    let usual = ask(&store, EffectClass::Opaque).retention;
    let first = Claim { retention: usual, ..dated(&store, start) };
    let told = store.claim(key(1), first).await.expect("told");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };
    store.complete(key(1), grant.token, RecordedResponse::of_work(b"1")).await.expect("recorded");
    clock.advance(KEPT);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    let told = store.claim(key(1), dated(&store, start)).await.expect("told");
    assert_eq!(told, ClaimOutcome::KeyExpired);
    let told = store.claim(key(2), dated(&store, clock.now())).await.expect("told");
    assert!(matches!(told, ClaimOutcome::Granted(_)), "made since: {told:?}");
}

/// Nobody looked at its date when it was used. It was made by then, by a clock that may be ahead.
pub(crate) async fn a_key_whose_date_nobody_asked_for_is_never_new_either<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let ahead = clock.now().after(Duration::from_mins(1));
    complete(&store, 1).await;
    clock.advance(KEPT);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    let told = store.claim(key(1), dated(&store, ahead)).await.expect("told");
    assert_eq!(told, ClaimOutcome::KeyExpired);
}

/// Removed claims without any effect forget nothing.
pub(crate) async fn sweeping_a_claim_that_did_nothing_expires_no_key<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let start = clock.now();
    let date = Some(KeyDate { minted: start, expires_at: None });
    let claim = || Claim { date, ..ask(&store, EffectClass::Opaque) };
    let told = store.claim(key(1), claim()).await.expect("told");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };
    store.release(key(1), grant.token, Ended::WithoutEffect).await.expect("released");
    if store.carries(EffectClass::Transactional) {
        granted(&store, 2, EffectClass::Transactional).await;
    }
    clock.advance(LEASE);
    swept(&store).await;
    let told = store.claim(key(1), claim()).await.expect("told");
    assert!(matches!(told, ClaimOutcome::Granted(_)), "{told:?}");
}
