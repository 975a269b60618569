//! Who has the store's connections, and for how long.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use futures_util::poll;
use seiriken::record::transition::ClaimOutcome;
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::postgres::PostgresOptions;
use seiriken::store::postgres::sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};

use crate::clauses;
use crate::shelf::{Shelf, server};

/// Claims that wait keep their connection from one statement to the next, but not for as long as there
/// are more of them: an answer that nobody records is lost with its lease.
#[tokio::test]
async fn a_flood_of_claims_leaves_an_answer_its_turn() {
    const CLAIMS: u64 = 8000;
    let shelf = Shelf::new().await;
    let options = PostgresOptions::new().connections(1);
    let store = shelf.node_on(shelf.pool_at(&server().url(), 1), options).await.store;
    let ask = || clauses::ask(&store, EffectClass::Opaque);
    let told = store.claim(clauses::key(0), ask()).await.expect("told");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };

    let mut flood = join_all((1..=CLAIMS).map(|key| store.claim(clauses::key(key.into()), ask())));
    assert!(poll!(&mut flood).is_pending(), "all of them wait");
    let answer = RecordedResponse::of_work(b"1");
    let recording = pin!(store.complete(clauses::key(0), grant.token, answer));
    match select(recording, flood).await {
        Either::Left((recorded, flood)) => {
            recorded.expect("recorded");
            assert!(flood.await.iter().all(Result::is_ok));
        }
        Either::Right(_) => panic!("the answer had to wait for the last of the claims"),
    }
}

/// Whoever has locked a row holds up the answer that is to be written into it, and no other: a second
/// statement goes beside the one that takes long.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_somebody_has_locked_holds_up_its_own_answer_alone() {
    let shelf = Shelf::new().await;
    let store = shelf.node(1).await.store;
    let mut tokens = Vec::new();
    for key in 0..2 {
        tokens.push(clauses::granted(&store, key, EffectClass::Opaque).await);
    }
    let mut person = PgConnection::connect(&server().url()).await.expect("a connection");
    let token = i64::try_from(tokens[0].as_u128()).expect("a number of the sequence");
    let lock = format!(
        "BEGIN; SELECT FROM {}.key_records WHERE token = {token} FOR UPDATE",
        shelf.schema()
    );
    raw_sql(AssertSqlSafe(lock)).execute(&mut person).await.expect("locked");

    let answer = || RecordedResponse::of_work(b"1");
    let (held_up, token) = (store.clone(), tokens[0]);
    let held_up =
        tokio::spawn(async move { held_up.complete(clauses::key(0), token, answer()).await });
    let waits = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
            AND query LIKE '%{}.key_records%'",
        shelf.schema()
    );
    while shelf.number(&waits).await == 0 {}
    let other = store.complete(clauses::key(1), tokens[1], answer());
    let other = tokio::time::timeout(Duration::from_secs(20), other).await;
    other.expect("it waits for nobody").expect("recorded");
    assert!(!held_up.is_finished(), "it waits for the lock");
    raw_sql("ROLLBACK").execute(&mut person).await.expect("unlocked");
    held_up.await.expect("no panic").expect("recorded");
}
