//! The caller goes away at some point: the work and its recording go on.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use seiriken::engine::{Decision, Ending};
use seiriken::record::EffectClass;
use seiriken::store::Store;
use tokio::sync::Semaphore;

use super::bench::{Bench, Runs, answer, answered, on_both_stores, operation, polled};

on_both_stores! {
    wherever_its_caller_goes_the_work_runs_once_and_the_retry_gets_its_answer,
    a_panic_of_the_caller_is_its_going_away,
    an_answer_stands_before_the_work_is_dropped,
    what_was_never_polled_claims_nothing,
    drain_waits_for_work_whose_caller_has_gone,
}

const MINUTE: Duration = Duration::from_mins(1);

/// Work of several steps, with its effect in the middle.
async fn several_steps(runs: Runs) -> Ending<()> {
    tokio::task::yield_now().await;
    let run = runs.one_more();
    tokio::task::yield_now().await;
    Ending::Answered(answer(&format!("run {run}")), ())
}

async fn wherever_its_caller_goes_the_work_runs_once_and_the_retry_gets_its_answer<S: Store>(
    bench: Bench<S>,
) {
    let mut key = 0;
    for class in bench.classes() {
        let engine = bench.engine(class);
        for polls in 0.. {
            key += 1;
            let runs = Runs::default();
            let ask = || {
                let runs = runs.clone();
                engine.run(operation(&*bench.store, key), move |_| several_steps(runs))
            };
            let ended = polled(polls, ask()).await;
            assert!(engine.drain(MINUTE).await, "{class:?}, dropped after {polls} polls");
            let before = runs.count();
            assert_eq!(before, u32::from(polls > 0), "{class:?}, dropped after {polls} polls");
            let retry = ask().await;
            let replayed = matches!(retry, Decision::Replayed(_));
            assert_eq!(replayed, polls > 0, "{class:?}, dropped after {polls} polls: {retry:?}");
            assert_eq!(answered(retry), answer("run 1"), "{class:?}, after {polls} polls");
            assert_eq!(runs.count(), 1, "{class:?}, dropped after {polls} polls");
            if ended {
                assert!(polls > 5, "there were only {polls} points to drop it at");
                break;
            }
        }
    }
}

/// As when a server's connection task ends in a panic of something else.
async fn a_panic_of_the_caller_is_its_going_away<S: Store>(bench: Bench<S>) {
    for polls in 1..4 {
        let (engine, runs) = (bench.engine(EffectClass::Opaque), Runs::default());
        let key = u128::try_from(polls).expect("few");
        let run = {
            let runs = runs.clone();
            engine.run(operation(&*bench.store, key), move |_| several_steps(runs))
        };
        let caller = tokio::spawn(async move {
            let mut run = run;
            for _ in 0..polls {
                assert!(futures_util::poll!(&mut run).is_pending());
                tokio::task::yield_now().await;
            }
            panic!("the caller is broken, and takes the run with it");
        });
        assert!(caller.await.is_err_and(|ended| ended.is_panic()));
        assert!(engine.drain(MINUTE).await);
        assert_eq!(runs.count(), 1, "its caller panicked after {polls} polls");
        let retry = engine.run(operation(&*bench.store, key), move |_| several_steps(runs)).await;
        assert!(matches!(retry, Decision::Replayed(_)), "after {polls} polls: {retry:?}");
    }
}

/// Work that has ended and panics when it is dropped, as nothing does that a compiler has made.
struct PanicsWhenDropped(Runs);

impl Future for PanicsWhenDropped {
    type Output = Ending<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Ending<()>> {
        let run = self.0.one_more();
        Poll::Ready(Ending::Answered(answer(&format!("run {run}")), ()))
    }
}

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("what the work leaves behind is broken");
    }
}

async fn an_answer_stands_before_the_work_is_dropped<S: Store>(bench: Bench<S>) {
    for (key, class) in [(1, EffectClass::Keyed), (2, EffectClass::Opaque)] {
        let (engine, runs) = (bench.engine(class), Runs::default());
        let work = PanicsWhenDropped(runs.clone());
        let caller = tokio::spawn(engine.run(operation(&*bench.store, key), move |_| work));
        assert!(caller.await.is_err_and(|ended| ended.is_panic()), "{class:?}");
        let again = runs.clone();
        let retry = engine.run(operation(&*bench.store, key), move |_| several_steps(again)).await;
        assert!(matches!(retry, Decision::Replayed(_)), "{class:?}: {retry:?}");
        assert_eq!(answered(retry), answer("run 1"), "{class:?}");
        assert_eq!(runs.count(), 1, "{class:?}");
    }
}

async fn what_was_never_polled_claims_nothing<S: Store>(bench: Bench<S>) {
    let (engine, runs) = (bench.engine(EffectClass::Opaque), Runs::default());
    drop(engine.run(operation(&*bench.store, 1), {
        let runs = runs.clone();
        move |_| several_steps(runs)
    }));
    assert!(engine.drain(MINUTE).await);
    assert_eq!((runs.count(), bench.store.claim.asked()), (0, 0));
}

async fn drain_waits_for_work_whose_caller_has_gone<S: Store>(bench: Bench<S>) {
    let (engine, gate) =
        (bench.engine(EffectClass::Opaque), std::sync::Arc::new(Semaphore::new(0)));
    let waits = std::sync::Arc::clone(&gate);
    let mut run = engine.run(operation(&*bench.store, 1), move |_| async move {
        waits.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("done"), ())
    });
    tokio::select! {
        told = &mut run => panic!("the work waits, and its caller is told {told:?}"),
        () = bench.store.claim.answered(1) => {}
    }
    drop(run);
    assert!(!engine.drain(MINUTE).await, "something is left");
    assert!(!engine.drain(MINUTE).await, "and it keeps its claim");
    let retry = engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(()) }).await;
    assert!(matches!(retry, Decision::InProgress { .. }), "{retry:?}");
    gate.add_permits(1);
    assert!(engine.drain(MINUTE).await, "nothing is left");
    let retry = engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(()) }).await;
    assert_eq!(answered(retry), answer("done"));
}
