//! The store that fails on purpose does so as it was told, and what stands on it holds.
#![cfg(feature = "faults")]

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{Clock, Timestamp};
use seiriken::engine::{Decision, Ending, Engine, Operation};
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Resolution, ResolveOutcome,
};
use seiriken::record::{EffectClass, RecordedResponse, Token};
use seiriken::store::{
    Fault, FaultKind, FaultyStore, Filter, MemoryStore, Operate, Store, StoreError, Verb,
};
use seiriken::{IdempotencyKey, IssuingSecrets, KeySyntax, Policy, RecordId, Scope, StoreSecret};

type Faulty = FaultyStore<MemoryStore>;

fn engine() -> Engine<Arc<Faulty>> {
    let memory = MemoryStore::new().expect("the system has randomness");
    let store = Arc::new(FaultyStore::new(memory));
    Engine::new(store, Policy::default()).expect("memory carries opaque effects")
}

/// The runtime's clock: where it is paused, leases end as soon as somebody waits for it.
#[derive(Debug)]
struct RuntimeClock(tokio::time::Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000).after(self.0.elapsed())
    }
}

/// An engine whose leases are short, on a store that goes by the runtime's clock.
fn engine_of(class: EffectClass) -> Engine<Arc<Faulty>> {
    let clock = RuntimeClock(tokio::time::Instant::now());
    let memory = MemoryStore::with_clock(clock).expect("the system has randomness");
    let mut policy = Policy::default();
    (policy.class, policy.lease) = (class, Policy::LEASE_MIN);
    Engine::new(Arc::new(FaultyStore::new(memory)), policy).expect("memory carries both")
}

/// Asks for the one operation of these tests, and answers what came of it and whether it ran.
async fn ask(engine: &Engine<Arc<Faulty>>) -> (Decision<()>, bool) {
    let key = IdempotencyKey::parse(b"k", KeySyntax::Lenient).expect("a key");
    let secret = engine.store().secret();
    let operation = Operation::of_work(secret, &Scope::default(), &key, "pay", b"1");
    let (run, ran) = tokio::sync::oneshot::channel();
    let work = engine.run(operation, |_| async move {
        run.send(()).expect("somebody looks");
        Ending::Answered(RecordedResponse::of_work(b"paid"), ())
    });
    (work.await, ran.await.is_ok())
}

#[tokio::test]
async fn a_claim_that_was_not_applied_runs_nothing_and_the_next_one_is_the_first() {
    let engine = engine();
    engine.store().fail(Fault::once(Verb::Claim, 1, FaultKind::NotApplied));
    assert!(matches!(ask(&engine).await, (Decision::StoreUnavailable, false)));
    assert!(matches!(ask(&engine).await, (Decision::Executed { .. }, true)));
    assert_eq!(engine.store().calls(Verb::Claim), 2);
}

#[tokio::test]
async fn a_claim_whose_acknowledgement_was_lost_is_recognised_as_ones_own() {
    let engine = engine();
    engine.store().fail(Fault::once(Verb::Claim, 1, FaultKind::AcknowledgementLost));
    assert!(matches!(ask(&engine).await, (Decision::Executed { .. }, true)));
    assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)));
}

#[tokio::test]
async fn an_answer_whose_acknowledgement_was_lost_is_pending_then_the_same() {
    let engine = engine();
    engine.store().fail(Fault::once(Verb::Complete, 1, FaultKind::AcknowledgementLost));
    assert!(matches!(ask(&engine).await, (Decision::Pending, true)));
    assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)));
    assert!(engine.drain(Duration::from_secs(10)).await, "it is recorded once more, and done");
    assert_eq!(engine.store().calls(Verb::Complete), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_recorded_for_ever_frees_nothing_and_heals() {
    let engine = engine();
    engine.store().fail(Fault::from(Verb::Complete, 1, FaultKind::NotApplied));
    assert!(matches!(ask(&engine).await, (Decision::Pending, true)));
    assert!(!engine.drain(Duration::from_mins(10)).await, "it goes on being tried");
    assert!(matches!(ask(&engine).await, (Decision::InProgress { .. }, false)));
    engine.store().heal();
    assert!(engine.drain(Duration::from_mins(10)).await);
    assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)));
    assert_eq!(engine.store().calls(Verb::Release), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_is_waited_for_and_a_hung_one_is_asked_again_after_a_lease() {
    let engine = engine();
    let (slow, lease) = (Duration::from_secs(20), engine.policy().lease);
    engine.store().fail(Fault::once(Verb::Claim, 1, FaultKind::Delayed(slow)));
    engine.store().fail(Fault::once(Verb::Claim, 2, FaultKind::Hung));
    let before = tokio::time::Instant::now();
    assert!(matches!(ask(&engine).await, (Decision::Executed { .. }, true)));
    assert_eq!(before.elapsed(), slow);
    assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)));
    assert_eq!(before.elapsed(), slow + lease);
    engine.store().fail(Fault::from(Verb::Claim, 4, FaultKind::Hung));
    assert!(matches!(ask(&engine).await, (Decision::StoreUnavailable, false)));
}

/// An owner that waited for ever would renew its lease for ever, and nobody would ever be told.
#[tokio::test(start_paused = true)]
async fn an_owner_whose_recording_hangs_tries_again_and_does_not_keep_the_key() {
    for class in [EffectClass::Keyed, EffectClass::Opaque] {
        let engine = engine_of(class);
        engine.store().fail(Fault::from(Verb::Complete, 1, FaultKind::Hung));
        assert!(matches!(ask(&engine).await, (Decision::Pending, true)), "{class:?}");
        tokio::time::sleep(MANY_LEASES).await;
        assert!(engine.store().calls(Verb::Complete) > 2, "{class:?}: also in the background");
        assert!(matches!(ask(&engine).await, (Decision::InProgress { .. }, false)), "{class:?}");
        engine.store().heal();
        assert!(engine.drain(MANY_LEASES).await, "{class:?}: it is recorded in the end");
        assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)), "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_whose_release_hangs_does_not_keep_the_key() {
    for class in [EffectClass::Keyed, EffectClass::Opaque] {
        let engine = engine_of(class);
        engine.store().fail(Fault::once(Verb::Release, 1, FaultKind::Hung));
        let key = IdempotencyKey::parse(b"k", KeySyntax::Lenient).expect("a key");
        let secret = engine.store().secret();
        let operation = Operation::of_work(secret, &Scope::default(), &key, "pay", b"1");
        let told = engine.run(operation, |_| async { Ending::NotProcessed(()) }).await;
        assert!(matches!(told, Decision::NotRecorded { freed: false, .. }), "{class:?}: {told:?}");
        tokio::time::sleep(engine.policy().lease).await;
        let told = ask(&engine).await;
        let as_it_should = match class {
            EffectClass::Opaque => matches!(told, (Decision::Indeterminate, false)),
            _ => matches!(told, (Decision::Executed { .. }, true)),
        };
        assert!(as_it_should, "{class:?}: {told:?}");
    }
}

/// One sign of life in a lease that hangs is made up for by the next.
#[tokio::test(start_paused = true)]
async fn an_owner_whose_renewal_hangs_shows_the_next_sign_of_life() {
    let engine = engine();
    engine.store().fail(Fault::once(Verb::Renew, 1, FaultKind::Hung));
    engine.store().fail(Fault::once(
        Verb::Complete,
        1,
        FaultKind::Delayed(Duration::from_secs(29)),
    ));
    let slow = tokio::spawn({
        let engine = engine.clone();
        async move {
            let key = IdempotencyKey::parse(b"k", KeySyntax::Lenient).expect("a key");
            let secret = engine.store().secret();
            let operation = Operation::of_work(secret, &Scope::default(), &key, "pay", b"1");
            let work = engine.run(operation, |_| async {
                tokio::time::sleep(Duration::from_secs(25)).await;
                Ending::Answered(RecordedResponse::of_work(b"paid"), ())
            });
            work.await
        }
    });
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(matches!(ask(&engine).await, (Decision::InProgress { .. }, false)));
    assert!(matches!(slow.await.expect("no panic"), Decision::Executed { .. }));
}

const MANY_LEASES: Duration = Duration::from_mins(1);

/// Many leases as well, and not so slow that the store is given up.
const SLOW: Duration = Duration::from_secs(4);

/// The work has ended, and the lease would as well: the successor would do it once more, or find
/// that nobody knows what happened.
#[tokio::test(start_paused = true)]
async fn the_owner_shows_signs_of_life_while_its_answer_is_being_recorded() {
    for class in [EffectClass::Keyed, EffectClass::Opaque] {
        let engine = engine_of(class);
        engine.store().fail(Fault::once(Verb::Complete, 1, FaultKind::Delayed(SLOW)));
        let first = tokio::spawn({
            let engine = engine.clone();
            async move { ask(&engine).await }
        });
        tokio::time::sleep(SLOW / 2).await;
        assert_eq!(engine.store().calls(Verb::Complete), 1, "it is being recorded");
        let retry = ask(&engine).await;
        assert!(matches!(retry, (Decision::InProgress { .. }, false)), "{class:?}: {retry:?}");
        let first = first.await.expect("no panic");
        assert!(matches!(first, (Decision::Executed { .. }, true)), "{class:?}: {first:?}");
    }
}

/// Its caller has been told that the answer is pending.
#[tokio::test(start_paused = true)]
async fn the_owner_shows_signs_of_life_while_recording_is_tried_again_and_again() {
    for class in [EffectClass::Keyed, EffectClass::Opaque] {
        let engine = engine_of(class);
        engine.store().fail(Fault::from(Verb::Complete, 1, FaultKind::NotApplied));
        assert!(matches!(ask(&engine).await, (Decision::Pending, true)), "{class:?}");
        tokio::time::sleep(MANY_LEASES).await;
        let retry = ask(&engine).await;
        assert!(matches!(retry, (Decision::InProgress { .. }, false)), "{class:?}: {retry:?}");
        engine.store().heal();
        assert!(engine.drain(MANY_LEASES).await, "{class:?}: it is recorded in the end");
        let retry = ask(&engine).await;
        assert!(matches!(retry, (Decision::Replayed(_), false)), "{class:?}: {retry:?}");
    }
}

/// What a person says is at fault like every other verb; what they look at is not.
#[tokio::test]
async fn a_persons_word_fails_as_it_was_told_and_a_look_never_does() {
    let engine = engine();
    let store = engine.store();
    store.fail(Fault::once(Verb::Resolve, 1, FaultKind::NotApplied));
    store.fail(Fault::once(Verb::Resolve, 2, FaultKind::AcknowledgementLost));
    store.fail(Fault::once(Verb::Delete, 1, FaultKind::AcknowledgementLost));
    let key = IdempotencyKey::parse(b"k", KeySyntax::Lenient).expect("a key");
    let operation = Operation::of_work(store.secret(), &Scope::default(), &key, "pay", b"1");
    let id = operation.id;
    engine.run(operation, |_| async { Ending::Unknown(()) }).await;
    let shown = async || store.show(id).await.expect("it is shown");
    let unknown = shown().await.expect("it stands");
    let said = Resolution::Done(RecordedResponse::of_work(b"paid"));
    let says = async || store.resolve(id, unknown.token, said.clone()).await;
    assert!(matches!(says().await, Err(StoreError::NotApplied { .. })));
    assert_eq!(shown().await.as_ref(), Some(&unknown), "nothing was changed");
    assert!(matches!(says().await, Err(StoreError::InDoubt { .. })));
    assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)), "it was done");
    assert_eq!(says().await.expect("it is told"), ResolveOutcome::Resolved);
    let deletes = async || store.delete(id, unknown.token).await;
    assert!(matches!(deletes().await, Err(StoreError::InDoubt { .. })));
    assert_eq!(shown().await, None, "it was done");
    assert_eq!(deletes().await.expect("it is told"), DeleteOutcome::Stands(None));
    assert_eq!((store.calls(Verb::Resolve), store.calls(Verb::Delete)), (3, 2));
    assert_eq!(store.about_how_many().await.expect("it is told"), 0);
    let page = store.list(&Filter::default(), None, 10).await.expect("it is told");
    assert!(page.records.is_empty());
}

/// A store that says of itself what the others do not.
struct Modest(MemoryStore);

impl Store for Modest {
    fn secret(&self) -> &StoreSecret {
        self.0.secret()
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        self.0.issuing_secrets()
    }

    fn carries(&self, class: EffectClass) -> bool {
        class == EffectClass::Keyed
    }

    fn keeps_quotas(&self) -> bool {
        false
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.0.claim(id, claim).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.0.renew(id, token, lease).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.0.complete(id, token, response).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.0.release(id, token, ended).await
    }
}

/// What a store says of itself.
fn said(store: &impl Store) -> ([bool; 3], bool, Option<String>) {
    let classes = [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque];
    (classes.map(|class| store.carries(class)), store.keeps_quotas(), store.promise())
}

#[test]
fn what_a_store_says_of_itself_is_said_for_it_as_well() {
    let memory = || MemoryStore::new().expect("the system has randomness");
    let forgets = "A process that is restarted has forgotten every key.".to_owned();
    let of_memory = ([false, true, true], true, Some(forgets));
    assert_eq!(said(&memory()), of_memory);
    assert_eq!(said(&Arc::new(memory())), of_memory);
    assert_eq!(said(&FaultyStore::new(memory())), of_memory);
    let modest = || Modest(memory());
    let of_modest = ([false, true, false], false, None);
    assert_eq!(said(&modest()), of_modest);
    assert_eq!(said(&Arc::new(modest())), of_modest);
    assert_eq!(said(&FaultyStore::new(modest())), of_modest);
}
