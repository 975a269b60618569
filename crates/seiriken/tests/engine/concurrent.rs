//! Several requests with one key at the same time.

use std::sync::Arc;
use std::time::Duration;

use seiriken::engine::{Decision, Ending, Engine};
use seiriken::record::EffectClass;
use seiriken::store::Store;
use seiriken::{FingerprintKind, OnConcurrent};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use super::bench::{Bench, Runs, answer, answered, on_both_stores, operation, request};
use super::hooked::Hooked;

on_both_stores! {
    of_many_at_once_one_runs_and_the_others_are_told_that_it_runs,
    of_many_at_once_one_runs_and_the_others_get_its_answer,
    a_thousand_that_wait_cost_the_store_one_claim,
    waiting_has_an_end,
    one_that_waits_takes_over_when_the_first_frees_the_key,
    when_a_key_is_freed_one_of_many_asks_for_it_and_the_others_wait_on,
    of_many_that_wait_for_another_node_one_asks_the_store,
    one_that_waits_is_woken_when_the_first_panics_or_cannot_say,
    one_that_waits_never_hears_the_answer_to_another_request,
    one_that_asked_before_the_owner_began_hears_its_answer_at_once,
    one_that_asked_before_the_owner_began_hears_at_once_that_it_freed_the_key,
    one_that_waits_for_another_node_looks_once_more_before_it_gives_up,
}

const MANY: u32 = 64;

async fn of_many_at_once_one_runs_and_the_others_are_told_that_it_runs<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let (engine, runs) = (bench.engine(class), Runs::default());
        let gate = Arc::new(Semaphore::new(0));
        let mut requests = JoinSet::new();
        for _ in 0..MANY {
            let (runs, gate) = (runs.clone(), Arc::clone(&gate));
            requests.spawn(engine.run(operation(&*bench.store, key), move |_| async move {
                runs.one_more();
                gate.acquire().await.expect("the gate is not thrown away").forget();
                Ending::Answered(answer("done"), ())
            }));
        }
        for _ in 1..MANY {
            let told = requests.join_next().await.expect("all but one end").expect("no panic");
            match told {
                Decision::InProgress { retry_after } => {
                    assert!(retry_after >= Duration::from_secs(1), "{class:?}: {retry_after:?}");
                }
                other => panic!("{class:?}: {other:?}"),
            }
        }
        gate.add_permits(1);
        let first = requests.join_next().await.expect("the first ends").expect("no panic");
        assert!(matches!(first, Decision::Executed { .. }), "{class:?}: {first:?}");
        assert_eq!(runs.count(), 1, "{class:?}");
    }
}

async fn of_many_at_once_one_runs_and_the_others_get_its_answer<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let engine = bench.engine_that(class, OnConcurrent::Wait(Duration::from_hours(1)));
        let (runs, gate) = (Runs::default(), Arc::new(Semaphore::new(0)));
        let mut requests = JoinSet::new();
        for _ in 0..MANY {
            let (runs, gate) = (runs.clone(), Arc::clone(&gate));
            requests.spawn(engine.run(operation(&*bench.store, key), move |_| async move {
                let run = runs.one_more();
                gate.acquire().await.expect("the gate is not thrown away").forget();
                Ending::Answered(answer(&format!("run {run}")), ())
            }));
        }
        // Whether they have asked the store by now or wait already: each is told the same.
        all_have_gone_on().await;
        gate.add_permits(1);
        let told = requests.join_all().await;
        let executed = told.iter().filter(|told| matches!(told, Decision::Executed { .. })).count();
        assert_eq!(executed, 1, "{class:?}");
        for told in told {
            assert_eq!(answered(told), answer("run 1"), "{class:?}");
        }
        assert_eq!(runs.count(), 1, "{class:?}");
    }
}

async fn a_thousand_that_wait_cost_the_store_one_claim<S: Store>(bench: Bench<S>) {
    let engine =
        bench.engine_that(EffectClass::Opaque, OnConcurrent::Wait(Duration::from_hours(1)));
    let gate = Arc::new(Semaphore::new(0));
    let first =
        first_that_runs(&bench, &engine, &gate, Ending::Answered(answer("first"), ())).await;
    let mut others = JoinSet::new();
    for _ in 0..1_000 {
        others.spawn(engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(()) }));
    }
    all_have_gone_on().await;
    gate.add_permits(1);
    assert!(matches!(first.await.expect("no panic"), Decision::Executed { .. }));
    for told in others.join_all().await {
        assert_eq!(answered(told), answer("first"));
    }
    assert_eq!(bench.store.claim.asked(), 1);
}

/// One that has claimed its key, and works until the gate gives it a permit.
async fn first_that_runs<S: Store, T: Send + 'static>(
    bench: &Bench<S>,
    engine: &Engine<Arc<Hooked<S>>>,
    gate: &Arc<Semaphore>,
    ends: Ending<T>,
) -> JoinHandle<Decision<T>> {
    let (tell, begun) = oneshot::channel();
    let opens = Arc::clone(gate);
    let first = tokio::spawn(engine.run(operation(&*bench.store, 1), move |_| async move {
        tell.send(()).expect("the test waits");
        opens.acquire().await.expect("the gate is not thrown away").forget();
        ends
    }));
    begun.await.expect("the first one runs");
    first
}

/// The runtime has one thread, and whoever does not go to the store is polled once or twice until it
/// waits.
async fn all_have_gone_on() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

async fn waiting_has_an_end<S: Store>(bench: Bench<S>) {
    let engine = bench.engine_that(EffectClass::Opaque, OnConcurrent::Wait(Duration::from_secs(5)));
    let mut first = engine.run(operation(&*bench.store, 1), |_| std::future::pending());
    tokio::select! {
        told = &mut first => panic!("the work never ends, and its caller is told {told:?}"),
        () = bench.store.claim.answered(1) => {}
    }
    let asked = tokio::time::Instant::now();
    let second = engine.run(operation(&*bench.store, 1), |_| async { Ending::Unknown(()) });
    let told: Decision<()> = tokio::select! {
        told = second => told,
        told = &mut first => told,
    };
    assert!(matches!(told, Decision::InProgress { .. }), "{told:?}");
    let waited = asked.elapsed();
    assert!(waited >= Duration::from_secs(5) && waited < Duration::from_secs(6), "{waited:?}");
}

async fn one_that_waits_takes_over_when_the_first_frees_the_key<S: Store>(bench: Bench<S>) {
    let engine =
        bench.engine_that(EffectClass::Opaque, OnConcurrent::Wait(Duration::from_hours(1)));
    let gate = Arc::new(Semaphore::new(0));
    let first = first_that_runs(&bench, &engine, &gate, Ending::NotProcessed("busy")).await;
    let second = tokio::spawn(engine.run(operation(&*bench.store, 1), |_| async {
        Ending::Answered(answer("second"), "second")
    }));
    all_have_gone_on().await;
    gate.add_permits(1);
    let told = first.await.expect("no panic");
    assert!(matches!(told, Decision::NotRecorded { beside: "busy", .. }), "{told:?}");
    let told = second.await.expect("no panic");
    assert!(matches!(told, Decision::Executed { beside: Some("second"), .. }), "{told:?}");
}

async fn when_a_key_is_freed_one_of_many_asks_for_it_and_the_others_wait_on<S: Store>(
    bench: Bench<S>,
) {
    let engine =
        bench.engine_that(EffectClass::Opaque, OnConcurrent::Wait(Duration::from_hours(1)));
    let (gate, runs) = (Arc::new(Semaphore::new(0)), Runs::default());
    let mut requests = JoinSet::new();
    for _ in 0..MANY {
        let (gate, runs) = (Arc::clone(&gate), runs.clone());
        requests.spawn(engine.run(operation(&*bench.store, 1), move |_| async move {
            let run = runs.one_more();
            gate.acquire().await.expect("the gate is not thrown away").forget();
            if run < 4 { Ending::NotProcessed(()) } else { Ending::Answered(answer("4th"), ()) }
        }));
    }
    bench.store.claim.answered(1).await;
    all_have_gone_on().await;
    gate.add_permits(MANY as usize);
    let told = requests.join_all().await;
    let freed = told.iter().filter(|told| matches!(told, Decision::NotRecorded { .. })).count();
    assert_eq!((freed, runs.count()), (3, 4));
    // Each asked once at first, unless it found one that ran; then one each time that the key was
    // free. One more may have come between the first claim and its owner's beginning, and asks now
    // and then.
    let asked = bench.store.claim.asked();
    assert!((4..MANY + 10).contains(&asked), "{asked} asked");
}

/// Two engines on one store are two nodes. However many wait on one of them, and whoever of them
/// goes away, the store is asked once in half a second.
async fn of_many_that_wait_for_another_node_one_asks_the_store<S: Store>(bench: Bench<S>) {
    let wait = OnConcurrent::Wait(Duration::from_hours(1));
    let nodes = [bench.engine(EffectClass::Opaque), bench.engine_that(EffectClass::Opaque, wait)];
    let gate = Arc::new(Semaphore::new(0));
    let there = Arc::clone(&gate);
    let first = tokio::spawn(nodes[0].run(operation(&*bench.store, 1), move |_| async move {
        there.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("there"), ())
    }));
    bench.store.claim.answered(1).await;
    let mut waiting: Vec<_> = (0..MANY)
        .map(|_| {
            let work = |_| async { Ending::Answered(answer("here"), ()) };
            tokio::spawn(nodes[1].run(operation(&*bench.store, 1), work))
        })
        .collect();
    bench.store.claim.answered(3).await;
    all_have_gone_on().await;
    let asked = bench.store.claim.asked();
    bench.pass(Duration::from_secs(10)).await;
    let polled = bench.store.claim.asked() - asked;
    assert!((10..=20).contains(&polled), "asked {polled} times in ten seconds");
    // The one that asks goes away: another one does.
    for gone in waiting.drain(..8) {
        gone.abort();
    }
    gate.add_permits(1);
    assert_eq!(answered(first.await.expect("no panic")), answer("there"));
    for told in waiting {
        assert_eq!(answered(told.await.expect("no panic")), answer("there"));
    }
}

/// However the first one ends: nobody is left to wait for what will not come.
async fn one_that_waits_is_woken_when_the_first_panics_or_cannot_say<S: Store>(bench: Bench<S>) {
    let cases = bench.classes().into_iter().flat_map(|class| [(class, true), (class, false)]);
    for ((class, panics), key) in cases.zip(1..) {
        let engine = bench.engine_that(class, OnConcurrent::Wait(Duration::from_hours(1)));
        let gate = Arc::new(Semaphore::new(0));
        let opens = Arc::clone(&gate);
        let answered_before = bench.store.claim.asked();
        let first = tokio::spawn(engine.run(operation(&*bench.store, key), move |_| async move {
            opens.acquire().await.expect("the gate is not thrown away").forget();
            assert!(!panics, "on purpose: half-way through the work");
            Ending::Unknown(0)
        }));
        bench.store.claim.answered(answered_before + 1).await;
        let work = |_| async { Ending::Answered(answer("second"), 2) };
        let second = tokio::spawn(engine.run(operation(&*bench.store, key), work));
        all_have_gone_on().await;

        let opened = tokio::time::Instant::now();
        gate.add_permits(1);
        drop(first.await.expect("a panic of the work is caught"));
        let told = second.await.expect("no panic");
        let right = match class {
            EffectClass::Opaque => matches!(told, Decision::Indeterminate),
            _ => matches!(told, Decision::Executed { beside: Some(2), .. }),
        };
        assert!(right, "{class:?}, panics: {panics}: {told:?}");
        let waited = opened.elapsed();
        assert!(waited < Duration::from_secs(1), "{class:?}, panics: {panics}: {waited:?}");
    }
}

/// It was told "in progress" of one request; by the time it begins to wait, the key is free and
/// belongs to somebody else's request.
async fn one_that_waits_never_hears_the_answer_to_another_request<S: Store>(bench: Bench<S>) {
    let wait = OnConcurrent::Wait(Duration::from_hours(1));
    let engine = bench.engine_that(EffectClass::Opaque, wait);
    let gates = [Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0))];
    // On another node: here it would be waited for without asking the store.
    let elsewhere = bench.engine(EffectClass::Opaque);
    let ends = Ending::NotProcessed("busy");
    let first = first_that_runs(&bench, &elsewhere, &gates[0], ends).await;

    let late = bench.store.claim.close_gate();
    let retry = tokio::spawn(engine.run(operation(&*bench.store, 1), |_| async {
        Ending::Answered(answer("the retry's"), "the retry's")
    }));
    bench.store.claim.answered(2).await;
    bench.store.claim.open_gate();
    gates[0].add_permits(1);
    assert!(matches!(first.await.expect("no panic"), Decision::NotRecorded { .. }));
    let opens = Arc::clone(&gates[1]);
    let other = request(&*bench.store, 1, "mallory", FingerprintKind::Bytes, b"[2]");
    let other = tokio::spawn(engine.run(other, move |_| async move {
        opens.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("mallory's secret"), "mallory's")
    }));
    bench.store.claim.answered(3).await;

    late.add_permits(1);
    // It begins to wait, or asks once more.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    gates[1].add_permits(1);
    assert!(matches!(other.await.expect("no panic"), Decision::Executed { .. }));
    let told = retry.await.expect("no panic");
    assert!(matches!(told, Decision::CredentialChanged), "it is told {told:?}");
}

/// The store has granted the key, its new owner does not know yet, and the retry asks: it finds no
/// owner in this process.
async fn a_retry_between_the_grant_and_the_beginning<S: Store>(
    bench: &Bench<S>,
    limit: Duration,
    first_ends: Ending<()>,
) -> (Decision<()>, Decision<()>, Duration) {
    let engine = bench.engine_that(EffectClass::Opaque, OnConcurrent::Wait(limit));
    let late = bench.store.claim.close_gate();
    let work = |_| async { first_ends };
    let first = tokio::spawn(engine.run(operation(&*bench.store, 1), work));
    bench.store.claim.answered(1).await;
    bench.store.claim.open_gate();
    let work = |_| async { Ending::Answered(answer("the retry's"), ()) };
    let retry = tokio::spawn(engine.run(operation(&*bench.store, 1), work));
    // It has looked, and looked again since nobody here owns the key.
    bench.store.claim.answered(3).await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let begun = tokio::time::Instant::now();
    late.add_permits(1);
    let told = (first.await.expect("no panic"), retry.await.expect("no panic"));
    (told.0, told.1, begun.elapsed())
}

async fn one_that_asked_before_the_owner_began_hears_its_answer_at_once<S: Store>(bench: Bench<S>) {
    // Less patience than the pause between two looks.
    let limit = Duration::from_millis(100);
    let ends = Ending::Answered(answer("first"), ());
    let (first, retry, took) =
        a_retry_between_the_grant_and_the_beginning(&bench, limit, ends).await;
    assert!(matches!(first, Decision::Executed { .. }), "{first:?}");
    assert_eq!(answered(retry), answer("first"));
    assert_eq!(took, Duration::ZERO);
}

async fn one_that_asked_before_the_owner_began_hears_at_once_that_it_freed_the_key<S: Store>(
    bench: Bench<S>,
) {
    let (limit, ends) = (Duration::from_hours(1), Ending::NotProcessed(()));
    let (first, retry, took) =
        a_retry_between_the_grant_and_the_beginning(&bench, limit, ends).await;
    assert!(matches!(first, Decision::NotRecorded { freed: true, .. }), "{first:?}");
    assert_eq!(answered(retry), answer("the retry's"));
    assert_eq!(took, Duration::ZERO);
}

/// Also where its patience is shorter than the pause between two looks.
async fn one_that_waits_for_another_node_looks_once_more_before_it_gives_up<S: Store>(
    bench: Bench<S>,
) {
    let limit = Duration::from_millis(100);
    let here = bench.engine_that(EffectClass::Opaque, OnConcurrent::Wait(limit));
    let gate = Arc::new(Semaphore::new(0));
    let there = Arc::clone(&gate);
    let work = move |_| async move {
        there.acquire().await.expect("the gate is not thrown away").forget();
        Ending::Answered(answer("there"), ())
    };
    let elsewhere = bench.engine(EffectClass::Opaque);
    let first = tokio::spawn(elsewhere.run(operation(&*bench.store, 1), work));
    bench.store.claim.answered(1).await;
    let begun = tokio::time::Instant::now();
    let work = |_| async { Ending::Answered(answer("here"), ()) };
    let retry = tokio::spawn(here.run(operation(&*bench.store, 1), work));
    bench.store.claim.answered(3).await;
    gate.add_permits(1);
    assert_eq!(answered(first.await.expect("no panic")), answer("there"));
    assert_eq!(answered(retry.await.expect("no panic")), answer("there"));
    assert_eq!(begun.elapsed(), limit);
}
