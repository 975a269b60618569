//! The memory store under chosen schedules.

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;

use super::MemoryStore;
use crate::clock::{Clock, ManualClock, Timestamp};
use crate::dated_key::KeyDate;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::policy::Quota;
use crate::record::transition::{Claim, ClaimOutcome, CompleteOutcome};
use crate::record::{AttemptId, EffectClass, RecordedResponse, Retention, Token};
use crate::schedules;
use crate::scope::{RecordId, ScopeDigest};
use crate::store::{Store, Sweep};

const ID: RecordId = RecordId::from_bytes([5; 16]);
const KEPT: Retention = Retention { answers: Duration::from_mins(1), skew: Duration::from_secs(1) };

fn store() -> (Arc<MemoryStore>, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
    let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("there is randomness");
    (Arc::new(store), clock)
}

fn claim(attempt: u128, class: EffectClass, lease: Duration) -> Claim {
    Claim {
        attempt: AttemptId::from_random(attempt),
        identity: IdentityDigest::from_bytes([1; 16]),
        fingerprint: Fingerprint::from_stored(1, [1; 16]).expect("1 is a kind"),
        scope: ScopeDigest::from_bytes([1; 8]),
        date: None,
        class,
        lease,
        retention: KEPT,
        quota: Quota::default(),
    }
}

fn ask(store: &MemoryStore, claim: Claim) -> ClaimOutcome {
    block_on(store.claim(ID, claim)).expect("a claim is answered")
}

fn granted(outcome: &ClaimOutcome) -> Option<Token> {
    match outcome {
        ClaimOutcome::Granted(grant) => Some(grant.token),
        _ => None,
    }
}

#[test]
fn of_claims_at_once_one_is_granted() {
    schedules::hold("memory claims", || {
        let (store, _) = store();
        let ask_as = |attempt: u128| {
            let store = Arc::clone(&store);
            let lease = Duration::from_secs(30);
            thread::spawn(move || ask(&store, claim(attempt, EffectClass::Opaque, lease)))
        };
        let asked = [ask_as(1), ask_as(2), ask_as(3)];
        let told = asked.map(|asking| asking.join().expect("no claim panics"));
        assert_eq!(told.iter().filter_map(granted).count(), 1, "{told:?}");
    });
}

#[test]
fn a_late_owner_and_its_successor_leave_one_answer() {
    schedules::hold("memory takeover", || {
        let (store, _) = store();
        let first = ask(&store, claim(1, EffectClass::Keyed, Duration::ZERO));
        let first = granted(&first).expect("a new key");
        let finish = |store: &MemoryStore, token, answer: &[u8]| {
            let completed = store.complete(ID, token, RecordedResponse::of_work(answer));
            block_on(completed).expect("it is answered") == CompleteOutcome::Recorded
        };
        let late = Arc::clone(&store);
        let late = thread::spawn(move || finish(&late, first, b"late"));
        let successor = Arc::clone(&store);
        let successor = thread::spawn(move || {
            let told = ask(&successor, claim(2, EffectClass::Keyed, Duration::ZERO));
            granted(&told).is_some_and(|token| finish(&successor, token, b"new"))
        });
        let late = late.join().expect("no verb panics");
        let successor = successor.join().expect("no verb panics");
        assert!(late != successor, "one of them records its answer, and one alone");
        let expected = RecordedResponse::of_work(if late { b"late" } else { b"new" });
        let told = ask(&store, claim(3, EffectClass::Keyed, Duration::ZERO));
        assert_eq!(told, ClaimOutcome::Completed(expected));
    });
}

#[test]
fn a_key_that_is_just_being_forgotten_is_not_new() {
    schedules::hold("memory sweep", || {
        let (store, clock) = store();
        let minted = clock.now();
        let date = Some(KeyDate { minted, expires_at: None });
        // Its answers are kept longer than it was: as when the retention was made longer.
        let dated =
            move |attempt| Claim { date, ..claim(attempt, EffectClass::Opaque, Duration::ZERO) };
        let token = granted(&ask(&store, dated(1))).expect("a new key");
        let answer = RecordedResponse::of_work(b"done");
        block_on(store.complete(ID, token, answer)).expect("it is answered");
        clock.advance(KEPT.answers + KEPT.skew);
        let sweeper = Arc::clone(&store);
        let sweeper = thread::spawn(move || block_on(sweeper.sweep()).expect("it is answered"));
        let retry = Arc::clone(&store);
        let longer = Retention { answers: KEPT.answers * 10, ..KEPT };
        let retry = thread::spawn(move || ask(&retry, Claim { retention: longer, ..dated(2) }));
        assert_eq!(retry.join().expect("no claim panics"), ClaimOutcome::KeyExpired);
        assert_eq!(sweeper.join().expect("no sweep panics").removed, 1);
    });
}
