//! An effect that commits together with its answer, in SQLite.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::poll;
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::engine::{CommitRefused, CommitState, Decision, Ending, Engine, Execution};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::sqlite::{CommitError, SqliteStore, SqliteTx, rusqlite};
use seiriken::{OnConcurrent, RecordId};
use tempfile::TempDir;

use super::bench::{answer, answered, operation, policy, polled};

struct Bench {
    store: SqliteStore,
    clock: Arc<ManualClock>,
    _folder: TempDir,
}

impl Bench {
    async fn new() -> Self {
        let folder = TempDir::new().expect("a folder for the file");
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let path = folder.path().join("test.db");
        let opening = SqliteStore::open_with_clock(path, Arc::clone(&clock));
        let store = opening.await.expect("the file is opened");
        let made = store.write(|tx| tx.execute_batch("CREATE TABLE orders (id INTEGER)")).await;
        made.expect("it is committed").expect("it is good SQL");
        Self { store, clock, _folder: folder }
    }

    fn engine(&self, class: EffectClass) -> Engine<SqliteStore> {
        let policy = policy(class, OnConcurrent::Reject);
        Engine::new(self.store.clone(), policy).expect("SQLite carries every class")
    }

    async fn orders(&self) -> i64 {
        let sql = "SELECT count(*) FROM orders";
        let read =
            self.store.read(move |connection| connection.query_row(sql, [], |row| row.get(0)));
        read.await.expect("it is read").expect("the table is there")
    }

    /// What a retry is told, which would order once more if it ran.
    async fn retry(&self, key: u128) -> Decision<()> {
        let engine = self.engine(EffectClass::Transactional);
        let work = |execution: Execution<SqliteStore>| async move {
            let committed = execution.commit(order).await.expect("it may commit");
            Ending::Answered(committed.expect("it is committed").response, ())
        };
        self.ended(engine.run(operation(&self.store, key), work)).await
    }

    async fn ended<F: Future>(&self, run: F) -> F::Output {
        tokio::time::timeout(LIMIT, run).await.expect("a run comes to its end")
    }
}

/// Far more than a run takes: one that has not ended by then never will.
const LIMIT: Duration = Duration::from_secs(20);

fn order(tx: &SqliteTx<'_>) -> Result<(RecordedResponse, ()), rusqlite::Error> {
    tx.execute("INSERT INTO orders VALUES (1)", [])?;
    Ok((answer("ordered"), ()))
}

/// What the work does after its commit.
#[derive(Debug, Clone, Copy)]
enum Then {
    AnswersTheSame,
    AnswersSomethingElse,
    SaysThatNothingHappened,
    SaysThatItCannotSay,
    Panics,
}

#[tokio::test]
async fn what_was_committed_is_the_answer_whatever_the_work_does_next() {
    let bench = Bench::new().await;
    let ways = [
        Then::AnswersTheSame,
        Then::AnswersSomethingElse,
        Then::SaysThatNothingHappened,
        Then::SaysThatItCannotSay,
        Then::Panics,
    ];
    for ((then, key), orders) in ways.into_iter().zip(1..).zip(1..) {
        let engine = bench.engine(EffectClass::Transactional);
        let work = move |execution: Execution<SqliteStore>| async move {
            let committed = execution.commit(order).await.expect("it may commit");
            let response = committed.expect("it is committed").response;
            match then {
                Then::AnswersTheSame => Ending::Answered(response, ()),
                Then::AnswersSomethingElse => Ending::Answered(answer("another"), ()),
                Then::SaysThatNothingHappened => Ending::NotProcessed(()),
                Then::SaysThatItCannotSay => Ending::Unknown(()),
                Then::Panics => panic!("after the commit"),
            }
        };
        match engine.run(operation(&bench.store, key), work).await {
            Decision::Executed { response, beside } => {
                assert_eq!(response, answer("ordered"), "{then:?}");
                assert_eq!(beside.is_none(), matches!(then, Then::Panics), "{then:?}");
            }
            other => panic!("{then:?}: {other:?}"),
        }
        assert_eq!(answered(bench.retry(key).await), answer("ordered"), "{then:?}");
        assert_eq!(bench.orders().await, orders, "{then:?}");
    }
}

#[tokio::test]
async fn a_commit_is_refused_before_any_effect_where_it_is_not_transactional() {
    let bench = Bench::new().await;
    for (class, key) in [(EffectClass::Opaque, 1), (EffectClass::Keyed, 2)] {
        let work = |execution: Execution<SqliteStore>| async move {
            let refused = execution.commit(order).await.expect_err("it may not commit");
            assert_eq!(refused, CommitRefused::NotTransactional);
            assert_eq!(execution.commit_state(), CommitState::NotAsked);
            Ending::NotProcessed(refused)
        };
        let told = bench.engine(class).run(operation(&bench.store, key), work).await;
        let refused =
            matches!(told, Decision::NotRecorded { beside: CommitRefused::NotTransactional, .. });
        assert!(refused, "{class:?}: {told:?}");
    }
    assert_eq!(bench.orders().await, 0);
}

#[tokio::test]
async fn a_second_commit_is_refused_and_the_first_stands() {
    let bench = Bench::new().await;
    let work = |execution: Execution<SqliteStore>| async move {
        let first = execution.commit(order).await.expect("it may commit");
        let first = first.expect("it is committed").response;
        let second = execution.commit(order).await.expect_err("only once");
        assert_eq!(second, CommitRefused::Twice);
        Ending::Answered(first, ())
    };
    let told = bench.engine(EffectClass::Transactional).run(operation(&bench.store, 1), work).await;
    assert_eq!(answered(told), answer("ordered"));
    assert_eq!(bench.orders().await, 1);
}

#[tokio::test]
async fn a_refusal_or_a_panic_inside_leaves_nothing_and_frees_the_key() {
    let bench = Bench::new().await;
    for key in [1, 2] {
        let work = move |execution: Execution<SqliteStore>| async move {
            let refused = execution.commit(move |tx| {
                order(tx).expect("the order is written");
                match key {
                    1 => Err::<(RecordedResponse, ()), _>("no funds"),
                    _ => panic!("the effect is broken"),
                }
            });
            match refused.await.expect("it may commit").expect_err("it is rolled back") {
                CommitError::RolledBack(why) => assert_eq!((key, why), (1, "no funds")),
                CommitError::Panicked(_) => assert_eq!(key, 2),
                other => panic!("{other}"),
            }
            Ending::NotProcessed("refused")
        };
        let told = bench.engine(EffectClass::Transactional).run(operation(&bench.store, key), work);
        assert!(matches!(told.await, Decision::NotRecorded { beside: "refused", .. }));
        assert_eq!(bench.orders().await, i64::try_from(key).expect("small") - 1);
        assert!(matches!(bench.retry(key).await, Decision::Executed { .. }));
    }
}

#[tokio::test]
async fn wherever_the_caller_goes_it_is_committed_once() {
    let bench = Bench::new().await;
    for polls in 0.. {
        let key = u128::try_from(polls).expect("few") + 1;
        let engine = bench.engine(EffectClass::Transactional);
        let work = |execution: Execution<SqliteStore>| async move {
            tokio::task::yield_now().await;
            let committed = execution.commit(order).await.expect("it may commit");
            tokio::task::yield_now().await;
            Ending::Answered(committed.expect("it is committed").response, ())
        };
        let ended = polled(polls, engine.run(operation(&bench.store, key), work)).await;
        assert!(engine.drain(LIMIT).await, "dropped after {polls} polls");
        let retry = bench.retry(key).await;
        let replayed = matches!(retry, Decision::Replayed(_));
        assert_eq!(replayed, polls > 0, "dropped after {polls} polls: {retry:?}");
        let orders = i64::try_from(key).expect("small");
        assert_eq!(bench.orders().await, orders, "dropped after {polls} polls");
        if ended {
            break;
        }
    }
}

/// A timeout inside the handler drops the commit's future; the commit itself is on its way.
#[tokio::test]
async fn a_commit_that_the_work_no_longer_waits_for_is_the_answer_all_the_same() {
    let bench = Bench::new().await;
    for polls in 0..2 {
        let key = u128::try_from(polls).expect("few") + 1;
        let work = move |execution: Execution<SqliteStore>| async move {
            polled(polls, execution.commit(order)).await;
            Ending::Answered(answer("too late"), ())
        };
        let engine = bench.engine(EffectClass::Transactional);
        let told = answered(bench.ended(engine.run(operation(&bench.store, key), work)).await);
        let asked = polls > 0;
        assert_eq!(told, answer(if asked { "ordered" } else { "too late" }), "{polls} polls");
        assert_eq!(answered(bench.retry(key).await), told, "{polls} polls");
        assert_eq!(bench.orders().await, i64::from(asked), "{polls} polls");
    }
}

#[tokio::test]
async fn a_panic_while_the_commit_is_on_its_way_does_not_lose_it() {
    let bench = Bench::new().await;
    let work = |execution: Execution<SqliteStore>| async move {
        let mut committing = pin!(execution.commit(order));
        assert!(poll!(&mut committing).is_pending(), "it is on its way");
        panic!("something else in the handler is broken");
    };
    let engine = bench.engine(EffectClass::Transactional);
    let run = engine.run(operation(&bench.store, 1), work);
    let told: Decision<()> = bench.ended(run).await;
    assert_eq!(answered(told), answer("ordered"));
    assert_eq!(answered(bench.retry(1).await), answer("ordered"));
    assert_eq!(bench.orders().await, 1);
}

/// Its lease ended, and somebody else was faster.
#[tokio::test]
async fn an_owner_that_was_overtaken_commits_nothing() {
    let bench = Bench::new().await;
    let engine = bench.engine(EffectClass::Transactional);
    let (store, clock) = (bench.store.clone(), Arc::clone(&bench.clock));
    let successor = bench.engine(EffectClass::Transactional);
    let work = move |execution: Execution<SqliteStore>| async move {
        assert_eq!(
            (execution.number(), execution.id()),
            (1, RecordId::from_bytes(1_u128.to_be_bytes()))
        );
        clock.advance(execution_lease());
        let second = successor.run(operation(&store, 1), |execution| async move {
            assert_eq!(execution.number(), 2);
            let committed = execution.commit(order).await.expect("it may commit");
            Ending::Answered(committed.expect("it is committed").response, ())
        });
        assert_eq!(answered(second.await), answer("ordered"));
        let late = execution.commit(order).await.expect("it may ask");
        assert!(matches!(late, Err(CommitError::LeaseLost)), "{late:?}");
        Ending::NotProcessed(())
    };
    let told = engine.run(operation(&bench.store, 1), work).await;
    assert!(matches!(told, Decision::InProgress { .. }), "it may ask for the answer: {told:?}");
    assert_eq!(bench.orders().await, 1);
    assert_eq!(answered(bench.retry(1).await), answer("ordered"));
}

/// Its lease ended, and its successor is still at work.
#[tokio::test]
async fn an_owner_that_was_overtaken_does_not_commit_in_its_successors_place() {
    let bench = Bench::new().await;
    let [late, successor] = [(); 2].map(|()| bench.engine(EffectClass::Transactional));
    let (store, clock) = (bench.store.clone(), Arc::clone(&bench.clock));
    let work = move |execution: Execution<SqliteStore>| async move {
        clock.advance(execution_lease());
        let second = successor.run(operation(&store, 1), move |second| async move {
            let late = execution.commit(order).await.expect("it may ask");
            assert!(matches!(late, Err(CommitError::LeaseLost)), "{late:?}");
            let committed = second.commit(order).await.expect("it may commit");
            Ending::Answered(committed.expect("it is committed").response, ())
        });
        let told = second.await;
        assert!(matches!(told, Decision::Executed { .. }), "{told:?}");
        Ending::NotProcessed(())
    };
    let told = bench.ended(late.run(operation(&bench.store, 1), work)).await;
    assert!(matches!(told, Decision::InProgress { .. }), "{told:?}");
    assert_eq!(bench.orders().await, 1);
    assert_eq!(answered(bench.retry(1).await), answer("ordered"));
}

fn execution_lease() -> Duration {
    policy(EffectClass::Transactional, OnConcurrent::Reject).lease
}
