//! The connection breaks at the commit: what came of it is found out, or said not to be known.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use http::StatusCode;
use seiriken::http::{Once, ProblemKind};
use seiriken::record::EffectClass;
use seiriken::record::transition::{Ended, Resolution};
use seiriken::store::postgres::{PostgresOptions, PostgresStore, sqlx};
use seiriken::store::{Operate, Store, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::clauses::{granted, key};
use crate::committed::{assert_a_thing, puts_a_thing};
use crate::shelf::{Shelf, put, server};

/// Cuts a connection once what it waits for has gone through it and been answered: nobody hears the
/// answer.
struct Cutter {
    url: String,
    cut: Arc<AtomicBool>,
}

impl Cutter {
    /// At these words, or where a statement with them is only prepared, at what follows.
    async fn start(words: &'static str, prepared: bool) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("its own").port();
        let cut = Arc::new(AtomicBool::new(false));
        let cuts = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, Arc::clone(&cuts), (words, prepared)));
            }
        });
        Self { url: format!("postgres://postgres@127.0.0.1:{port}/postgres"), cut }
    }
}

async fn forward(
    mut client: TcpStream,
    cut: Arc<AtomicBool>,
    (words, prepared): (&'static str, bool),
) {
    let mut database = TcpStream::connect(("127.0.0.1", server().port())).await.expect("it runs");
    let (mut asked, mut told) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut is_prepared = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let asked = match read { Ok(0) | Err(_) => return, Ok(length) => &asked[..length] };
                database.write_all(asked).await.expect("it takes it");
                let says_it = asked.windows(words.len()).any(|said| said == words.as_bytes());
                let does_it = if prepared { is_prepared } else { says_it };
                is_prepared |= says_it;
                if does_it && cut.swap(false, Ordering::SeqCst) {
                    // Its answer: then it has come about.
                    let _ = database.read(&mut told).await;
                    return;
                }
            }
            read = database.read(&mut told) => {
                let told = match read { Ok(0) | Err(_) => return, Ok(length) => &told[..length] };
                client.write_all(told).await.expect("it takes it");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_acknowledgement_is_lost_is_found_to_have_come_about() {
    let shelf = Shelf::new().await;
    let cutter = Cutter::start("COMMIT", false).await;
    let pool = shelf.pool_at(&cutter.url, 2);
    let store = PostgresOptions::new().schema(shelf.schema()).connect(&server().url()).await;
    drop(store.expect("the tables are made"));
    let node = shelf.node_on(pool, PostgresOptions::new()).await;
    let route = puts_a_thing(&node);
    cutter.cut.store(true, Ordering::SeqCst);
    let first = route.post("k").await;
    assert!(!cutter.cut.load(Ordering::SeqCst), "it was cut");
    first.assert_executed();
    assert_a_thing(&first);
    route.post("k").await.assert_replays(&first);
    assert_eq!(shelf.things().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_before_its_commit_has_rolled_back_and_the_key_is_free() {
    let shelf = Shelf::new().await;
    // At the commit, and before it comes about: as an operator would, or a crash.
    let trigger = "CREATE FUNCTION things.ends() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER ends AFTER INSERT ON things.things
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION things.ends()";
    shelf.run(trigger).await;
    let route = puts_a_thing(&shelf.node(2).await);
    route.post("k").await.assert_refused(ProblemKind::StoreUnavailable);
    assert_eq!(shelf.things().await, 0);
    shelf.run("DROP TRIGGER ends ON things.things").await;
    let second = route.post("k").await;
    second.assert_executed();
    route.post("k").await.assert_replays(&second);
    assert_eq!(shelf.things().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_is_idle_for_too_long_frees_its_key() {
    let shelf = Shelf::new().await;
    let idle_max = std::time::Duration::from_millis(50);
    let pool = shelf.pool_at(&server().url(), 2);
    let node = shelf.node_on(pool, PostgresOptions::new().transaction_idle_max(idle_max)).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let shelf = Arc::new(shelf);
    let looks = Arc::clone(&shelf);
    let route = node.route(move |once: Once<PostgresStore>| async move {
        let mut tx = once.begin().await?;
        put(&mut tx).await?;
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            // The handler hangs; its session does not.
            let own = sqlx::query_scalar::<_, i32>("SELECT pg_backend_pid()");
            let own = own.fetch_one(&mut *tx).await?;
            let there = format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {own}");
            while looks.number(&there).await > 0 {
                tokio::task::yield_now().await;
            }
        }
        tx.commit((StatusCode::CREATED, "a thing")).await
    });
    let first = route.post("k").await;
    first.assert_refused(ProblemKind::StoreUnavailable);
    let second = route.post("k").await;
    second.assert_executed();
    assert_eq!((shelf.things().await, runs.load(Ordering::SeqCst)), (1, 2));
}

/// The row is gone, and who has removed it nobody can tell: not that somebody was faster.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_deletion_is_not_acknowledged_is_told_that_nobody_knows() {
    for said in [None, Some(Resolution::NotDone)] {
        let shelf = Shelf::new().await;
        let cutter = Cutter::start("DELETE FROM", true).await;
        let store = shelf.node(1).await.store;
        let pool = shelf.pool_at(&cutter.url, 1);
        let desk = shelf.node_on(pool, PostgresOptions::new()).await.store;
        let token = granted(&store, 0, EffectClass::Opaque).await;
        let ended = store.release(key(0), token, Ended::EffectUnknown).await;
        ended.expect("it is told");
        cutter.cut.store(true, Ordering::SeqCst);
        let told = match &said {
            None => desk.delete(key(0), token).await.map(|told| format!("{told:?}")),
            Some(said) => {
                desk.resolve(key(0), token, said.clone()).await.map(|told| format!("{told:?}"))
            }
        };
        assert!(!cutter.cut.load(Ordering::SeqCst), "{said:?}: it was cut");
        assert!(matches!(told, Err(StoreError::InDoubt { .. })), "{said:?}: {told:?}");
        assert_eq!(desk.show(key(0)).await.expect("it is shown"), None, "{said:?}: it is gone");
    }
}
