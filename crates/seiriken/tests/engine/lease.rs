//! The owner's sign of life, and owners that are late.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use seiriken::OnConcurrent;
use seiriken::engine::{Decision, Ending};
use seiriken::record::EffectClass;
use seiriken::store::Store;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::bench::{Bench, Runs, answer, answered, on_both_stores, operation};

on_both_stores! {
    work_that_takes_many_leases_is_not_overtaken,
    lost_signs_of_life_are_made_up_for,
    short_work_shows_no_sign_of_life,
    a_late_owner_learns_the_answer_of_its_successor_by_asking_again,
    a_late_owner_whose_successor_freed_the_key_is_told_to_ask_again,
    a_late_owner_of_an_opaque_effect_settles_it_after_all,
    who_waits_for_an_owner_that_is_overtaken_hears_its_successor,
    who_waits_for_an_owner_without_a_sign_of_life_takes_over,
}

async fn work_that_takes_many_leases_is_not_overtaken<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let (engine, runs) = (bench.engine(class), Runs::default());
        let gate = Arc::new(Semaphore::new(0));
        let ask = || {
            let (runs, gate) = (runs.clone(), Arc::clone(&gate));
            engine.run(operation(&*bench.store, key), move |_| async move {
                runs.one_more();
                gate.acquire().await.expect("the gate is not thrown away").forget();
                Ending::Answered(answer("done"), ())
            })
        };
        let answered_before = bench.store.claim.asked();
        let first = tokio::spawn(ask());
        bench.store.claim.answered(answered_before + 1).await;
        for _ in 0..10 {
            bench.pass(engine.policy().lease).await;
            let told = ask().await;
            assert!(matches!(told, Decision::InProgress { .. }), "{class:?}: {told:?}");
        }
        gate.add_permits(1);
        let told = first.await.expect("no panic");
        assert!(matches!(told, Decision::Executed { .. }), "{class:?}: {told:?}");
        assert_eq!(runs.count(), 1, "{class:?}");
    }
}

async fn lost_signs_of_life_are_made_up_for<S: Store>(bench: Bench<S>) {
    let engine = bench.engine(EffectClass::Keyed);
    let gate = Arc::new(Semaphore::new(0));
    let opens = Arc::clone(&gate);
    let first = tokio::spawn(engine.run(operation(&*bench.store, 1), move |_| async move {
        opens.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("done"), ())
    }));
    bench.store.claim.answered(1).await;
    for _ in 0..5 {
        // Of three in a lease, one gets through.
        bench.store.renew.not_applied.store(2, Ordering::SeqCst);
        bench.pass(engine.policy().lease).await;
        let retry = engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(()) });
        assert!(matches!(retry.await, Decision::InProgress { .. }));
    }
    gate.add_permits(1);
    assert!(matches!(first.await.expect("no panic"), Decision::Executed { .. }));
}

async fn short_work_shows_no_sign_of_life<S: Store>(bench: Bench<S>) {
    let engine = bench.engine(EffectClass::Opaque);
    for key in 0..10 {
        let work = |_| async { Ending::Answered(answer("done"), ()) };
        engine.run(operation(&*bench.store, key), work).await;
    }
    assert_eq!(bench.store.renew.asked(), 0, "it would double what a request costs");
}

/// An owner whose signs of life do not arrive, until it is overtaken.
async fn a_late_owner_learns_the_answer_of_its_successor_by_asking_again<S: Store>(
    bench: Bench<S>,
) {
    let (engine, runs) = (bench.engine(EffectClass::Keyed), Runs::default());
    let gate = Arc::new(Semaphore::new(0));
    bench.store.renew.not_applied.store(u32::MAX, Ordering::SeqCst);
    let opens = Arc::clone(&gate);
    let first = tokio::spawn(engine.run(operation(&*bench.store, 1), move |_| async move {
        opens.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("first"), 1)
    }));
    bench.store.claim.answered(1).await;
    bench.pass(engine.policy().lease).await;
    let counted = runs.clone();
    let second = engine.run(operation(&*bench.store, 1), move |execution| async move {
        counted.one_more();
        Ending::Answered(answer("second"), execution.number())
    });
    let told = second.await;
    assert!(matches!(told, Decision::Executed { beside: Some(2), .. }), "{told:?}");
    gate.add_permits(1);
    // It is told to ask again: what stands there now has not been compared with its request.
    assert!(matches!(first.await.expect("no panic"), Decision::Pending));
    let again = engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(0) }).await;
    assert_eq!(answered(again), answer("second"));
    assert_eq!(runs.count(), 1);
}

/// Its effect may happen again: nothing about it is unknown.
async fn a_late_owner_whose_successor_freed_the_key_is_told_to_ask_again<S: Store>(
    bench: Bench<S>,
) {
    let engine = bench.engine(EffectClass::Keyed);
    let gate = Arc::new(Semaphore::new(0));
    bench.store.renew.not_applied.store(u32::MAX, Ordering::SeqCst);
    let opens = Arc::clone(&gate);
    let first = tokio::spawn(engine.run(operation(&*bench.store, 1), move |_| async move {
        opens.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("first"), ())
    }));
    bench.store.claim.answered(1).await;
    bench.pass(engine.policy().lease).await;
    let second = engine.run(operation(&*bench.store, 1), |_| async { Ending::NotProcessed(()) });
    assert!(matches!(second.await, Decision::NotRecorded { .. }));
    gate.add_permits(1);
    let told = first.await.expect("no panic");
    assert!(matches!(told, Decision::Pending), "{told:?}");
}

async fn a_late_owner_of_an_opaque_effect_settles_it_after_all<S: Store>(bench: Bench<S>) {
    let engine = bench.engine(EffectClass::Opaque);
    let gate = Arc::new(Semaphore::new(0));
    bench.store.renew.not_applied.store(u32::MAX, Ordering::SeqCst);
    let opens = Arc::clone(&gate);
    let first = tokio::spawn(engine.run(operation(&*bench.store, 1), move |_| async move {
        opens.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("late"), ())
    }));
    bench.store.claim.answered(1).await;
    bench.pass(engine.policy().lease).await;
    let retry = || engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(()) });
    assert!(matches!(retry().await, Decision::Indeterminate));
    gate.add_permits(1);
    let told = first.await.expect("no panic");
    assert!(matches!(told, Decision::Executed { .. }), "{told:?}");
    assert_eq!(answered(retry().await), answer("late"));
}

/// The owner is on this node and goes on working. Another node has taken over, and answered.
async fn who_waits_for_an_owner_that_is_overtaken_hears_its_successor<S: Store>(bench: Bench<S>) {
    let wait = OnConcurrent::Wait(Duration::from_hours(1));
    let here = bench.engine_that(EffectClass::Keyed, wait);
    let elsewhere = bench.engine(EffectClass::Keyed);
    let first = tokio::spawn(
        here.run(operation(&*bench.store, 1), |_| std::future::pending::<Ending<()>>()),
    );
    bench.store.claim.answered(1).await;
    let work = |_| async { Ending::Answered(answer("here"), ()) };
    let waits = tokio::spawn(here.run(operation(&*bench.store, 1), work));
    bench.store.renew.not_applied.store(u32::MAX, Ordering::SeqCst);
    bench.pass(here.policy().lease).await;
    let work = |_| async { Ending::Answered(answer("there"), ()) };
    let told = elsewhere.run(operation(&*bench.store, 1), work).await;
    assert!(matches!(told, Decision::Executed { .. }), "{told:?}");
    bench.store.renew.not_applied.store(0, Ordering::SeqCst);
    let overtaken = Instant::now();
    assert_eq!(answered(waits.await.expect("no panic")), answer("there"));
    assert!(overtaken.elapsed() < here.policy().lease, "it waits for one that has lost its lease");
    first.abort();
}

/// No renewal arrives, so that nobody can know who owns the key.
async fn who_waits_for_an_owner_without_a_sign_of_life_takes_over<S: Store>(bench: Bench<S>) {
    let wait = OnConcurrent::Wait(Duration::from_hours(1));
    let engine = bench.engine_that(EffectClass::Keyed, wait);
    bench.store.renew.not_applied.store(u32::MAX, Ordering::SeqCst);
    let first = tokio::spawn(
        engine.run(operation(&*bench.store, 1), |_| std::future::pending::<Ending<()>>()),
    );
    bench.store.claim.answered(1).await;
    let work = |_| async { Ending::Answered(answer("second"), ()) };
    let second = tokio::spawn(engine.run(operation(&*bench.store, 1), work));
    bench.pass(engine.policy().lease).await;
    let silent = Instant::now();
    assert_eq!(answered(second.await.expect("no panic")), answer("second"));
    assert!(silent.elapsed() < engine.policy().lease, "it waits for one without a sign of life");
    first.abort();
}
