//! What is due is forgotten or settled, and nothing else, on every store that can be swept.
#![cfg(feature = "sqlite")]

use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::transition::{Claim, ClaimOutcome, Ended};
use seiriken::record::{
    AttemptId, EffectClass, INDETERMINATE_KEPT_MIN, RecordedResponse, Retention, Token,
};
#[cfg(feature = "postgres")]
use seiriken::store::postgres::PostgresOptions;
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::store::{MemoryStore, Store, Sweep, Swept};
use seiriken::{Fingerprint, IdentityDigest, KeyDate, Quota, RecordId, Scope, ScopeDigest};

const LEASE: Duration = Duration::from_secs(30);
const KEPT: Duration = Duration::from_mins(61);
const MILLISECOND: Duration = Duration::from_millis(1);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

fn key(number: u128) -> RecordId {
    RecordId::from_bytes((number * 0x9e37_79b9_7f4a_7c15).to_le_bytes())
}

async fn claim<S: Sweep>(store: &S, number: u128, class: EffectClass) -> ClaimOutcome {
    store.claim(key(number), ask(store, class)).await.expect("a claim is answered")
}

fn ask<S: Sweep>(store: &S, class: EffectClass) -> Claim {
    Claim {
        attempt: AttemptId::from_random(fresh_attempt()),
        identity: IdentityDigest::anonymous(store.secret()),
        fingerprint: Fingerprint::of_work(store.secret(), "pay", b"1"),
        scope: ScopeDigest::new(store.secret(), &Scope::default()),
        date: None,
        class,
        lease: LEASE,
        retention: Retention { answers: Duration::from_hours(1), skew: Duration::from_mins(1) },
        quota: Quota::default(),
    }
}

/// Every claim here is an attempt of its own.
fn fresh_attempt() -> u128 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static ATTEMPTS: AtomicU64 = AtomicU64::new(1);
    u128::from(ATTEMPTS.fetch_add(1, Ordering::Relaxed))
}

async fn granted<S: Sweep>(store: &S, number: u128, class: EffectClass) -> Token {
    match claim(store, number, class).await {
        ClaimOutcome::Granted(grant) => grant.token,
        other => panic!("it should be granted: {other:?}"),
    }
}

async fn complete<S: Sweep>(store: &S, number: u128) -> Token {
    let token = granted(store, number, EffectClass::Opaque).await;
    let answer = RecordedResponse::of_work(b"done");
    store.complete(key(number), token, answer).await.expect("it is recorded");
    token
}

async fn swept<S: Sweep>(store: &S) -> Swept {
    store.sweep().await.expect("it is swept")
}

async fn an_answer_is_kept_to_the_millisecond<S: Sweep>(store: S, clock: Arc<ManualClock>) {
    let token = complete(&store, 1).await;
    clock.advance(KEPT.saturating_sub(MILLISECOND));
    assert_eq!(swept(&store).await, Swept::default());
    assert!(matches!(claim(&store, 1, EffectClass::Opaque).await, ClaimOutcome::Completed(_)));
    clock.advance(MILLISECOND);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    assert_eq!(swept(&store).await, Swept::default(), "it is gone");
    assert!(granted(&store, 1, EffectClass::Opaque).await > token, "tokens never repeat");
}

async fn claims_are_settled_by_their_class<S: Sweep>(store: S, clock: Arc<ManualClock>) {
    granted(&store, 1, EffectClass::Opaque).await;
    granted(&store, 2, EffectClass::Keyed).await;
    assert_eq!(swept(&store).await, Swept::default(), "their owners live");
    clock.advance(LEASE);
    assert_eq!(swept(&store).await, Swept { became_indeterminate: 1, ..Swept::default() });
    clock.advance(KEPT.saturating_sub(LEASE + MILLISECOND));
    assert_eq!(swept(&store).await, Swept::default(), "a retry may still find its keyed claim");
    clock.advance(MILLISECOND);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    assert!(matches!(claim(&store, 1, EffectClass::Opaque).await, ClaimOutcome::Indeterminate));
}

async fn an_unknown_outcome_is_kept_for_a_person_to_look_at<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let token = granted(&store, 1, EffectClass::Opaque).await;
    store.release(key(1), token, Ended::EffectUnknown).await.expect("it is released");
    clock.advance(INDETERMINATE_KEPT_MIN.saturating_sub(MILLISECOND));
    assert_eq!(swept(&store).await, Swept::default());
    clock.advance(MILLISECOND);
    assert_eq!(swept(&store).await, Swept { unresolved_removed: 1, ..Swept::default() });
}

async fn steps_come_to_an_end<S: Sweep>(store: S, clock: Arc<ManualClock>) {
    for number in 1..=600 {
        complete(&store, number).await;
    }
    clock.advance(KEPT / 2);
    complete(&store, 1_000).await;
    clock.advance(KEPT / 2);
    let mut removed = 0;
    loop {
        let step = swept(&store).await;
        removed += step.removed;
        if !step.more {
            break;
        }
    }
    assert_eq!(removed, 600);
    assert!(matches!(claim(&store, 1_000, EffectClass::Opaque).await, ClaimOutcome::Completed(_)));
}

/// A claim of a key that was made then, by a service that keeps answers for longer now.
fn dated<S: Sweep>(store: &S, minted: Timestamp) -> Claim {
    let ask = ask(store, EffectClass::Opaque);
    let retention = Retention { answers: Duration::from_hours(48), ..ask.retention };
    Claim { date: Some(KeyDate { minted, expires_at: None }), retention, ..ask }
}

/// What its answer was nobody knows any more, also not where answers are kept for longer now.
async fn a_dated_key_that_was_swept_is_never_new<S: Sweep>(store: S, clock: Arc<ManualClock>) {
    let start = clock.now();
    let usual = ask(&store, EffectClass::Opaque).retention;
    let first = Claim { retention: usual, ..dated(&store, start) };
    let told = store.claim(key(1), first).await.expect("told");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };
    store.complete(key(1), grant.token, RecordedResponse::of_work(b"1")).await.expect("recorded");
    clock.advance(KEPT);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    let told = store.claim(key(1), dated(&store, start)).await.expect("told");
    assert_eq!(told, ClaimOutcome::KeyExpired);
    let told = store.claim(key(2), dated(&store, clock.now())).await.expect("told");
    assert!(matches!(told, ClaimOutcome::Granted(_)), "made since: {told:?}");
}

/// Nobody looked at its date when it was used. It was made by then, by a clock that may be ahead.
async fn a_key_whose_date_nobody_asked_for_is_never_new_either<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let ahead = clock.now().after(Duration::from_mins(1));
    complete(&store, 1).await;
    clock.advance(KEPT);
    assert_eq!(swept(&store).await, Swept { removed: 1, ..Swept::default() });
    let told = store.claim(key(1), dated(&store, ahead)).await.expect("told");
    assert_eq!(told, ClaimOutcome::KeyExpired);
}

/// Removed claims without any effect forget nothing.
async fn sweeping_a_claim_that_did_nothing_expires_no_key<S: Sweep>(
    store: S,
    clock: Arc<ManualClock>,
) {
    let start = clock.now();
    let date = Some(KeyDate { minted: start, expires_at: None });
    let claim = || Claim { date, ..ask(&store, EffectClass::Opaque) };
    let told = store.claim(key(1), claim()).await.expect("told");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };
    store.release(key(1), grant.token, Ended::WithoutEffect).await.expect("released");
    if store.carries(EffectClass::Transactional) {
        granted(&store, 2, EffectClass::Transactional).await;
    }
    clock.advance(LEASE);
    swept(&store).await;
    let told = store.claim(key(1), claim()).await.expect("told");
    assert!(matches!(told, ClaimOutcome::Granted(_)), "{told:?}");
}

/// A store of this test's own, on the server of all of them.
#[cfg(feature = "postgres")]
async fn on_postgres(
    test: &str,
    clock: Arc<ManualClock>,
) -> seiriken::store::postgres::PostgresStore {
    use private_servers::PrivatePostgres;
    static SERVER: std::sync::LazyLock<PrivatePostgres> =
        std::sync::LazyLock::new(|| PrivatePostgres::start(&[]).expect("a server"));
    let schema = &test[..test.len().min(40)];
    let opening = PostgresOptions::new().schema(schema).clock(clock).connect(&SERVER.url()).await;
    opening.expect("it is opened")
}

macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod memory {
            use super::*;
            $(#[tokio::test]
            async fn $test() {
                let clock = clock();
                let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("randomness");
                super::$test(store, clock).await;
            })*
        }
        mod sqlite {
            use super::*;
            $(#[tokio::test]
            async fn $test() {
                let (clock, folder) = (clock(), tempfile::tempdir().expect("a folder"));
                let path = folder.path().join("test.db");
                let store = SqliteStore::open_with_clock(path, Arc::clone(&clock)).await;
                super::$test(store.expect("a new file"), clock).await;
            })*
        }
        #[cfg(feature = "postgres")]
        mod postgres {
            use super::*;
            $(#[tokio::test]
            async fn $test() {
                let clock = clock();
                let store = on_postgres(stringify!($test), Arc::clone(&clock)).await;
                super::$test(store, clock).await;
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
