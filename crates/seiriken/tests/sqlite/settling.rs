//! While a change is on its way to the disk, nobody is told of it: it may still be taken back.

use std::pin::pin;

use futures_util::poll;
use seiriken::record::EffectClass;
use seiriken::record::transition::{
    ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::store::{Store, StoreError};

use super::{Bench, LEASE, answer, ask, gate, key, owner, run_sql};

const TABLES: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (
        parent INTEGER NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
    );";

/// Asks while `changing` is applied and not yet committed; then the commit is refused. Answers
/// what was told in the end.
async fn told_while_settling<C: std::fmt::Debug, T: std::fmt::Debug>(
    store: &SqliteStore,
    changing: impl Future<Output = Result<C, StoreError>>,
    asking: impl Future<Output = Result<T, StoreError>>,
) -> T {
    let ((mut before, at_before), (mut within, at_within)) = (gate(), gate());
    let mut busy = pin!(store.write(move |_| {
        at_before.wait();
        Ok::<_, rusqlite::Error>(())
    }));
    assert!(poll!(&mut busy).is_pending());
    before.reached().await;
    // These two wait in the queue together, so they become one group.
    let mut changing = pin!(changing);
    assert!(poll!(&mut changing).is_pending());
    let mut failing = pin!(store.write(move |tx| {
        at_within.wait();
        tx.execute("INSERT INTO child (parent) VALUES (404)", [])
    }));
    assert!(poll!(&mut failing).is_pending());
    before.open();
    within.reached().await;

    let mut asking = pin!(asking);
    let told = poll!(&mut asking);
    assert!(told.is_pending(), "the group is not committed, and somebody was told {told:?}");
    within.open();
    assert!(busy.await.is_ok());
    assert!(changing.await.is_err(), "the group's COMMIT was refused");
    assert!(failing.await.is_err(), "the group's COMMIT was refused");
    asking.await.expect("it is answered")
}

#[tokio::test]
async fn a_renewal_is_not_told_of_a_completion_that_is_then_taken_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    for (number, class) in [(1, EffectClass::Keyed), (2, EffectClass::Transactional)] {
        let token = owner(&store, key(number), class).await;
        let completing = store.complete(key(number), token, answer("done"));
        let renewing = store.renew(key(number), token, LEASE);
        let told = told_while_settling(&store, completing, renewing).await;
        assert_eq!(told, RenewOutcome::Renewed, "{class:?}");
    }
}

#[tokio::test]
async fn a_claim_is_not_told_of_a_release_that_is_then_taken_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let ends = [(1, Ended::EffectUnknown), (2, Ended::WithoutEffect)];
    for (number, ended) in ends {
        let token = owner(&store, key(number), EffectClass::Opaque).await;
        let releasing = store.release(key(number), token, ended);
        let claiming = store.claim(key(number), ask(&store, EffectClass::Opaque, 2));
        let told = told_while_settling(&store, releasing, claiming).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{ended:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_claim_is_not_told_of_a_claim_that_is_then_taken_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let first = store.claim(key(1), ask(&store, EffectClass::Opaque, 1));
    let second = store.claim(key(1), ask(&store, EffectClass::Opaque, 2));
    let told = told_while_settling(&store, first, second).await;
    assert!(matches!(told, ClaimOutcome::Granted(_)), "the key is new: {told:?}");
}

#[tokio::test]
async fn a_release_is_not_told_of_a_completion_that_is_then_taken_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let token = owner(&store, key(1), EffectClass::Transactional).await;
    let completing = store.complete(key(1), token, answer("done"));
    let releasing = store.release(key(1), token, Ended::WithoutEffect);
    let told = told_while_settling(&store, completing, releasing).await;
    assert_eq!(told, ReleaseOutcome::Freed);
}

#[tokio::test]
async fn a_completion_is_not_told_of_an_answer_that_is_then_taken_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    let first = store.complete(key(1), token, answer("first"));
    let second = store.complete(key(1), token, answer("second"));
    let told = told_while_settling(&store, first, second).await;
    assert_eq!(told, CompleteOutcome::Recorded, "the first answer was taken back");
}
