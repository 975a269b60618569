//! After a commit the committed answer is the answer.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::LOCATION;
use private_servers::PrivatePgBouncer;
use seiriken::engine::TxError;
use seiriken::http::Once;
use seiriken::store::postgres::{PostgresOptions, PostgresStore};

use crate::guarded::Answer;
use crate::shelf::{Node, Route, Shelf, put, server};

async fn commit(once: &Once<PostgresStore>) -> Result<Response, TxError> {
    let mut tx = once.begin().await?;
    put(&mut tx).await?;
    tx.commit((StatusCode::CREATED, [(LOCATION, "/things/1")], "a thing")).await
}

pub(crate) fn puts_a_thing(node: &Node) -> Route {
    node.route(|once: Once<PostgresStore>| async move { commit(&once).await })
}

pub(crate) fn assert_a_thing(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"a thing"[..]), "{answer:?}");
    assert_eq!(answer.values("location"), ["/things/1"]);
}

#[tokio::test]
async fn a_commit_is_answered_and_replayed() {
    let shelf = Shelf::new().await;
    let route = puts_a_thing(&shelf.node(2).await);
    let first = route.post("k").await;
    first.assert_executed();
    assert_a_thing(&first);
    for _ in 0..2 {
        route.post("k").await.assert_replays(&first);
    }
    assert_eq!(shelf.things().await, 1);
    let completed = "SELECT count(*) FROM keys.key_records
        WHERE state = 'completed' AND status = 201 AND class = 'transactional'
            AND expires_at > claimed_at + interval '1 day'";
    assert_eq!(shelf.number(completed).await, 1);
}

#[tokio::test]
async fn whatever_the_handler_does_after_its_commit_the_committed_answer_is_the_answer() {
    let shelf = Shelf::new().await;
    let node = shelf.node(2).await;
    for (things, key) in (1..).zip(["error", "panic", "again"]) {
        let route = node.route(move |once: Once<PostgresStore>| async move {
            commit(&once).await.expect("it commits");
            match key {
                "error" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                "panic" => panic!("on purpose: after the commit"),
                _ => {
                    let again = once.begin().await.expect_err("once alone");
                    assert!(matches!(again, TxError::Refused(_)), "{again}");
                    again.into_response()
                }
            }
        });
        let first = route.post(key).await;
        first.assert_executed();
        assert_a_thing(&first);
        route.post(key).await.assert_replays(&first);
        assert_eq!(shelf.things().await, things, "{key}");
    }
}

#[tokio::test]
async fn a_savepoint_is_the_handlers_own() {
    use seiriken::store::postgres::sqlx::{self, Connection};
    let shelf = Shelf::new().await;
    let route = shelf.node(2).await.route(|once: Once<PostgresStore>| async move {
        let mut tx = once.begin().await?;
        let mut tried = tx.begin().await?;
        sqlx::query("INSERT INTO things (name) VALUES ('tried')").execute(&mut *tried).await?;
        tried.rollback().await?;
        put(&mut tx).await?;
        tx.commit(StatusCode::CREATED).await
    });
    route.post("k").await.assert_executed();
    assert_eq!(shelf.things().await, 1, "what was rolled back to its savepoint is not there");
}

#[tokio::test]
async fn a_refusal_without_a_commit_is_recorded() {
    let shelf = Shelf::new().await;
    let node = shelf.node(2).await;
    for key in ["before-it-begins", "after-a-rollback"] {
        let route = node.route(move |once: Once<PostgresStore>| async move {
            if key == "after-a-rollback" {
                let mut tx = once.begin().await?;
                put(&mut tx).await?;
            }
            Ok::<_, TxError>((StatusCode::PAYMENT_REQUIRED, "no"))
        });
        let first = route.post(key).await;
        first.assert_executed();
        assert_eq!(first.status, StatusCode::PAYMENT_REQUIRED);
        route.post(key).await.assert_replays(&first);
    }
    assert_eq!(shelf.things().await, 0);
}

#[tokio::test]
async fn a_begin_on_a_route_that_is_not_transactional_is_refused() {
    let shelf = Shelf::new().await;
    let layer = shelf.node(2).await.idempotency();
    let handler = |once: Once<PostgresStore>| async move { commit(&once).await };
    let router = axum::Router::new().route("/", axum::routing::post(handler)).layer(layer.layer());
    let Ok(answer) = tower::ServiceExt::oneshot(router, crate::guarded::post("k")).await;
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(shelf.things().await, 0);
}

#[tokio::test]
async fn through_pgbouncer_in_transaction_mode_as_well() {
    let shelf = Shelf::new().await;
    let bouncer = PrivatePgBouncer::start(server(), 3).expect("a pooler");
    // The pooler takes no `search_path`, so the table is named in full.
    let pool = seiriken::store::postgres::sqlx::postgres::PgPoolOptions::new()
        .max_connections(3)
        .connect_lazy(&bouncer.url())
        .expect("an address");
    let node = shelf.node_on(pool, PostgresOptions::new().transaction_pooling(true)).await;
    let insert = format!("INSERT INTO {} (name) VALUES ('a thing')", shelf.table());
    let route = node.route(move |once: Once<PostgresStore>| {
        let insert = insert.clone();
        async move {
            use seiriken::store::postgres::sqlx::{AssertSqlSafe, raw_sql};
            let mut tx = once.begin().await?;
            raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await?;
            tx.commit((StatusCode::CREATED, [(LOCATION, "/things/1")], "a thing")).await
        }
    });
    for key in ["a", "b", "c", "d"] {
        let first = route.post(key).await;
        first.assert_executed();
        assert_a_thing(&first);
        route.post(key).await.assert_replays(&first);
    }
    assert_eq!(shelf.things().await, 4);
}
