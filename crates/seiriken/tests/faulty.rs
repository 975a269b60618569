//! The store that fails on purpose does so as it was told, and what stands on it holds.
#![cfg(feature = "faults")]

use std::sync::Arc;
use std::time::Duration;

use seiriken::engine::{Decision, Ending, Engine, Operation};
use seiriken::record::RecordedResponse;
use seiriken::store::{Fault, FaultKind, FaultyStore, MemoryStore, Store, Verb};
use seiriken::{IdempotencyKey, KeySyntax, Policy, Scope};

type Faulty = FaultyStore<MemoryStore>;

fn engine() -> Engine<Arc<Faulty>> {
    let memory = MemoryStore::new().expect("the system has randomness");
    let store = Arc::new(FaultyStore::new(memory));
    Engine::new(store, Policy::default()).expect("memory carries opaque effects")
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
async fn a_slow_store_is_waited_for_and_a_hung_one_holds_its_own_caller_alone() {
    let engine = engine();
    let minute = Duration::from_mins(1);
    engine.store().fail(Fault::once(Verb::Claim, 1, FaultKind::Delayed(minute)));
    engine.store().fail(Fault::once(Verb::Claim, 2, FaultKind::Hung));
    let before = tokio::time::Instant::now();
    assert!(matches!(ask(&engine).await, (Decision::Executed { .. }, true)));
    assert_eq!(before.elapsed(), minute);
    assert!(tokio::time::timeout(minute, ask(&engine)).await.is_err());
    assert!(matches!(ask(&engine).await, (Decision::Replayed(_), false)));
}
