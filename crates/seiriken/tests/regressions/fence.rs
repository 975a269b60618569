//! What an effect does to the database stays its own.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::post;
use seiriken::engine::{Decision, Ending, Engine, Execution};
use seiriken::http::{Idempotency, Identity, Once};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::sqlite::{OpenError, SqliteStore, SqliteTx};
use tower::ServiceExt;

use super::{asks, policy};

async fn count(store: &SqliteStore, table: &'static str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    let counted = store.read(move |db| db.query_row(&sql, [], |row| row.get(0))).await;
    counted.expect("the store is open").expect("the table is there")
}

/// `INSERT OR ROLLBACK` ends the whole transaction. A closure that takes no notice goes on to
/// write outside of any, which would commit by itself, without its record.
#[tokio::test]
async fn what_is_written_after_the_transaction_was_lost_is_not_committed() {
    async fn order(once: Once<SqliteStore>) -> Result<Response, StatusCode> {
        once.commit(|tx| {
            // A best-effort note, whose error nobody looks at.
            let _ = tx.execute("INSERT OR ROLLBACK INTO audit VALUES (1)", []);
            tx.execute("INSERT INTO orders VALUES (1)", [])
                .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
            Ok(StatusCode::CREATED)
        })
        .await
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("a.db")).await.expect("a new file");
    let tables = "CREATE TABLE orders (n); CREATE TABLE audit (n UNIQUE);
                  INSERT INTO audit VALUES (1)";
    store.write(|tx| tx.execute_batch(tables)).await.expect("open").expect("made");
    let guard = Idempotency::new(store.clone(), Identity::anonymous()).transactional();
    let app = Router::new().route("/orders", post(order)).layer(guard.layer());
    for _ in 0..2 {
        let request = Request::post("/orders").header("idempotency-key", "k");
        let request = request.body(Body::empty()).expect("a request");
        let answer = app.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
    assert_eq!(count(&store, "orders").await, 0);
}

/// SQLite looks a name up among temporary tables first.
#[tokio::test]
async fn a_temporary_table_cannot_take_the_place_of_the_records() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("a.db")).await.expect("a new file");
    for sql in [
        "CREATE TEMP TABLE idempotency_records (token INTEGER PRIMARY KEY)",
        "CREATE TEMP VIEW idempotency_records AS SELECT 1",
        "CREATE TEMP TABLE seiriken_meta (name)",
    ] {
        let made = store.write(|tx| tx.execute_batch(sql)).await.expect("the store is open");
        assert!(made.is_err(), "{sql}");
    }
    let engine =
        Engine::new(store.clone(), policy(EffectClass::Transactional)).expect("it carries all");
    let told = engine.run(asks(store.secret(), "a", "b"), |execution: Execution<_>| async move {
        let effect = |_: &SqliteTx<'_>| Ok::<_, ()>((RecordedResponse::of_work(b"done"), ()));
        execution.commit(effect).await.expect("it may").expect("it does");
        Ending::NotProcessed(())
    });
    assert!(matches!(told.await, Decision::Executed { .. }));
    assert_eq!(count(&store, "main.idempotency_records").await, 1);
}

#[cfg(unix)]
#[tokio::test]
async fn one_file_under_two_names_is_one_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(path("a.db"), path("b.db")).expect("a link");
    assert!(SqliteStore::open(path("b.db")).await.is_err(), "a link that leads nowhere yet");
    let _first = SqliteStore::open(path("a.db")).await.expect("a new file");
    let second = SqliteStore::open(path("b.db")).await;
    assert!(matches!(second, Err(OpenError::InUse { .. })), "{second:?}");
}

/// What was asked of SQLite on a route that is not transactional says nothing about what else the
/// handler has done.
#[tokio::test]
async fn a_refused_commit_does_not_free_the_key_of_an_opaque_handler() {
    async fn charge(once: Once<SqliteStore>) -> Result<Response, StatusCode> {
        once.commit(|_| Ok("never")).await
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(folder.path().join("a.db")).await.expect("a new file");
    let guard = Idempotency::new(store, Identity::anonymous());
    let app = Router::new().route("/charge", post(charge)).layer(guard.layer());
    for replayed in ["false", "true"] {
        let request = Request::post("/charge").header("idempotency-key", "k");
        let request = request.body(Body::empty()).expect("a request");
        let answer = app.clone().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answer.headers()["idempotent-replayed"], replayed);
    }
}
