//! Two nodes on one database behave as one service.

use std::sync::Arc;

use futures_util::FutureExt;
use http::StatusCode;
use seiriken::AcceptedKeys;
use seiriken::engine::TxError;
use seiriken::http::{Once, ProblemKind};
use seiriken::store::postgres::PostgresStore;
use tokio::sync::Notify;

use crate::committed::{assert_a_thing, puts_a_thing};
use crate::shelf::{Route, Shelf, put};

#[tokio::test]
async fn what_one_node_recorded_the_other_replays() {
    let shelf = Shelf::new().await;
    let (one, other) = (shelf.node(2).await, shelf.node(2).await);
    let first = puts_a_thing(&one).post("k").await;
    first.assert_executed();
    puts_a_thing(&other).post("k").await.assert_replays(&first);
    assert_eq!(shelf.things().await, 1);
}

#[tokio::test]
async fn a_duplicate_on_another_node_is_told_at_once_and_drains_no_pool() {
    let shelf = Shelf::new().await;
    let (one, other) = (shelf.node(1).await, shelf.node(1).await);
    let (begun, may_end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (says, waits) = (Arc::clone(&begun), Arc::clone(&may_end));
    let slow = one.route(move |once: Once<PostgresStore>| async move {
        let mut tx = once.begin().await?;
        put(&mut tx).await?;
        says.notify_one();
        waits.notified().await;
        tx.commit((StatusCode::CREATED, [("location", "/things/1")], "a thing")).await
    });
    let first = tokio::spawn(async move { slow.post("k").await });
    begun.notified().await;
    let quick = puts_a_thing(&other);
    for _ in 0..3 {
        let refused = quick.post("k").await;
        refused.assert_refused(ProblemKind::RequestInProgress);
        assert_eq!(refused.values("retry-after"), ["1"]);
    }
    // Its one connection is free for other keys all the while.
    quick.post("another").await.assert_executed();
    may_end.notify_one();
    let first = first.await.expect("no panic");
    first.assert_executed();
    assert_a_thing(&first);
    quick.post("k").await.assert_replays(&first);
    assert_eq!(shelf.things().await, 2);
}

#[tokio::test]
async fn a_rollback_on_one_node_frees_the_key_for_the_other() {
    let shelf = Shelf::new().await;
    let (one, other) = (shelf.node(1).await, shelf.node(1).await);
    let fails = one.route(|once: Once<PostgresStore>| async move {
        let mut tx = once.begin().await?;
        put(&mut tx).await?;
        Ok::<_, TxError>(StatusCode::SERVICE_UNAVAILABLE)
    });
    fails.post("k").await.assert_not_recorded();
    puts_a_thing(&other).post("k").await.assert_executed();
    assert_eq!(shelf.things().await, 1);
}

/// Both have begun to run it before either has looked at the other.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_nodes_at_once_one_commits_and_all_tell_its_answer() {
    let shelf = Shelf::new().await;
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(puts_a_thing(&shelf.node(2).await));
    }
    for key in 0..20 {
        let key = key.to_string();
        let asked = nodes.iter().map(|node| node.post(&key));
        let answers = futures_util::future::join_all(asked).await;
        let executed = answers.iter().filter(|answer| answer.marker() == Some("false")).count();
        assert!(executed <= 1, "{answers:?}");
        // Each may have had the lock when the others tried it; who asks again is told.
        let again = nodes[0].post(&key).await;
        assert_a_thing(&again);
        for node in &nodes {
            assert_a_thing(&node.post(&key).await);
        }
    }
    assert_eq!(shelf.things().await, 20);
}

/// Its claim found nothing; by the time that it begins, another node has committed.
#[tokio::test]
async fn an_execution_that_was_overtaken_before_its_begin_writes_nothing() {
    let shelf = Shelf::new().await;
    let (one, other) = (shelf.node(1).await, shelf.node(1).await);
    let (claimed, may_begin) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (says, waits) = (Arc::clone(&claimed), Arc::clone(&may_begin));
    let slow = one.route(move |once: Once<PostgresStore>| async move {
        says.notify_one();
        waits.notified().await;
        let over = once.begin().await.expect_err("another one stands");
        assert!(matches!(over, TxError::Over), "{over}");
        over
    });
    let late = slow.clone();
    let late = tokio::spawn(async move { late.post("k").await });
    claimed.notified().await;
    let first = puts_a_thing(&other).post("k").await;
    first.assert_executed();
    may_begin.notify_one();
    late.await.expect("no panic").assert_refused(ProblemKind::RequestInProgress);
    slow.post("k").await.assert_replays(&first);
    assert_eq!(shelf.things().await, 1);
}

/// Of a dated key that was used and forgotten between its claim and its begin, no row tells: that keys of
/// its time are forgotten does.
#[tokio::test]
async fn a_key_whose_time_was_swept_before_its_begin_writes_nothing() {
    let shelf = Shelf::new().await;
    let node = shelf.node(1).await;
    let shelf = Arc::new(shelf);
    let sweeps = Arc::clone(&shelf);
    // A panic of the handler would be answered like any other failure.
    let told = Arc::new(Notify::new());
    let tells = Arc::clone(&told);
    let late = move |once: Once<PostgresStore>| async move {
        let forget = "UPDATE keys.store_state SET swept_through = clock_timestamp() + '1 hour'";
        sweeps.run(forget).await;
        match once.begin().await {
            Err(over @ TxError::Over) => {
                tells.notify_one();
                Err::<StatusCode, _>(over)
            }
            Err(other) => Err(other),
            Ok(_) => Ok(StatusCode::SERVICE_UNAVAILABLE),
        }
    };
    let dated = node.idempotency().transactional().accepted_keys(AcceptedKeys::Dated);
    let now = shelf.number("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await;
    // RFC 9562 section 5.7.
    let key = format!("{:08x}-{:04x}-7000-8000-000000000001", now >> 16, now & 0xFFFF);
    let answer = Route::under(&dated, late).post(&key).await;
    assert!(told.notified().now_or_never().is_some(), "{answer:?}");
    assert_eq!(shelf.number("SELECT count(*) FROM keys.key_records").await, 0);
}

/// A row that has expired counts as absent, whether it has been swept or not.
#[tokio::test]
async fn an_expired_row_is_in_nobodys_way() {
    let shelf = Shelf::new().await;
    let route = puts_a_thing(&shelf.node(1).await);
    route.post("k").await.assert_executed();
    shelf.run("UPDATE keys.key_records SET expires_at = clock_timestamp() - interval '1 h'").await;
    let anew = route.post("k").await;
    anew.assert_executed();
    route.post("k").await.assert_replays(&anew);
    assert_eq!(shelf.things().await, 2);
}
