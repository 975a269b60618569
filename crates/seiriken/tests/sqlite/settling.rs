//! While a change is on its way to the disk, nobody is told of it: it may still be taken back.

use std::pin::pin;

use futures_util::poll;
use seiriken::record::EffectClass;
use seiriken::record::transition::RenewOutcome;
use seiriken::store::Store;
use seiriken::store::sqlite::rusqlite;

use super::{Bench, LEASE, answer, gate, key, owner, run_sql};

const TABLES: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (
        parent INTEGER NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
    );";

#[tokio::test]
async fn a_renewal_is_not_told_of_a_completion_that_is_then_taken_back() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;

    let ((mut before, at_before), (mut within, at_within)) = (gate(), gate());
    let mut busy = pin!(store.write(move |_| {
        at_before.wait();
        Ok::<_, rusqlite::Error>(())
    }));
    assert!(poll!(&mut busy).is_pending());
    before.reached().await;
    // These two wait in the queue together, so they become one group.
    let mut completing = pin!(store.complete(key(1), token, answer("done")));
    assert!(poll!(&mut completing).is_pending());
    let mut failing = pin!(store.write(move |tx| {
        at_within.wait();
        tx.execute("INSERT INTO child (parent) VALUES (1)", [])
    }));
    assert!(poll!(&mut failing).is_pending());
    before.open();
    within.reached().await;

    let mut renewing = pin!(store.renew(key(1), token, LEASE));
    let told = poll!(&mut renewing);
    assert!(told.is_pending(), "the group is not committed, and the owner was told {told:?}");
    within.open();
    assert!(busy.await.is_ok());
    assert!(completing.await.is_err(), "the group's COMMIT was refused");
    assert!(failing.await.is_err(), "the group's COMMIT was refused");
    assert_eq!(renewing.await.expect("it is answered"), RenewOutcome::Renewed);
}
