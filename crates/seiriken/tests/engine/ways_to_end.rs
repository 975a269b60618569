//! How work ends, and what its caller and its retries are told.

use seiriken::FingerprintKind;
use seiriken::engine::{Decision, Ending};
use seiriken::record::EffectClass;
use seiriken::store::Store;

use super::bench::{Bench, Runs, answer, on_both_stores, operation, request};

on_both_stores! {
    the_answer_is_given_to_the_first_caller_and_to_every_retry,
    nobody_hears_an_answer_before_it_is_recorded,
    work_that_did_nothing_frees_its_key,
    work_that_cannot_say_is_settled_by_its_class,
    a_panic_counts_as_cannot_say,
    another_request_or_caller_runs_nothing_and_learns_nothing,
    the_kind_of_comparison_may_change_between_a_request_and_its_retry,
}

async fn the_answer_is_given_to_the_first_caller_and_to_every_retry<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let (engine, runs) = (bench.engine(class), Runs::default());
        let work = |runs: Runs| {
            move |_| async move {
                let run = runs.one_more();
                Ending::Answered(answer(&format!("run {run}")), "for the first alone")
            }
        };
        let first = engine.run(operation(&*bench.store, key), work(runs.clone())).await;
        match first {
            Decision::Executed { response, beside } => {
                assert_eq!((response, beside), (answer("run 1"), Some("for the first alone")));
            }
            other => panic!("{class:?}: {other:?}"),
        }
        for _ in 0..3 {
            let retry = engine.run(operation(&*bench.store, key), work(runs.clone())).await;
            let same = matches!(&retry, Decision::Replayed(told) if *told == answer("run 1"));
            assert!(same, "{class:?}: {retry:?}");
        }
        assert_eq!(runs.count(), 1, "{class:?}");
    }
}

async fn nobody_hears_an_answer_before_it_is_recorded<S: Store>(bench: Bench<S>) {
    let engine = bench.engine(EffectClass::Opaque);
    let gate = bench.store.complete.close_gate();
    let work = |_| async { Ending::Answered(answer("done"), ()) };
    let mut run = engine.run(operation(&*bench.store, 1), work);
    tokio::select! {
        biased;
        told = &mut run => panic!("it is not recorded, and the caller is told {told:?}"),
        () = bench.store.complete.answered(1) => {}
    }
    assert!(futures_util::poll!(&mut run).is_pending(), "the acknowledgement is still on its way");
    gate.add_permits(1);
    assert!(matches!(run.await, Decision::Executed { .. }));
}

async fn work_that_did_nothing_frees_its_key<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let engine = bench.engine(class);
        let work = |_| async { Ending::NotProcessed("come again") };
        let told = engine.run(operation(&*bench.store, key), work).await;
        assert!(
            matches!(told, Decision::NotRecorded { beside: "come again", .. }),
            "{class:?}: {told:?}"
        );
        let other = request(&*bench.store, key, "bob", FingerprintKind::Bytes, b"[2]");
        let work = |_| async { Ending::Answered(answer("bob's"), ()) };
        let told = engine.run(other, work).await;
        assert!(matches!(told, Decision::Executed { .. }), "{class:?}: {told:?}");
    }
}

async fn work_that_cannot_say_is_settled_by_its_class<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let engine = bench.engine(class);
        let work = |_| async { Ending::Unknown("a timeout inside") };
        let told = engine.run(operation(&*bench.store, key), work).await;
        assert!(
            matches!(told, Decision::NotRecorded { beside: "a timeout inside", .. }),
            "{class:?}: {told:?}"
        );
        assert_settled_by_its_class(&bench, class, key).await;
    }
}

async fn a_panic_counts_as_cannot_say<S: Store>(bench: Bench<S>) {
    for (class, key) in bench.classes().into_iter().zip(1..) {
        let engine = bench.engine(class);
        let work = |_| async { panic!("the work is broken") };
        let told: Decision<()> = engine.run(operation(&*bench.store, key), work).await;
        match class {
            EffectClass::Opaque => assert!(matches!(told, Decision::Indeterminate), "{told:?}"),
            _ => assert!(matches!(told, Decision::Panicked { .. }), "{class:?}: {told:?}"),
        }
        assert_settled_by_its_class(&bench, class, key).await;
    }
}

/// After an end that could not say whether there was an effect.
async fn assert_settled_by_its_class<S: Store>(bench: &Bench<S>, class: EffectClass, key: u128) {
    let (engine, runs) = (bench.engine(class), Runs::default());
    let again = |runs: Runs| {
        move |execution: seiriken::engine::Execution<_>| async move {
            runs.one_more();
            Ending::Answered(answer("again"), execution.number())
        }
    };
    let told = engine.run(operation(&*bench.store, key), again(runs.clone())).await;
    match (class, told) {
        (EffectClass::Opaque, Decision::Indeterminate) => assert_eq!(runs.count(), 0),
        (EffectClass::Keyed, Decision::Executed { beside: Some(2), .. })
        | (EffectClass::Transactional, Decision::Executed { beside: Some(1), .. }) => {
            assert_eq!(runs.count(), 1);
        }
        (class, other) => panic!("{class:?}: {other:?}"),
    }
}

async fn another_request_or_caller_runs_nothing_and_learns_nothing<S: Store>(bench: Bench<S>) {
    let (engine, runs) = (bench.engine(EffectClass::Opaque), Runs::default());
    let work = |runs: Runs| {
        move |_| async move {
            runs.one_more();
            Ending::Answered(answer("alice's"), ())
        }
    };
    engine.run(operation(&*bench.store, 1), work(runs.clone())).await;
    let other = request(&*bench.store, 1, "alice", FingerprintKind::Bytes, b"[2]");
    let told = engine.run(other, work(runs.clone())).await;
    assert!(matches!(told, Decision::Mismatch), "{told:?}");
    for body in [br#"{"a":1}"#.as_slice(), b"[2]"] {
        let mallory = request(&*bench.store, 1, "mallory", FingerprintKind::Bytes, body);
        let told = engine.run(mallory, work(runs.clone())).await;
        assert!(matches!(told, Decision::CredentialChanged), "{told:?}");
    }
    assert_eq!(runs.count(), 1);
}

async fn the_kind_of_comparison_may_change_between_a_request_and_its_retry<S: Store>(
    bench: Bench<S>,
) {
    let (engine, runs) = (bench.engine(EffectClass::Opaque), Runs::default());
    let kinds = [FingerprintKind::Bytes, FingerprintKind::CanonicalJson];
    for (key, recorded, asked) in [(1, kinds[0], kinds[1]), (2, kinds[1], kinds[0])] {
        let ask = |kind, body| {
            let runs = runs.clone();
            let work = move |_| async move {
                runs.one_more();
                Ending::Answered(answer("done"), ())
            };
            engine.run(request(&*bench.store, key, "alice", kind, body), work)
        };
        let body = br#"{"a": 1, "b": 2}"#;
        assert!(matches!(ask(recorded, body).await, Decision::Executed { .. }));
        let told = ask(asked, body).await;
        assert!(matches!(told, Decision::Replayed(_)), "{recorded:?}, then {asked:?}: {told:?}");
        let other = ask(asked, br#"{"a": 1, "b": 3}"#).await;
        assert!(matches!(other, Decision::Mismatch), "{recorded:?}, then {asked:?}: {other:?}");
        // In other words: the same for the one kind, another request for the other.
        let reordered = ask(asked, br#"{"b": 2, "a": 1}"#).await;
        match recorded {
            FingerprintKind::Bytes => assert!(matches!(reordered, Decision::Mismatch)),
            FingerprintKind::CanonicalJson | FingerprintKind::PartialJson => {
                assert!(matches!(reordered, Decision::Replayed(_)));
            }
        }
    }
    assert_eq!(runs.count(), 2);
}
