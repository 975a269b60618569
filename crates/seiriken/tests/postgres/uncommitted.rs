//! Transactional routes whose effect was not committed: nothing happened and the key is free.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use seiriken::engine::TxError;
use seiriken::http::{Once, ProblemKind};
use seiriken::store::postgres::PostgresStore;
use seiriken::store::postgres::sqlx;

use crate::guarded::Answer;
use crate::shelf::{Shelf, put};

/// How the first run of a handler fails; the second one commits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failing {
    AnswersServerError,
    AnswersSuccessWithoutCommit,
    Panics,
    CommitsAServerError,
    CommitsAnAbortedTransaction,
    ADeferredConstraintRefuses,
    LeavesItToADrop,
}

async fn fail(how: Failing, once: Once<PostgresStore>) -> Result<Response, TxError> {
    let mut tx = once.begin().await?;
    put(&mut tx).await?;
    match how {
        Failing::AnswersServerError => Ok(StatusCode::SERVICE_UNAVAILABLE.into_response()),
        Failing::AnswersSuccessWithoutCommit => Ok((StatusCode::CREATED, "a lie").into_response()),
        Failing::Panics => panic!("on purpose: inside the transaction"),
        Failing::CommitsAServerError => tx.commit((StatusCode::BAD_GATEWAY, "not now")).await,
        Failing::CommitsAnAbortedTransaction => {
            let failed = sqlx::query("INSERT INTO things (name) VALUES (NULL)");
            failed.execute(&mut *tx).await.expect_err("a name is needed");
            tx.commit((StatusCode::CREATED, "a lie")).await
        }
        Failing::ADeferredConstraintRefuses => {
            let script = "ALTER TABLE things ADD COLUMN n integer DEFAULT 1;
                ALTER TABLE things ADD CONSTRAINT one UNIQUE (n) DEFERRABLE INITIALLY DEFERRED;
                INSERT INTO things (name) VALUES ('a second one')";
            sqlx::raw_sql(script).execute(&mut *tx).await?;
            tx.commit((StatusCode::CREATED, "a lie")).await
        }
        Failing::LeavesItToADrop => {
            tx.roll_back().await;
            let mut tx = once.begin().await?;
            put(&mut tx).await?;
            drop(tx);
            Ok(StatusCode::SERVICE_UNAVAILABLE.into_response())
        }
    }
}

async fn failed_first(how: Failing) -> Answer {
    let shelf = Shelf::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let route = shelf.node(1).await.route(move |once: Once<PostgresStore>| async move {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            return fail(how, once).await;
        }
        let mut tx = once.begin().await?;
        put(&mut tx).await?;
        tx.commit((StatusCode::CREATED, "a thing")).await
    });
    let first = route.post("k").await;
    assert_eq!(shelf.things().await, 0, "{how:?}");
    let second = route.post("k").await;
    second.assert_executed();
    assert_eq!((second.status.as_u16(), &second.body[..]), (201, &b"a thing"[..]), "{how:?}");
    route.post("k").await.assert_replays(&second);
    assert_eq!((shelf.things().await, runs.load(Ordering::SeqCst)), (1, 2), "{how:?}");
    first
}

#[tokio::test]
async fn a_server_error_rolls_back_and_frees_the_key() {
    for (how, status) in [
        (Failing::AnswersServerError, 503),
        (Failing::CommitsAServerError, 502),
        (Failing::LeavesItToADrop, 503),
    ] {
        let first = failed_first(how).await;
        first.assert_not_recorded();
        assert_eq!(first.status.as_u16(), status, "{how:?}");
    }
}

#[tokio::test]
async fn success_that_was_never_committed_is_an_error() {
    failed_first(Failing::AnswersSuccessWithoutCommit).await.assert_failed();
}

#[tokio::test]
async fn a_panic_rolls_back_and_frees_the_key() {
    failed_first(Failing::Panics).await.assert_failed();
}

/// `COMMIT` of such a transaction answers without any error that it has rolled back.
#[tokio::test]
async fn an_aborted_transaction_is_never_taken_for_a_commit() {
    let first = failed_first(Failing::CommitsAnAbortedTransaction).await;
    assert_eq!(first.status, StatusCode::INTERNAL_SERVER_ERROR, "{first:?}");
}

#[tokio::test]
async fn what_the_database_refuses_at_the_commit_is_rolled_back() {
    let first = failed_first(Failing::ADeferredConstraintRefuses).await;
    assert_eq!(first.status, StatusCode::INTERNAL_SERVER_ERROR, "{first:?}");
}

/// What it has written by then stands, and nobody knows what it wanted: it is never run again.
#[tokio::test]
async fn a_handler_that_ends_its_transaction_itself_makes_its_key_indeterminate() {
    for end in ["COMMIT", "ROLLBACK", "COMMIT; BEGIN"] {
        let shelf = Shelf::new().await;
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let route = shelf.node(2).await.route(move |once: Once<PostgresStore>| async move {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut tx = once.begin().await?;
            put(&mut tx).await?;
            sqlx::raw_sql(end).execute(&mut *tx).await?;
            tx.commit((StatusCode::CREATED, "a thing")).await
        });
        route.post("k").await.assert_refused(ProblemKind::OutcomePending);
        route.post("k").await.assert_refused(ProblemKind::OutcomeUnknown);
        assert_eq!(runs.load(Ordering::SeqCst), 1, "{end}");
        let unknown = "SELECT count(*) FROM keys.key_records WHERE state = 'indeterminate'";
        assert_eq!(shelf.number(unknown).await, 1, "{end}");
    }
}
