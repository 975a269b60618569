//! A connection goes from one handler straight to the next, where that is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::IntoResponse;
use futures_util::FutureExt;
use futures_util::future::join_all;
use http::StatusCode;
use seiriken::engine::TxError;
use seiriken::http::{Once, ProblemKind};
use seiriken::store::postgres::sqlx::postgres::PgPoolOptions;
use seiriken::store::postgres::{PostgresOptions, PostgresStore};
use tokio::task::yield_now;

use crate::committed::puts_a_thing;
use crate::shelf::{Node, Route, Shelf, put, server};

const ORDERS: usize = 12;

/// One connection, and how often it came back to the pool.
struct Counted {
    node: Node,
    returned: Arc<AtomicUsize>,
}

impl Counted {
    async fn new(shelf: &Shelf, options: PostgresOptions) -> Self {
        let returned = Arc::new(AtomicUsize::new(0));
        let counts = Arc::clone(&returned);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(20))
            .after_release(move |_, _| {
                counts.fetch_add(1, Ordering::SeqCst);
                async { Ok(true) }.boxed()
            });
        let node = shelf.node_on(shelf.pool_with(&server().url(), pool), options).await;
        Self { node, returned }
    }

    fn returned(&self) -> usize {
        self.returned.load(Ordering::SeqCst)
    }
}

/// Until so many wait for a connection of the node, and so many transactions are open.
async fn in_line(store: &PostgresStore, open: usize, wait: usize) {
    let wanted = format!("Line({open} of 1 taken, {wait} wait)");
    while !format!("{store:?}").contains(&wanted) {
        yield_now().await;
    }
}

/// Whoever is first holds its transaction until so many wait for theirs, and then ends it.
fn first_waits_for(node: &Node, others: usize, commits: bool) -> Route {
    let (store, runs) = (node.store.clone(), Arc::new(AtomicUsize::new(0)));
    node.route(move |once: Once<PostgresStore>| async move {
        let mut tx = once.begin().await?;
        put(&mut tx).await?;
        if runs.fetch_add(1, Ordering::SeqCst) == 0 {
            in_line(&store, 1, others).await;
            if !commits {
                return Ok::<_, TxError>(StatusCode::SERVICE_UNAVAILABLE.into_response());
            }
        }
        tx.commit((StatusCode::CREATED, [("location", "/things/1")], "a thing")).await
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_passed_on_and_comes_back_when_nobody_waits() {
    let shelf = Shelf::new().await;
    let counted = Counted::new(&shelf, PostgresOptions::new().pass_connections_on(true)).await;
    let route = first_waits_for(&counted.node, ORDERS - 1, true);
    let keys: Vec<String> = (0..ORDERS).map(|key| key.to_string()).collect();
    for answer in join_all(keys.iter().map(|key| route.post(key))).await {
        answer.assert_executed();
    }
    in_line(&counted.node.store, 0, 0).await;
    while counted.returned() == 0 {
        yield_now().await;
    }
    assert_eq!(counted.returned(), 1, "once, at the end");
    assert_eq!(shelf.things().await, i64::try_from(ORDERS).expect("few"));
}

/// Its hooks may have to clean each session up.
#[tokio::test(flavor = "multi_thread")]
async fn on_a_pool_that_was_handed_in_it_comes_back_each_time() {
    let shelf = Shelf::new().await;
    let counted = Counted::new(&shelf, PostgresOptions::new()).await;
    let route = puts_a_thing(&counted.node);
    let keys: Vec<String> = (0..ORDERS).map(|key| key.to_string()).collect();
    for answer in join_all(keys.iter().map(|key| route.post(key))).await {
        answer.assert_executed();
    }
    while counted.returned() < ORDERS {
        yield_now().await;
    }
    assert_eq!(counted.returned(), ORDERS);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_rolls_back_lets_the_next_one_begin() {
    let shelf = Shelf::new().await;
    let counted = Counted::new(&shelf, PostgresOptions::new().pass_connections_on(true)).await;
    let route = first_waits_for(&counted.node, 1, false);
    let (one, other) = futures_util::join!(route.post("one"), route.post("other"));
    let statuses = [one.status, other.status];
    assert!(statuses.contains(&StatusCode::SERVICE_UNAVAILABLE), "{statuses:?}");
    assert!(statuses.contains(&StatusCode::CREATED), "{statuses:?}");
    assert_eq!(shelf.things().await, 1);
    in_line(&counted.node.store, 0, 0).await;
}

/// A place is not lost with whom it was for.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_waited_too_long_is_told_and_the_next_one_begins() {
    let shelf = Shelf::new().await;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(Duration::from_millis(50));
    let pool = shelf.pool_with(&server().url(), pool);
    let node = shelf.node_on(pool, PostgresOptions::new().pass_connections_on(true)).await;
    let (holds, may_end) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (says, waits) = (Arc::clone(&holds), Arc::clone(&may_end));
    let slow = node.route(move |once: Once<PostgresStore>| async move {
        let mut tx = once.begin().await?;
        put(&mut tx).await?;
        says.store(1, Ordering::SeqCst);
        while waits.load(Ordering::SeqCst) == 0 {
            yield_now().await;
        }
        tx.commit((StatusCode::CREATED, [("location", "/things/1")], "a thing")).await
    });
    let first = tokio::spawn(async move { slow.post("first").await });
    while holds.load(Ordering::SeqCst) == 0 {
        yield_now().await;
    }
    let quick = puts_a_thing(&node);
    quick.post("second").await.assert_refused(ProblemKind::StoreUnavailable);
    may_end.store(1, Ordering::SeqCst);
    first.await.expect("no panic").assert_executed();
    quick.post("second").await.assert_executed();
    in_line(&node.store, 0, 0).await;
    assert_eq!(shelf.things().await, 2);
}
