//! A caller goes away at any point of a begin and of a commit: no connection is left inside a
//! transaction, and what was asked for comes about in whole.

use std::pin::pin;
use std::task::Poll;

use http::StatusCode;
use seiriken::engine::TxError;
use seiriken::http::Once;
use seiriken::store::postgres::PostgresStore;
use tokio::task::yield_now;

use crate::committed::{assert_a_thing, puts_a_thing};
use crate::shelf::{Shelf, put};

/// Polls `future` so often, each time when it asks for it, and drops it. Whether it had ended.
async fn polled<F: Future>(future: F, times: usize) -> bool {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if polls == times {
            return Poll::Ready(false);
        }
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polls == times => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Waits until no session of the database is inside a transaction of these things.
async fn settled(shelf: &Shelf) {
    let open = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'
            AND query LIKE '%{}.%'",
        shelf.schema()
    );
    while shelf.number(&open).await > 0 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_begin_that_is_dropped_leaves_no_transaction_open() {
    let shelf = Shelf::new().await;
    // One connection: what the first left on it the second would meet.
    let node = shelf.node(1).await;
    for polls in 0.. {
        let dropping = node.route(move |once: Once<PostgresStore>| async move {
            let ended = polled(once.begin(), polls).await;
            if ended { StatusCode::NOT_IMPLEMENTED } else { StatusCode::SERVICE_UNAVAILABLE }
        });
        let key = polls.to_string();
        let first = dropping.post(&key).await;
        first.assert_not_recorded();
        let second = puts_a_thing(&node).post(&key).await;
        second.assert_executed();
        settled(&shelf).await;
        if first.status == StatusCode::NOT_IMPLEMENTED {
            assert!(polls > 0, "a begin waits for the database");
            break;
        }
    }
    let things = shelf.things().await;
    let recorded = "SELECT count(*) FROM keys.key_records WHERE state = 'completed'";
    assert_eq!(shelf.number(recorded).await, things);
}

#[tokio::test]
async fn a_commit_that_is_dropped_comes_about_and_is_the_answer() {
    let shelf = Shelf::new().await;
    let node = shelf.node(1).await;
    for polls in 1..4 {
        let dropping = node.route(move |once: Once<PostgresStore>| async move {
            let mut tx = once.begin().await?;
            put(&mut tx).await?;
            let answer = (StatusCode::CREATED, [("location", "/things/1")], "a thing");
            polled(tx.commit(answer), polls).await;
            Ok::<_, TxError>(StatusCode::GATEWAY_TIMEOUT)
        });
        let key = polls.to_string();
        let first = dropping.post(&key).await;
        first.assert_executed();
        assert_a_thing(&first);
        dropping.post(&key).await.assert_replays(&first);
    }
    assert_eq!(shelf.things().await, 3);
    settled(&shelf).await;
}
