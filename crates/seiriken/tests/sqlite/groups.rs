//! Effects of several requests share a transaction: each stands or falls alone, as long as the
//! transaction stands.

use std::pin::pin;

use futures_util::future::join_all;
use futures_util::{FutureExt, poll};
use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, CompleteOutcome, Granted};
use seiriken::store::sqlite::{SqliteStore, SqliteTx, rusqlite};
use seiriken::store::{Store, StoreError};

use super::{Bench, answer, ask, gate, granted, key, owner, run_sql};

const TABLES: &str = "
    CREATE TABLE numbers (number INTEGER PRIMARY KEY);
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (
        parent INTEGER NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
    );";

async fn numbers(store: &SqliteStore) -> Vec<i64> {
    let read = store.read(|connection| {
        let mut rows = connection.prepare("SELECT number FROM numbers ORDER BY number")?;
        rows.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, rusqlite::Error>>()
    });
    read.await.expect("it is read").expect("the table is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_effect_that_refuses_or_panics_takes_back_itself_alone() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let effects = (0..60_i64).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let write = store.write(move |tx| {
                tx.execute("INSERT INTO numbers VALUES (?1)", [number])?;
                match number % 6 {
                    0 => Err(rusqlite::Error::QueryReturnedNoRows),
                    1 => panic!("an effect that panics"),
                    _ => Ok(number),
                }
            });
            (number, write.await)
        })
    });
    for ended in join_all(effects.collect::<Vec<_>>()).await {
        match ended.expect("the caller goes on") {
            (number, Ok(Err(_))) => assert_eq!(number % 6, 0),
            (number, Err(StoreError::NotApplied { .. })) => assert_eq!(number % 6, 1),
            (number, Ok(Ok(wrote))) => assert_eq!((number, number % 6 > 1), (wrote, true)),
            other => panic!("{other:?}"),
        }
    }
    let expected: Vec<i64> = (0..60).filter(|number| number % 6 > 1).collect();
    assert_eq!(numbers(&store).await, expected);
}

#[tokio::test]
async fn in_one_group_too() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    let (mut busy, at_busy) = gate();
    let mut waiting = pin!(store.write(move |_| {
        at_busy.wait();
        Ok::<_, rusqlite::Error>(())
    }));
    assert!(poll!(&mut waiting).is_pending());
    busy.reached().await;
    let mut effects = Vec::new();
    for number in 0..3_i64 {
        let mut effect = store
            .write(move |tx| {
                tx.execute("INSERT INTO numbers VALUES (?1)", [number])?;
                assert_ne!(number, 1, "an effect that panics");
                Ok::<_, rusqlite::Error>(())
            })
            .boxed();
        assert!((&mut effect).now_or_never().is_none(), "the writer is busy");
        effects.push(effect);
    }
    let mut completing = pin!(store.complete(key(1), token, answer("done")));
    assert!(poll!(&mut completing).is_pending());
    busy.open();
    let ended: Vec<bool> = join_all(effects).await.iter().map(Result::is_ok).collect();
    assert_eq!(ended, [true, false, true]);
    assert_eq!(completing.await.expect("it is answered"), CompleteOutcome::Recorded);
    assert_eq!(numbers(&store).await, [0, 2]);
    assert!(waiting.await.is_ok());
}

#[tokio::test]
async fn a_commit_that_is_refused_applies_nothing_frees_its_keys_and_the_store_goes_on() {
    let bench = Bench::new();
    let store = bench.open().await;
    run_sql(&store, TABLES).await;
    let running = owner(&store, key(1), EffectClass::Keyed).await;

    let (mut busy, at_busy) = gate();
    let mut waiting = pin!(store.write(move |_| {
        at_busy.wait();
        Ok::<_, rusqlite::Error>(())
    }));
    assert!(poll!(&mut waiting).is_pending());
    busy.reached().await;
    let mut completing = pin!(store.complete(key(1), running, answer("done")));
    assert!(poll!(&mut completing).is_pending());
    let mut claiming = pin!(store.claim(key(2), ask(&store, EffectClass::Opaque, 1)));
    assert!(poll!(&mut claiming).is_pending());
    let orphan = "INSERT INTO numbers VALUES (7); INSERT INTO child VALUES (404);";
    let mut failing = pin!(store.write(move |tx| tx.execute_batch(orphan)));
    assert!(poll!(&mut failing).is_pending());
    busy.open();

    let not_applied = |error: &StoreError| matches!(error, StoreError::NotApplied { .. });
    assert!(completing.await.is_err_and(|error| not_applied(&error)));
    assert!(claiming.await.is_err_and(|error| not_applied(&error)));
    assert!(failing.await.is_err_and(|error| not_applied(&error)));
    assert!(waiting.await.is_ok());
    assert_eq!(numbers(&store).await, [] as [i64; 0]);

    // The claim of before is as it was, the key of the failed claim is new, the store works.
    let told = store.claim(key(1), ask(&store, EffectClass::Keyed, 2)).await;
    assert!(matches!(told, Ok(ClaimOutcome::InProgress { .. })), "{told:?}");
    let recorded = store.complete(key(1), running, answer("done")).await;
    assert_eq!(recorded.expect("it is answered"), CompleteOutcome::Recorded);
    assert_eq!(granted(&store, key(2), EffectClass::Opaque, 2).await.how, Granted::First);
    run_sql(&store, "INSERT INTO numbers VALUES (8)").await;
    assert_eq!(numbers(&store).await, [8]);
    store.clone().close().await;
    let again = bench.open().await;
    let told = again.claim(key(1), ask(&again, EffectClass::Keyed, 3)).await;
    assert_eq!(told.expect("it is answered"), ClaimOutcome::Completed(answer("done")));
}

/// What becomes of the runtime that opened the store.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Opener {
    Runs,
    ShutsDown,
    /// All its threads are kept busy by somebody else.
    Blocked,
    /// It has one thread, and nobody waits for it.
    StandsStill,
}

/// The runtime that opened the store tells who is in a group. Where it has gone, or stands still, the
/// others are told all the same, and what is committed is never told to be undone.
#[test]
fn a_group_is_told_also_when_the_runtime_that_opened_the_store_is_gone() {
    let threads = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
    let standing = || tokio::runtime::Builder::new_current_thread().build();
    let here = threads().expect("a runtime");
    let openers = [Opener::Runs, Opener::ShutsDown, Opener::Blocked, Opener::StandsStill];
    // Closed behind them, the writer comes to its end with that group and looks at nothing after it.
    let both = |opener| [(opener, false), (opener, true)];
    for (opener, closes) in openers.into_iter().flat_map(both) {
        let one = opener == Opener::StandsStill;
        let opening = if one { standing() } else { threads() }.expect("a runtime");
        let (unblock, blocked) = std::sync::mpsc::channel::<()>();
        let bench = Bench::new();
        let store = opening.block_on(bench.open());
        here.block_on(run_sql(&store, TABLES));
        let (enter, entered) = std::sync::mpsc::channel();
        let (open, opened) = std::sync::mpsc::channel::<()>();
        // While the first one is held, the others come together behind it.
        let first = store.clone();
        let held = here.spawn(async move {
            let hold = move |_: &SqliteTx<'_>| {
                enter.send(()).expect("the test waits");
                opened.recv().map_err(|_| ())
            };
            first.write(hold).await
        });
        entered.recv().expect("the writer has come to it");
        let (writes, closing) = here.block_on(async {
            let mut writes: Vec<_> = (0..20_i64)
                .map(|number| {
                    let store = store.clone();
                    let sql = "INSERT INTO numbers VALUES (?1)";
                    Box::pin(async move { store.write(move |tx| tx.execute(sql, [number])).await })
                })
                .collect();
            for write in &mut writes {
                assert!(poll!(write).is_pending(), "it is in the queue");
            }
            let mut closing = closes.then(|| Box::pin(store.clone().close()));
            if let Some(closing) = &mut closing {
                assert!(poll!(closing).is_pending(), "it is behind them");
            }
            (writes, closing)
        });
        let opening = match opener {
            Opener::ShutsDown => {
                opening.shutdown_background();
                None
            }
            Opener::Blocked => {
                let (tell, told) = std::sync::mpsc::channel();
                opening.spawn(async move {
                    tell.send(()).expect("the test waits");
                    blocked.recv()
                });
                told.recv().expect("it is blocked now");
                Some(opening)
            }
            Opener::Runs | Opener::StandsStill => Some(opening),
        };
        open.send(()).expect("the writer waits");
        here.block_on(async {
            held.await.expect("it goes on").expect("it is committed").expect("it was let go");
            for write in writes {
                write.await.expect("it is committed").expect("it is written");
            }
            match closing {
                Some(closing) => closing.await,
                None => store.close().await,
            }
            let again = bench.open().await;
            assert_eq!(numbers(&again).await, (0..20).collect::<Vec<i64>>());
        });
        drop((unblock, opening));
    }
}
