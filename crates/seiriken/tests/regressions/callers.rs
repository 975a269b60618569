//! One caller's answer never reaches another.

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::engine::{Decision, Ending, Engine, Execution};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::sqlite::{SqliteStore, SqliteTx};
use tokio::sync::oneshot;

use super::{asks, policy};

/// Alice's first request is paused past its lease; her retry takes over and frees the key; Bob
/// uses it. Then Alice's first request comes back with an answer.
#[tokio::test]
async fn a_late_owner_is_not_given_what_stands_there_now() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let store = SqliteStore::open_with_clock(folder.path().join("a.db"), Arc::clone(&clock))
        .await
        .expect("a new file");
    let engine =
        Engine::new(store.clone(), policy(EffectClass::Transactional)).expect("it carries all");
    let secret = store.secret().clone();
    let (wake, paused) = oneshot::channel::<()>();
    let (say_begun, begun) = oneshot::channel::<()>();
    let first = tokio::spawn(engine.run(asks(&secret, "alice", "pay 1"), |_| async move {
        say_begun.send(()).expect("somebody waits");
        paused.await.expect("it is woken");
        Ending::Answered(RecordedResponse::of_work(b"402 for alice"), ())
    }));
    begun.await.expect("it begins");
    clock.advance(Duration::from_secs(31));
    let retry = engine.run(asks(&secret, "alice", "pay 1"), |_| async { Ending::NotProcessed(()) });
    assert!(matches!(retry.await, Decision::NotRecorded { freed: true, .. }));
    let bobs = engine.run(asks(&secret, "bob", "pay 7"), |execution: Execution<_>| async move {
        let effect =
            |_: &SqliteTx<'_>| Ok::<_, ()>((RecordedResponse::of_work(b"for bob alone"), ()));
        execution.commit(effect).await.expect("it may").expect("it does");
        Ending::NotProcessed(())
    });
    assert!(matches!(bobs.await, Decision::Executed { .. }));
    wake.send(()).expect("it waits");
    let told = first.await.expect("no panic");
    assert!(matches!(told, Decision::Pending), "{told:?}");
}
