//! What is due is forgotten or settled, and nothing else, on every store that can be swept.
#![cfg(feature = "sqlite")]

#[path = "sweep/clauses.rs"]
mod clauses;

use std::sync::Arc;
use std::time::Duration;

use seiriken::KeyDate;
use seiriken::clock::Clock;
use seiriken::record::transition::{Claim, ClaimOutcome};
use seiriken::record::{EffectClass, Retention};
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::store::{MemoryStore, Store, Swept};

use crate::clauses::*;

macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $test() {
                let clock = clock();
                let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("randomness");
                clauses::$test(store, clock).await;
            })*
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $test() {
                let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
                let path = folder.path().join("test.db");
                let store = SqliteStore::open_with_clock(path, Arc::clone(&clock)).await;
                clauses::$test(store.expect("a new file"), clock).await;
            })*
        }
    };
}

on_every_store!(
    an_answer_is_kept_to_the_millisecond,
    claims_are_settled_by_their_class,
    an_unknown_outcome_is_kept_for_a_person_to_look_at,
    steps_come_to_an_end,
    a_dated_key_that_was_swept_is_never_new,
    a_key_whose_date_nobody_asked_for_is_never_new_either,
    sweeping_a_claim_that_did_nothing_expires_no_key,
);

#[tokio::test]
async fn on_sqlite_the_rows_go_and_a_restart_does_not_bring_them_back() {
    let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("test.db");
    let open = || SqliteStore::open_with_clock(path.clone(), Arc::clone(&clock));
    let store = open().await.expect("a new file");
    granted(&store, 1, EffectClass::Transactional).await;
    let last = complete(&store, 2).await;
    clock.advance(KEPT);
    assert_eq!(swept(&store).await, Swept { removed: 2, ..Swept::default() });
    let count = |db: &rusqlite::Connection| {
        db.query_row("SELECT count(*) FROM idempotency_records", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(store.read(count).await.expect("open").expect("counted"), 0);
    store.close().await;
    let store = open().await.expect("the same file");
    assert!(granted(&store, 2, EffectClass::Opaque).await > last, "tokens never repeat");
}

#[tokio::test]
async fn on_sqlite_a_restart_does_not_forget_what_was_forgotten() {
    let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("test.db");
    let open = || SqliteStore::open_with_clock(path.clone(), Arc::clone(&clock));
    let store = open().await.expect("a new file");
    let date = Some(KeyDate { minted: clock.now(), expires_at: None });
    complete(&store, 1).await;
    clock.advance(KEPT);
    assert_eq!(swept(&store).await.removed, 1);
    store.close().await;
    let store = open().await.expect("the same file");
    let ask = ask(&store, EffectClass::Opaque);
    let retention = Retention { answers: Duration::from_hours(48), ..ask.retention };
    let told = store.claim(key(1), Claim { date, retention, ..ask }).await.expect("told");
    assert_eq!(told, ClaimOutcome::KeyExpired);
}

/// They are due, and stay: what cannot be read is never forgotten by itself. The others go.
#[tokio::test]
async fn on_sqlite_rows_that_cannot_be_read_do_not_keep_the_sweeper_from_the_others() {
    let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
    let path = folder.path().join("test.db");
    let open = || SqliteStore::open_with_clock(path.clone(), Arc::clone(&clock));
    let store = open().await.expect("a new file");
    for number in 1..=700 {
        complete(&store, number).await;
    }
    store.close().await;
    let raw = rusqlite::Connection::open(&path).expect("the file is there");
    let damage = "UPDATE idempotency_records SET record = zeroblob(70)
                   WHERE token NOT IN (SELECT token FROM idempotency_records LIMIT 50)";
    assert_eq!(raw.execute(damage, []).expect("it is written"), 650);
    drop(raw);
    clock.advance(KEPT);
    let store = open().await.expect("the same file");
    let mut removed = 0;
    for _ in 0..4 {
        removed += swept(&store).await.removed;
    }
    assert_eq!(removed, 50);
    assert_eq!(swept(&store).await, Swept::default(), "and it comes to an end");
}
