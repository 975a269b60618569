//! Opening the file: one process at a time, and nothing that this version does not know.

use futures_util::{future, poll};
use seiriken::clock::Timestamp;
use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, Granted};
use seiriken::store::sqlite::{OpenError, SqliteStore, SqliteTx, rusqlite};
use seiriken::store::{Operate, Store, Sweep};
use seiriken::{IdempotencyKey, IssuedKey, KeySyntax, Scope};

use super::{Barrier, Bench, LEASE, answer, ask, gate, granted, key, owner};

#[tokio::test]
async fn issuing_secrets_rotate_in_the_file() {
    let bench = Bench::new();
    let store = bench.open().await;
    let (scope, now) = (Scope::default(), Timestamp::from_millis(1));
    let issue = |store: &SqliteStore| {
        let key = IssuedKey::new(store.issuing_secrets(), &scope, now, LEASE, 7);
        IdempotencyKey::parse(key.as_str().as_bytes(), KeySyntax::Lenient).expect("a key")
    };
    let known = |store: &SqliteStore, key: &IdempotencyKey| {
        IssuedKey::verify(store.issuing_secrets(), &scope, key).is_ok()
    };
    assert!(store.issuing_secrets().previous().is_none(), "it has never been rotated");
    let first = issue(&store);
    store.rotate_issuing_secret().await.expect("rotated");
    let second = issue(&store);
    assert_eq!((known(&store, &first), known(&store, &second)), (true, true));
    store.close().await;

    let store = bench.open().await;
    assert_eq!((known(&store, &first), known(&store, &second)), (true, true), "after a restart");
    // Two that share a transaction: they wait behind the same one.
    let (mut gate, barrier) = gate();
    let busy = store.write(move |_| -> Result<(), rusqlite::Error> {
        barrier.wait();
        Ok(())
    });
    let opening = async {
        gate.reached().await;
        let mut rotations =
            Box::pin(future::join(store.rotate_issuing_secret(), store.rotate_issuing_secret()));
        assert!(poll!(&mut rotations).is_pending(), "both are in the queue");
        gate.open();
        rotations.await
    };
    let (written, (one, other)) = tokio::join!(busy, opening);
    written.expect("it is committed").expect("it does nothing");
    one.and(other).expect("rotated");
    let last = issue(&store);
    assert_eq!((known(&store, &second), known(&store, &last)), (false, true));
    store.close().await;
    let store = bench.open().await;
    assert_eq!((known(&store, &second), known(&store, &last)), (false, true), "after a restart");
    assert_eq!(store.issuing_secrets().current().number, 4, "each has a number of its own");
}

#[tokio::test]
async fn a_second_handle_of_the_same_process_is_refused_until_the_first_is_closed() {
    let bench = Bench::new();
    let store = bench.open().await;
    let refused = SqliteStore::open(bench.path()).await.expect_err("it is open already");
    assert!(matches!(&refused, OpenError::InUse { path } if *path == bench.path()), "{refused}");
    owner(&store, key(1), EffectClass::Keyed).await;
    store.close().await;
    bench.open().await;
}

/// Whoever has closed the file may move it away: nothing may be at work on it any more.
#[tokio::test]
async fn whoever_closes_waits_for_the_end_also_where_others_close_too() {
    let bench = Bench::new();
    let store = bench.open().await;
    let (mut first, first_barrier) = gate();
    let (mut second, second_barrier) = gate();
    let hold = |barrier: Barrier| {
        let store = store.clone();
        let hold = move |_: &SqliteTx<'_>| {
            barrier.wait();
            Ok::<_, rusqlite::Error>(())
        };
        async move { store.write(hold).await }
    };
    let before = tokio::spawn(hold(first_barrier));
    first.reached().await;
    let (mut writing, mut one, mut other) = (
        Box::pin(hold(second_barrier)),
        Box::pin(store.clone().close()),
        Box::pin(store.clone().close()),
    );
    assert!(poll!(&mut writing).is_pending() && poll!(&mut one).is_pending());
    assert!(poll!(&mut other).is_pending(), "all three are in the queue");
    first.open();
    second.reached().await;
    assert!(poll!(&mut one).is_pending(), "the store is writing");
    second.open();
    one.await;
    bench.open().await;
    other.await;
    before.await.expect("it goes on").expect("it is committed").expect("it does nothing");
    writing.await.expect("it is committed").expect("it does nothing");
}

#[tokio::test]
async fn a_file_that_would_give_out_the_number_0_is_refused() {
    let bench = Bench::new();
    bench.open().await.close().await;
    for next in [0, -1, i64::MAX] {
        let sql = "UPDATE seiriken_meta SET value = ?1 WHERE name = 'next_token'";
        bench.raw().execute(sql, [next]).expect("it is written");
        let refused = SqliteStore::open(bench.path()).await.expect_err("it is damaged");
        assert!(matches!(refused, OpenError::NotAStore { .. }), "{next}: {refused}");
    }
}

#[tokio::test]
async fn a_closed_store_tells_nothing_that_it_still_knows() {
    let bench = Bench::new();
    let store = bench.open().await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    store.complete(key(1), token, answer("done")).await.expect("it is recorded");
    store.clone().close().await;
    let told = store.claim(key(1), ask(&store, EffectClass::Keyed, 2)).await;
    assert!(told.is_err_and(|error| !error.may_have_been_applied()));
    assert!(store.about_how_many().await.is_err());
    assert!(store.sweep().await.is_err());
}

/// It would be locked under one name, and opened under another.
#[cfg(unix)]
#[tokio::test]
async fn a_link_to_a_file_that_is_not_there_is_refused() {
    let bench = Bench::new();
    let link = bench.path().with_file_name("link.db");
    std::os::unix::fs::symlink(bench.path(), &link).expect("a link");
    let refused = SqliteStore::open(&link).await.expect_err("it leads nowhere");
    assert!(matches!(&refused, OpenError::Lock { path, .. } if *path == link), "{refused}");
    assert!(!bench.path().exists(), "nothing was made");
    bench.open().await.close().await;
    SqliteStore::open(&link).await.expect("it leads to a file now");
}

#[tokio::test]
async fn a_handle_that_was_cloned_keeps_nothing_open_after_close() {
    let bench = Bench::new();
    let store = bench.open().await;
    let other = store.clone();
    store.close().await;
    let claim = ask(&other, EffectClass::Keyed, 1);
    let refused = other.claim(key(1), claim).await.expect_err("it is closed");
    assert!(!refused.may_have_been_applied(), "{refused}");
    let again = bench.open().await;
    assert_eq!(granted(&again, key(1), EffectClass::Keyed, 1).await.how, Granted::First);
}

#[tokio::test]
async fn a_file_of_another_format_is_refused() {
    let bench = Bench::new();
    bench.open().await.close().await;
    bench
        .raw()
        .execute("UPDATE seiriken_meta SET value = 3 WHERE name = 'format'", [])
        .expect("it is written");
    let refused = SqliteStore::open(bench.path()).await.expect_err("it cannot be read");
    let later = matches!(refused, OpenError::OtherFormat { found: 3, known: 2 });
    assert!(later, "{refused}");
    bench
        .raw()
        .execute("UPDATE seiriken_meta SET value = 2 WHERE name = 'format'", [])
        .expect("it is written");
    bench.open().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let bench = Bench::new();
    let text = b"Dear diary, this is not a database, and it is long enough to be looked at.";
    std::fs::write(bench.path(), text).expect("it is written");
    let refused = SqliteStore::open(bench.path()).await.expect_err("it is no database");
    assert!(matches!(refused, OpenError::Sqlite(_)), "{refused}");
    assert_eq!(std::fs::read(bench.path()).expect("it is there"), text);
}

#[tokio::test]
async fn dropping_every_handle_closes_the_file_too() {
    let bench = Bench::new();
    let store = bench.open().await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    store.complete(key(1), token, answer("kept")).await.expect("it is recorded");
    drop(store);
    // The writer thread ends by itself, soon.
    let store = loop {
        match SqliteStore::open_with_clock(bench.path(), bench.clock.clone()).await {
            Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
            opened => break opened.expect("the file is opened"),
        }
    };
    let told = store.claim(key(1), ask(&store, EffectClass::Keyed, 2)).await;
    assert_eq!(told.expect("it is answered"), ClaimOutcome::Completed(answer("kept")));
}

#[tokio::test]
async fn it_says_what_it_keeps() {
    let bench = Bench::new();
    let store = bench.open().await;
    assert!(store.keeps_quotas());
    let promise = store.promise().expect("it has one");
    assert!(promise.contains("on the disk"), "{promise}");
}

/// Else a service would end for no reason.
#[tokio::test]
async fn a_store_that_is_well_has_not_halted() {
    let bench = Bench::new();
    let store = bench.open().await;
    let mut halted = std::pin::pin!(store.halted());
    assert!(poll!(&mut halted).is_pending());
    owner(&store, key(1), EffectClass::Keyed).await;
    assert!(poll!(&mut halted).is_pending());
}
