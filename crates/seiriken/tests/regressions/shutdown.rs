//! What is known at the end is told.

use std::sync::mpsc;

use seiriken::engine::{CommitRefused, Decision, Ending, Engine, Execution};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::sqlite::{SqliteStore, SqliteTx};
use seiriken::store::{Store, StoreError};

use super::{asks, policy};

/// A job behind the one that closes the store was certainly not done.
#[tokio::test]
async fn what_comes_after_the_close_was_not_applied() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("a.db")).await.expect("a new file");
    let (go, wait) = mpsc::channel::<()>();
    let (say_begun, begun) = tokio::sync::oneshot::channel();
    let busy = store.clone();
    let busy = tokio::spawn(async move {
        busy.write(move |_| {
            say_begun.send(()).expect("somebody waits");
            wait.recv().map_err(drop)
        })
        .await
    });
    begun.await.expect("the writer is busy");
    // Both wait behind the busy writer, in this order.
    let closing = store.clone().close();
    let late = store.write(|_| Ok::<_, ()>(()));
    let (mut closing, mut late) = (Box::pin(closing), Box::pin(late));
    assert!(futures_util::poll!(&mut closing).is_pending());
    assert!(futures_util::poll!(&mut late).is_pending());
    go.send(()).expect("it waits");
    assert!(matches!(busy.await.expect("no panic"), Ok(Ok(()))));
    closing.await;
    let late = late.await;
    assert!(matches!(late, Err(StoreError::NotApplied { .. })), "{late:?}");
}

/// The work has ended and its key is freed; something that it left behind still wants to commit.
#[tokio::test]
async fn a_commit_after_the_end_of_the_work_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("a.db")).await.expect("a new file");
    let engine =
        Engine::new(store.clone(), policy(EffectClass::Transactional)).expect("it carries all");
    let (hand_over, left_behind) = tokio::sync::oneshot::channel();
    let told = engine.run(asks(store.secret(), "a", "b"), |execution: Execution<_>| async move {
        hand_over.send(execution).expect("somebody waits");
        Ending::NotProcessed(())
    });
    assert!(matches!(told.await, Decision::NotRecorded { freed: true, .. }));
    let execution = left_behind.await.expect("an execution");
    let effect = |_: &SqliteTx<'_>| Ok::<_, ()>((RecordedResponse::of_work(b"too late"), ()));
    let refused = execution.commit(effect).await.expect_err("it is refused");
    assert_eq!(refused, CommitRefused::TooLate);
}

/// A keyed claim whose owner vanished, asked for by a transactional engine: the earlier owner may have
/// had its effect downstream, which a commit would not be recognised by. Nothing runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_transactional_engine_does_not_go_on_with_what_was_deduplicated_elsewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("a.db")).await.expect("a new file");
    let keyed = Engine::new(store.clone(), policy(EffectClass::Keyed)).expect("it carries all");
    let engine =
        Engine::new(store.clone(), policy(EffectClass::Transactional)).expect("it carries all");
    let vanished = keyed.run(asks(store.secret(), "a", "b"), |_| async { Ending::Unknown(()) });
    assert!(matches!(vanished.await, Decision::NotRecorded { freed: false, .. }));
    let late = engine.run(asks(store.secret(), "a", "b"), |_: Execution<_>| async {
        Ending::Answered(RecordedResponse::of_work(b"twice"), ())
    });
    assert!(matches!(late.await, Decision::Indeterminate));
    // Its own like goes on with it no more either: the outcome is unknown for good.
    let again = keyed.run(asks(store.secret(), "a", "b"), |_| async { Ending::Unknown(()) });
    assert!(matches!(again.await, Decision::Indeterminate));
}
