//! The fence around an effect: it writes its own tables, and cannot touch the transaction that it
//! shares with others, nor the records.

use seiriken::engine::{CommitState, Decision, Ending, Engine, Execution, Operation};
use seiriken::record::EffectClass;
use seiriken::store::Store;
use seiriken::store::sqlite::{CommitError, SqliteStore, SqliteTx, rusqlite};
use seiriken::{Fingerprint, FingerprintKind, IdentityDigest, Policy, ScopeDigest};

use super::{Bench, answer, key, owner, run_sql};

/// What an effect may not do.
const FORBIDDEN: &[&str] = &[
    "BEGIN",
    "BEGIN IMMEDIATE",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT mine",
    "SAVEPOINT effect",
    "RELEASE effect",
    "ROLLBACK TO effect",
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA writable_schema = ON",
    "PRAGMA defer_foreign_keys = ON",
    "PRAGMA query_only = ON",
    "ATTACH ':memory:' AS other",
    "DETACH main",
    "DELETE FROM idempotency_records",
    "DELETE FROM Idempotency_Records WHERE token = 1",
    "UPDATE idempotency_records SET state = 3",
    "INSERT INTO idempotency_records VALUES (9, x'00', 0, 3, 0, x'00')",
    "REPLACE INTO idempotency_records VALUES (1, x'00', 3, 0, x'00')",
    "INSERT INTO main.idempotency_records VALUES (9, x'00', 0, 3, 0, x'00')",
    "DROP TABLE idempotency_records",
    "ALTER TABLE idempotency_records RENAME TO mine",
    "ALTER TABLE idempotency_records ADD COLUMN mine",
    "CREATE INDEX mine ON idempotency_records (state)",
    "CREATE TRIGGER mine AFTER INSERT ON idempotency_records BEGIN SELECT 1; END",
    "CREATE TEMP TRIGGER mine AFTER INSERT ON main.idempotency_records BEGIN SELECT 1; END",
    "UPDATE seiriken_meta SET value = 1 WHERE name = 'next_token'",
    "DELETE FROM seiriken_meta",
    "DROP TABLE seiriken_meta",
    "DELETE FROM seiriken_index",
    "CREATE TABLE seiriken_index (part)",
    "UPDATE sqlite_master SET sql = ''",
];

/// An effect may make a table of its own, and a trigger on it; the trigger may not do what the
/// effect may not.
const DETOUR: &str = "
    CREATE TABLE bait (id INTEGER);
    CREATE TRIGGER hook AFTER INSERT ON bait BEGIN DELETE FROM idempotency_records; END;
    INSERT INTO bait VALUES (1);";

fn refused(tx: &SqliteTx<'_>, sql: &str) {
    match tx.execute_batch(sql) {
        Err(error) => {
            let code = error.sqlite_error_code();
            // `sqlite_master` is refused by SQLite itself.
            let ours = code == Some(rusqlite::ErrorCode::AuthorizationForStatementDenied);
            assert!(ours || sql.contains("sqlite_master"), "{sql} is refused with {error}");
        }
        Ok(()) => panic!("{sql} is allowed"),
    }
}

fn everything_is_refused(tx: &SqliteTx<'_>) {
    for sql in FORBIDDEN {
        refused(tx, sql);
        // And again, from the cache of prepared statements.
        assert!(tx.prepare_cached(sql).is_err(), "{sql}");
    }
    refused(tx, DETOUR);
    assert!(!tx.is_autocommit(), "the transaction stands");
}

#[tokio::test]
async fn a_write_cannot_touch_the_transaction_or_the_records() {
    let bench = Bench::new();
    let store = bench.open().await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    let written = store.write(|tx| {
        everything_is_refused(tx);
        tx.execute_batch(
            "DROP TABLE bait; CREATE TABLE orders (id INTEGER); INSERT INTO orders VALUES (1);",
        )
    });
    written.await.expect("it is committed").expect("its own tables are its own");
    assert_eq!(count(&store).await, 1);
    store.complete(key(1), token, answer("done")).await.expect("the record is untouched");
    store.close().await;
    assert_eq!(count(&bench.open().await).await, 1);
}

#[tokio::test]
async fn a_commit_cannot_touch_the_transaction_or_the_records() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, "CREATE TABLE orders (id INTEGER)").await;
    let work = |execution: Execution<SqliteStore>| async move {
        let committed = execution.commit(|tx| {
            everything_is_refused(tx);
            tx.execute("INSERT INTO orders VALUES (1)", [])?;
            Ok::<_, rusqlite::Error>((answer("made"), ()))
        });
        let committed = committed.await.expect("it may commit").expect("it is committed");
        Ending::Answered(committed.response, ())
    };
    let decision = engine(&store).run(operation(&store), work).await;
    assert!(matches!(decision, Decision::Executed { .. }), "{decision:?}");
    assert_eq!(count(&store).await, 1);
}

#[tokio::test]
async fn an_effect_that_gives_up_at_the_fence_leaves_nothing() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, "CREATE TABLE orders (id INTEGER)").await;
    let work = |execution: Execution<SqliteStore>| async move {
        let committed = execution.commit(|tx| {
            tx.execute("INSERT INTO orders VALUES (1)", [])?;
            tx.execute_batch("COMMIT")?;
            Ok::<_, rusqlite::Error>((answer("made"), ()))
        });
        let refused = committed.await.expect("it may commit");
        assert!(matches!(refused, Err(CommitError::RolledBack(_))), "{refused:?}");
        assert!(matches!(execution.commit_state(), CommitState::Failed(_)));
        Ending::NotProcessed("not made")
    };
    let decision = engine(&store).run(operation(&store), work).await;
    assert!(matches!(decision, Decision::NotRecorded { beside: "not made", .. }), "{decision:?}");
    assert_eq!(count(&store).await, 0);
    owner(&store, key(1), EffectClass::Transactional).await;
}

#[tokio::test]
async fn reading_beside_the_writer_cannot_write() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, "CREATE TABLE orders (id INTEGER)").await;
    let sql = "INSERT INTO orders VALUES (1)";
    let written = store.read(move |connection| connection.execute(sql, [])).await;
    assert!(written.expect("it is read").is_err());
    assert_eq!(count(&store).await, 0);
}

async fn count(store: &SqliteStore) -> i64 {
    let sql = "SELECT count(*) FROM orders";
    let read = store.read(move |connection| connection.query_row(sql, [], |row| row.get(0)));
    read.await.expect("it is read").expect("the table is there")
}

fn engine(store: &SqliteStore) -> Engine<SqliteStore> {
    let mut policy = Policy::default();
    policy.class = EffectClass::Transactional;
    Engine::new(store.clone(), policy).expect("SQLite carries it")
}

fn operation(store: &SqliteStore) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + use<>> {
    let secret = store.secret().clone();
    Operation {
        id: key(1),
        identity: IdentityDigest::anonymous(&secret),
        scope: ScopeDigest::from_bytes([0; 8]),
        date: None,
        kind: FingerprintKind::Bytes,
        fingerprint: move |_| Fingerprint::of_work(&secret, "pay", b"1"),
    }
}
