//! Who has the store's connections, and for how long.

use std::pin::pin;

use futures_util::future::{Either, join_all, select};
use futures_util::poll;
use seiriken::record::transition::ClaimOutcome;
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::Store;
use seiriken::store::postgres::PostgresOptions;

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
