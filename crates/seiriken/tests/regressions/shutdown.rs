//! What is known at the end is told.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::engine::{CommitRefused, Decision, Ending, Engine, Execution};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::sqlite::{CommitError, SqliteStore, SqliteTx, rusqlite};
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

/// A keyed claim, taken over by a transactional engine, whose owner comes back after everything
/// has expired: its commit is refused, and the store goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_on_a_record_that_has_expired_is_refused_and_stops_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let store = SqliteStore::open_with_clock(folder.path().join("a.db"), Arc::clone(&clock)).await;
    let store = store.expect("a new file");
    let keyed = Engine::new(store.clone(), policy(EffectClass::Keyed)).expect("it carries all");
    let engine =
        Engine::new(store.clone(), policy(EffectClass::Transactional)).expect("it carries all");
    let vanished = keyed.run(asks(store.secret(), "a", "b"), |_| async { Ending::Unknown(()) });
    assert!(matches!(vanished.await, Decision::NotRecorded { freed: false, .. }));
    let late = engine.run(asks(store.secret(), "a", "b"), |execution: Execution<_>| async move {
        clock.advance(Duration::from_hours(25));
        let effect = |tx: &SqliteTx<'_>| {
            tx.execute_batch("CREATE TABLE effects (n)")?;
            Ok::<_, rusqlite::Error>((RecordedResponse::of_work(b"late"), ()))
        };
        let refused = execution.commit(effect).await.expect("it is asked for");
        Ending::NotProcessed(matches!(refused, Err(CommitError::LeaseLost)))
    });
    assert!(matches!(late.await, Decision::InProgress { .. }));
    let count = "SELECT count(*) FROM sqlite_schema WHERE name = 'effects'";
    let made = store.write(move |tx| tx.query_row(count, [], |row| row.get::<_, i64>(0))).await;
    assert_eq!(made.expect("the store goes on").expect("counted"), 0);
}
