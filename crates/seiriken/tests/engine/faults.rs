//! The store fails, or its acknowledgements are lost.

use std::sync::atomic::Ordering;
use std::time::Duration;

use seiriken::engine::{Decision, Ending};
use seiriken::record::EffectClass;
use seiriken::store::Store;

use super::bench::{Bench, Runs, answer, answered, on_both_stores, operation};

on_both_stores! {
    an_answer_that_cannot_be_recorded_is_pending_until_it_is,
    an_answer_whose_acknowledgement_is_lost_is_pending_and_recorded_once,
    a_claim_whose_acknowledgement_is_lost_is_asked_again_and_runs_once,
    a_claim_that_nobody_can_be_sure_of_runs_nothing,
    a_store_that_refuses_a_claim_runs_nothing,
    a_key_that_cannot_be_freed_is_not_freed,
}

const HOUR: Duration = Duration::from_hours(1);

async fn an_answer_that_cannot_be_recorded_is_pending_until_it_is<S: Store>(bench: Bench<S>) {
    for (times, key) in (1..6).zip(1..) {
        for (class, key) in bench.classes().into_iter().zip((key * 10)..) {
            bench.store.complete.not_applied.store(times, Ordering::SeqCst);
            assert_pending_and_then_replayed(&bench, class, key).await;
        }
    }
}

async fn an_answer_whose_acknowledgement_is_lost_is_pending_and_recorded_once<S: Store>(
    bench: Bench<S>,
) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        bench.store.complete.ack_lost.store(2, Ordering::SeqCst);
        assert_pending_and_then_replayed(&bench, class, key).await;
    }
}

async fn assert_pending_and_then_replayed<S: Store>(
    bench: &Bench<S>,
    class: EffectClass,
    key: u128,
) {
    let (engine, runs) = (bench.engine(class), Runs::default());
    let ask = || {
        let runs = runs.clone();
        engine.run(operation(&*bench.store, key), move |_| async move {
            let run = runs.one_more();
            Ending::Answered(answer(&format!("run {run}")), ())
        })
    };
    let told = ask().await;
    assert!(matches!(told, Decision::Pending), "{class:?}: {told:?}");
    assert!(engine.drain(HOUR).await, "it goes on trying");
    let retry = ask().await;
    assert!(matches!(retry, Decision::Replayed(_)), "{class:?}: {retry:?}");
    assert_eq!(answered(retry), answer("run 1"), "{class:?}");
    assert_eq!((runs.count(), bench.store.release.asked()), (1, 0), "{class:?}: never released");
}

async fn a_claim_whose_acknowledgement_is_lost_is_asked_again_and_runs_once<S: Store>(
    bench: Bench<S>,
) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let (engine, runs) = (bench.engine(class), Runs::default());
        bench.store.claim.ack_lost.store(2, Ordering::SeqCst);
        let ask = || {
            let runs = runs.clone();
            engine.run(operation(&*bench.store, key), move |execution| async move {
                runs.one_more();
                Ending::Answered(answer("done"), execution.number())
            })
        };
        let told = ask().await;
        let first = matches!(told, Decision::Executed { beside: Some(1), .. });
        assert!(first, "{class:?}: {told:?}");
        assert!(matches!(ask().await, Decision::Replayed(_)), "{class:?}");
        assert_eq!(runs.count(), 1, "{class:?}");
    }
}

async fn a_claim_that_nobody_can_be_sure_of_runs_nothing<S: Store>(bench: Bench<S>) {
    let (engine, runs) = (bench.engine(EffectClass::Keyed), Runs::default());
    bench.store.claim.ack_lost.store(100, Ordering::SeqCst);
    let ask = || {
        let runs = runs.clone();
        engine.run(operation(&*bench.store, 1), move |_| async move {
            runs.one_more();
            Ending::Answered(answer("done"), ())
        })
    };
    let told = ask().await;
    let unsure = matches!(told, Decision::StoreUnavailable);
    assert!(unsure, "{told:?}");
    assert_eq!((runs.count(), bench.store.claim.asked()), (0, 3), "it is not asked for ever");
    // Nobody holds what it may have claimed; after a lease the next one does.
    bench.store.claim.ack_lost.store(0, Ordering::SeqCst);
    assert!(matches!(ask().await, Decision::InProgress { .. }));
    bench.pass(engine.policy().lease).await;
    assert!(matches!(ask().await, Decision::Executed { .. }));
    assert_eq!(runs.count(), 1);
}

async fn a_store_that_refuses_a_claim_runs_nothing<S: Store>(bench: Bench<S>) {
    let (engine, runs) = (bench.engine(EffectClass::Opaque), Runs::default());
    bench.store.claim.not_applied.store(1, Ordering::SeqCst);
    let ask = || {
        let runs = runs.clone();
        engine.run(operation(&*bench.store, 1), move |_| async move {
            runs.one_more();
            Ending::Answered(answer("done"), ())
        })
    };
    let told = ask().await;
    let refused = matches!(told, Decision::StoreUnavailable);
    assert!(refused, "{told:?}");
    assert_eq!(
        (runs.count(), bench.store.claim.asked()),
        (0, 1),
        "its caller decides to ask again"
    );
    assert!(matches!(ask().await, Decision::Executed { .. }));
}

async fn a_key_that_cannot_be_freed_is_not_freed<S: Store>(bench: Bench<S>) {
    let engine = bench.engine(EffectClass::Opaque);
    bench.store.release.not_applied.store(1, Ordering::SeqCst);
    let ask = || engine.run(operation(&*bench.store, 1), |_| async { Ending::NotProcessed(()) });
    assert!(matches!(ask().await, Decision::NotRecorded { beside: (), .. }));
    assert!(matches!(ask().await, Decision::InProgress { .. }), "it is still claimed");
    bench.pass(engine.policy().lease).await;
    assert!(matches!(ask().await, Decision::Indeterminate), "and nobody knows better");
}
