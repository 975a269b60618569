//! What is in the file: one row per key, appended, under its token; many commits, few syncs.

use std::pin::pin;

use futures_util::future::join_all;
use futures_util::{FutureExt, poll};
use seiriken::RecordId;
use seiriken::record::EffectClass;
use seiriken::record::transition::Ended;
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::store::{Filter, Operate, Store};

use super::{Bench, answer, ask, gate, granted, key, owner};

/// Token and id of every row, in the order of their tokens.
async fn rows(store: &SqliteStore) -> Vec<(u128, RecordId)> {
    let read = |connection: &rusqlite::Connection| {
        let sql = "SELECT token, record_id FROM idempotency_records ORDER BY rowid";
        let mut rows = connection.prepare(sql)?;
        let rows = rows.query_map([], |row| {
            let token: i64 = row.get(0)?;
            Ok((u128::try_from(token).unwrap_or(0), RecordId::from_bytes(row.get(1)?)))
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    };
    store.read(read).await.expect("it is read").expect("the rows are read")
}

#[tokio::test]
async fn an_operation_has_one_row_under_its_token_whatever_becomes_of_it() {
    let bench = Bench::new();
    let store = bench.open().await;
    let mut expected = Vec::new();
    for number in 1..=5 {
        let token = owner(&store, key(number), EffectClass::Keyed).await;
        expected.push((token.as_u128(), key(number)));
        assert_eq!(rows(&store).await, expected, "rows are appended");
        store.complete(key(number), token, answer("done")).await.expect("it is recorded");
        assert_eq!(rows(&store).await, expected, "the answer is in the same row");
    }
    let tokens: Vec<u128> = expected.iter().map(|(token, _)| *token).collect();
    assert!(tokens.is_sorted(), "{tokens:?}");
}

#[tokio::test]
async fn a_takeover_moves_the_row_and_a_release_removes_it() {
    let bench = Bench::new();
    let store = bench.open().await;
    owner(&store, key(1), EffectClass::Keyed).await;
    owner(&store, key(2), EffectClass::Keyed).await;
    bench.clock.advance(super::LEASE);
    let second = granted(&store, key(1), EffectClass::Keyed, 2).await;
    assert_eq!(second.executions, 2);
    let found = rows(&store).await;
    assert_eq!(found.len(), 2, "one row per key: {found:?}");
    assert_eq!(found[1], (second.token.as_u128(), key(1)));

    let freed = owner(&store, key(3), EffectClass::Opaque).await;
    store.release(key(3), freed, Ended::WithoutEffect).await.expect("it is released");
    assert_eq!(rows(&store).await, found);
}

#[tokio::test]
async fn a_key_that_is_used_anew_after_it_expired_has_one_row() {
    let bench = Bench::new();
    let store = bench.open().await;
    for class in [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque] {
        for _ in 0..3 {
            let token = owner(&store, key(1), class).await;
            store.complete(key(1), token, answer("done")).await.expect("it is recorded");
            assert_eq!(rows(&store).await, [(token.as_u128(), key(1))], "{class:?}");
            let kept = ask(&store, class, 1).retention;
            bench.clock.advance(kept.answers + kept.skew);
        }
    }
}

#[tokio::test]
async fn a_transactional_claim_writes_nothing_before_its_commit() {
    let bench = Bench::new();
    let store = bench.open().await;
    let before = commits(&bench);
    let [freed, kept] = [key(1), key(2)];
    let token = owner(&store, freed, EffectClass::Transactional).await;
    store.release(freed, token, Ended::WithoutEffect).await.expect("it is released");
    let token = owner(&store, kept, EffectClass::Transactional).await;
    assert_eq!(commits(&bench), before, "nothing is on the disk");
    store.complete(kept, token, answer("done")).await.expect("it is recorded");
    assert_eq!(commits(&bench), before + 1, "one durable write per operation");
}

#[tokio::test]
async fn what_waits_together_is_committed_together_and_each_alone_when_alone() {
    const MANY: usize = 40;
    let bench = Bench::new();
    let store = bench.open().await;
    let before = commits(&bench);
    for number in 0..10 {
        owner(&store, key(number), EffectClass::Keyed).await;
    }
    let alone = commits(&bench);
    assert_eq!(alone - before, 10, "an acknowledged claim is committed");

    let (mut reading, at_reading) = gate();
    let mut busy = pin!(store.write(move |_| {
        at_reading.wait();
        Ok::<_, rusqlite::Error>(())
    }));
    assert!(poll!(&mut busy).is_pending());
    reading.reached().await;
    let first = u128::try_from(MANY).expect("few");
    let claims = (first..2 * first).map(|number| {
        let mut claim = store.claim(key(number), ask(&store, EffectClass::Keyed, number)).boxed();
        // The first poll puts it into the queue.
        assert!((&mut claim).now_or_never().is_none(), "the writer is busy");
        claim
    });
    let claims: Vec<_> = claims.collect();
    reading.open();
    assert!(join_all(claims).await.into_iter().all(|told| told.is_ok()));
    assert_eq!(commits(&bench) - alone, 1, "{MANY} claims share one commit");
    assert_eq!(rows(&store).await.len(), 10 + MANY);
    assert!(busy.await.is_ok());
}

/// How many transactions the write-ahead log holds: the frames that end one. The log is not
/// shortened while it is as short as here.
fn commits(bench: &Bench) -> usize {
    const HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let log = std::fs::read(format!("{}-wal", bench.path().display())).expect("the log is there");
    if log.len() < HEADER {
        return 0;
    }
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().expect("four bytes"));
    let page = usize::try_from(number(8)).expect("a page size");
    let frames = (HEADER..log.len()).step_by(FRAME_HEADER + page);
    // A frame of an earlier round of the log carries other salts than the log's header.
    let current = frames.filter(|frame| log[frame + 8..frame + 16] == log[16..24]);
    current.filter(|frame| number(frame + 4) != 0).count()
}

/// What runs is known without looking at rows, what is answered is read from them: one page has
/// both.
#[tokio::test]
async fn a_page_of_the_list_is_full_and_no_fuller_than_was_asked_for() {
    let bench = Bench::new();
    let store = bench.open().await;
    for number in 0..5 {
        let token = owner(&store, key(number), EffectClass::Keyed).await;
        if number >= 2 {
            store.complete(key(number), token, answer("done")).await.expect("it is answered");
        }
    }
    let filter = Filter::default();
    let first = store.list(&filter, None, 3).await.expect("a page");
    let second = store.list(&filter, first.next, 3).await.expect("a page");
    assert_eq!((first.records.len(), second.records.len()), (3, 2));
    assert!(second.next.is_none(), "{:?}", second.next);
}
