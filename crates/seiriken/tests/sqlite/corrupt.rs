//! A row that is there and cannot be believed: it is reported, and nothing runs because of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use seiriken::engine::{Decision, Ending, Engine, Operation};
use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, Ended};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{Store, StoreError};
use seiriken::{Fingerprint, FingerprintKind, IdentityDigest, Policy, ScopeDigest};

use super::{Bench, answer, ask, key, owner};

/// A file with one key that is completed, one that is indeterminate, and one that is running.
async fn three_keys(bench: &Bench) {
    let store = bench.open().await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    store.complete(key(1), token, answer("1")).await.expect("it is recorded");
    let token = owner(&store, key(2), EffectClass::Opaque).await;
    store.release(key(2), token, Ended::EffectUnknown).await.expect("it is released");
    owner(&store, key(3), EffectClass::Keyed).await;
    store.close().await;
}

/// Changes each row's record.
fn change_records(bench: &Bench, change: impl Fn(&mut Vec<u8>)) {
    let raw = bench.raw();
    let mut rows = raw.prepare("SELECT token, record FROM idempotency_records").expect("SQL");
    let rows: Vec<(i64, Vec<u8>)> = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .expect("the rows are read");
    assert_eq!(rows.len(), 3, "one row per key");
    for (token, mut record) in rows {
        change(&mut record);
        let update = "UPDATE idempotency_records SET record = ?2 WHERE token = ?1";
        raw.execute(update, (token, record)).expect("it is written");
    }
}

async fn assert_reported(store: &SqliteStore, what: &str) {
    for number in 1..=3 {
        for class in [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque] {
            let told = store.claim(key(number), ask(store, class, 2)).await;
            let corrupt = matches!(told, Err(StoreError::Corrupt { .. }));
            assert!(corrupt, "{what}: key {number}, claimed as {class:?}, is told {told:?}");
        }
    }
}

#[tokio::test]
async fn a_changed_byte_is_reported_wherever_it_is() {
    for at in [0, 1, 17, 33, 34, 50, 51, 55, 56, 60] {
        let bench = Bench::new();
        three_keys(&bench).await;
        change_records(&bench, |record| {
            let at = at.min(record.len() - 1);
            record[at] ^= 1;
        });
        assert_reported(&bench.open().await, &format!("byte {at}")).await;
    }
}

/// Its key would look new, and its work would run again.
#[tokio::test]
async fn a_row_that_no_longer_says_whose_it_is_keeps_the_file_closed() {
    for damage in [
        "record_id = zeroblob(16)",
        "record_id = x'00'",
        "id_check = id_check + 1",
        "token = token + 1000",
    ] {
        let bench = Bench::new();
        three_keys(&bench).await;
        let changed = bench
            .raw()
            .execute(&format!("UPDATE idempotency_records SET {damage} WHERE state = 3"), []);
        assert_eq!(changed.expect("it is written"), 1, "{damage}");
        let opened = SqliteStore::open(bench.path()).await;
        assert!(opened.is_err(), "{damage}");
    }
}

#[tokio::test]
async fn a_record_that_was_cut_is_reported() {
    for length in [0, 3, 4, 40] {
        let bench = Bench::new();
        three_keys(&bench).await;
        change_records(&bench, |record| record.truncate(length));
        assert_reported(&bench.open().await, &format!("cut to {length}")).await;
    }
}

#[tokio::test]
async fn work_does_not_run_on_a_record_that_cannot_be_read() {
    let bench = Bench::new();
    three_keys(&bench).await;
    change_records(&bench, |record| record[20] ^= 1);
    let store = bench.open().await;
    for class in [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque] {
        let mut policy = Policy::default();
        policy.class = class;
        let engine = Engine::new(store.clone(), policy).expect("it carries it");
        let secret = store.secret().clone();
        let runs = Arc::new(AtomicU32::new(0));
        for number in 1..=3 {
            let (secret, runs) = (secret.clone(), Arc::clone(&runs));
            let operation = Operation {
                id: key(number),
                identity: IdentityDigest::anonymous(&secret),
                scope: ScopeDigest::from_bytes([0; 8]),
                date: None,
                kind: FingerprintKind::Bytes,
                fingerprint: move |_| Fingerprint::of_work(&secret, "pay", b"1"),
            };
            let work = move |_| async move {
                runs.fetch_add(1, Ordering::SeqCst);
                Ending::Answered(answer("again"), ())
            };
            let decision = engine.run(operation, work).await;
            let refused = matches!(decision, Decision::StoreUnavailable);
            assert!(refused, "{class:?}: {decision:?}");
        }
        assert_eq!(runs.load(Ordering::SeqCst), 0, "{class:?}");
    }
}

/// The columns beside the record are copies, to find it by: they decide nothing.
#[tokio::test]
async fn a_changed_column_does_not_make_a_key_new() {
    for change in ["expires_ms = 1", "state = 1, expires_ms = 0", "state = 3, expires_ms = 0"] {
        let bench = Bench::new();
        three_keys(&bench).await;
        let sql = format!("UPDATE idempotency_records SET {change}");
        bench.raw().execute(&sql, []).expect("it is written");
        let store = bench.open().await;
        for class in [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque] {
            let told = store.claim(key(1), ask(&store, class, 2)).await.expect("it is answered");
            assert_eq!(told, ClaimOutcome::Completed(answer("1")), "{change}, as {class:?}");
            let told = store.claim(key(2), ask(&store, class, 2)).await.expect("it is answered");
            assert_eq!(told, ClaimOutcome::Indeterminate, "{change}, as {class:?}");
        }
    }
}
