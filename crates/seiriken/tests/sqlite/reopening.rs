//! The index that a clean stop keeps: believed when it is of the rows as they are, and never
//! otherwise. A key that is missing from it would look new, and its work would run again.

use std::time::Duration;

use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, Granted};
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::store::{Store, Sweep};

use super::{Bench, answer, ask, granted, key, owner};

async fn complete(store: &SqliteStore, number: u128) {
    let token = owner(store, key(number), EffectClass::Keyed).await;
    store.complete(key(number), token, answer(&number.to_string())).await.expect("recorded");
}

async fn assert_completed(store: &SqliteStore, number: u128) {
    let told = store.claim(key(number), ask(store, EffectClass::Keyed, 2)).await;
    let expected = ClaimOutcome::Completed(answer(&number.to_string()));
    assert_eq!(told.expect("it is answered"), expected, "key {number}");
}

fn run(raw: &rusqlite::Connection, sql: &str) {
    raw.execute_batch(sql).expect("it is written");
}

/// Takes away what tells a changed row.
fn drop_triggers(raw: &rusqlite::Connection) {
    for change in ["insert", "update", "delete"] {
        run(raw, &format!("DROP TRIGGER seiriken_index_{change}"));
    }
}

/// Whoever reads all rows finds this one, and refuses the file.
const DAMAGE_A_ROW: &str = "UPDATE idempotency_records SET id_check = id_check + 1 WHERE token =
    (SELECT min(token) FROM idempotency_records)";

#[tokio::test]
async fn after_a_clean_stop_no_row_is_read_and_every_key_is_known() {
    let bench = Bench::new();
    let store = bench.open().await;
    for number in 1..=20 {
        complete(&store, number).await;
    }
    let running = owner(&store, key(21), EffectClass::Opaque).await;
    store.close().await;
    drop_triggers(&bench.raw());
    run(&bench.raw(), DAMAGE_A_ROW);

    let store = bench.open().await;
    for number in 1..=20 {
        assert_completed(&store, number).await;
    }
    let told = store.claim(key(21), ask(&store, EffectClass::Opaque, 2)).await;
    assert_eq!(told.expect("it is answered"), ClaimOutcome::Indeterminate, "its owner is gone");
    assert_eq!(granted(&store, key(22), EffectClass::Opaque, 1).await.how, Granted::First);
    store.complete(key(21), running, answer("late")).await.expect("its owner was only slow");
    bench.clock.advance(Duration::from_mins(61));
    assert_eq!(store.sweep().await.expect("swept").removed, 21, "and when they expire, too");
}

#[tokio::test]
async fn after_a_kill_what_was_kept_before_it_is_not_believed() {
    let bench = Bench::new();
    let store = bench.open().await;
    complete(&store, 1).await;
    store.close().await;
    let store = bench.open().await;
    complete(&store, 2).await;
    let store = bench.crash(store).await;
    assert_completed(&store, 1).await;
    assert_completed(&store, 2).await;
}

/// Also where nothing tells that the rows have changed: it was vouched for when fewer starts had
/// set numbers aside.
#[tokio::test]
async fn what_another_start_has_kept_is_not_believed() {
    let bench = Bench::new();
    let store = bench.open().await;
    complete(&store, 1).await;
    store.close().await;
    run(
        &bench.raw(),
        "CREATE TABLE old AS SELECT * FROM seiriken_index;
         CREATE TABLE old_meta AS SELECT * FROM seiriken_meta WHERE name = 'index';",
    );
    let store = bench.open().await;
    complete(&store, 2).await;
    store.close().await;
    run(
        &bench.raw(),
        "DELETE FROM seiriken_index; INSERT INTO seiriken_index SELECT * FROM old;
         REPLACE INTO seiriken_meta SELECT * FROM old_meta;",
    );
    let store = bench.open().await;
    assert_completed(&store, 1).await;
    assert_completed(&store, 2).await;
}

#[tokio::test]
async fn what_was_kept_and_is_damaged_is_not_believed() {
    for damage in [
        "UPDATE seiriken_index SET content = zeroblob(length(content)) WHERE part = 1",
        "UPDATE seiriken_index SET content = substr(content, 1, length(content) - 24)
          WHERE part = 1",
        "UPDATE seiriken_index SET content = CAST(content || x'00' AS BLOB) WHERE part = 1",
        "UPDATE seiriken_index SET kind = 2 WHERE part = 1",
        "UPDATE seiriken_index SET kind = 9 WHERE part = 1",
        "UPDATE seiriken_index SET content = zeroblob(length(content)) WHERE part > 1",
        "DELETE FROM seiriken_index WHERE part = 1",
        "DELETE FROM seiriken_index",
        "UPDATE seiriken_meta SET value = 'yes' WHERE name = 'index'",
        "UPDATE seiriken_meta SET value = x'01' WHERE name = 'index'",
    ] {
        let bench = Bench::new();
        let store = bench.open().await;
        complete(&store, 1).await;
        complete(&store, 2).await;
        store.close().await;
        run(&bench.raw(), damage);
        let store = bench.open().await;
        assert_completed(&store, 1).await;
        assert_completed(&store, 2).await;
        bench.clock.advance(Duration::from_mins(61));
        assert_eq!(store.sweep().await.expect("swept").removed, 2, "{damage}");
    }
}

/// Neither is it where the voucher says so, and nobody makes room for what it says there is.
#[tokio::test]
async fn a_damaged_voucher_vouches_for_nothing() {
    for at in [0, 1, 9, 15, 16, 25, 41, 44] {
        let bench = Bench::new();
        let store = bench.open().await;
        complete(&store, 1).await;
        store.close().await;
        let raw = bench.raw();
        let select = "SELECT value FROM seiriken_meta WHERE name = 'index'";
        let mut voucher: Vec<u8> = raw.query_row(select, [], |row| row.get(0)).expect("read");
        voucher[at] ^= 0x40;
        let update = "UPDATE seiriken_meta SET value = ?1 WHERE name = 'index'";
        assert_eq!(raw.execute(update, [voucher]), Ok(1), "byte {at}");
        drop_triggers(&raw);
        run(&raw, "DELETE FROM idempotency_records");
        drop(raw);
        let store = bench.open().await;
        assert_eq!(granted(&store, key(1), EffectClass::Keyed, 1).await.how, Granted::First);
    }
}

/// By hand, or by a version that knows nothing of what was kept.
#[tokio::test]
async fn who_changes_a_row_of_a_closed_file_is_noticed() {
    for change in [
        DAMAGE_A_ROW,
        "INSERT INTO idempotency_records SELECT token + 500, record_id, id_check, state,
            expires_ms, scope, record FROM idempotency_records LIMIT 1",
    ] {
        let bench = Bench::new();
        let store = bench.open().await;
        complete(&store, 1).await;
        store.close().await;
        run(&bench.raw(), change);
        assert!(SqliteStore::open(bench.path()).await.is_err(), "{change}");
    }
    let bench = Bench::new();
    let store = bench.open().await;
    complete(&store, 1).await;
    store.close().await;
    run(&bench.raw(), "DELETE FROM idempotency_records");
    let store = bench.open().await;
    assert_eq!(granted(&store, key(1), EffectClass::Keyed, 1).await.how, Granted::First);
}

/// A file of a version that kept nothing opens, and is kept from then on.
#[tokio::test]
async fn a_file_without_what_is_kept_is_read_whole() {
    let bench = Bench::new();
    let store = bench.open().await;
    complete(&store, 1).await;
    store.close().await;
    drop_triggers(&bench.raw());
    run(&bench.raw(), "DROP TABLE seiriken_index; DELETE FROM seiriken_meta WHERE name = 'index'");
    for _ in 0..2 {
        let store = bench.open().await;
        assert_completed(&store, 1).await;
        store.close().await;
    }
}

/// What is kept is written over by the next clean stop, and does not pile up.
#[tokio::test]
async fn what_is_kept_is_kept_once() {
    let bench = Bench::new();
    let mut parts = Vec::new();
    for number in 1..=3 {
        let store = bench.open().await;
        complete(&store, number).await;
        store.close().await;
        let sum = "SELECT sum(length(content)) FROM seiriken_index WHERE kind = 1";
        parts.push(bench.raw().query_row(sum, [], |row| row.get::<_, i64>(0)).expect("read"));
    }
    assert_eq!(parts, [24, 48, 72], "24 bytes a key");
    let store = bench.open().await;
    bench.clock.advance(Duration::from_mins(61));
    assert_eq!(store.sweep().await.expect("swept").removed, 3);
    store.close().await;
    let left = "SELECT count(*) FROM seiriken_index";
    assert_eq!(bench.raw().query_row(left, [], |row| row.get::<_, i64>(0)).expect("read"), 0);
}
