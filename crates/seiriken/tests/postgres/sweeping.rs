//! What is due is forgotten or settled, and nothing else.

use std::sync::Arc;

use seiriken::clock::ManualClock;
use seiriken::store::postgres::{PostgresOptions, PostgresStore};

use crate::clauses;
use crate::shelf::{Shelf, server};

/// An empty store.
async fn on_postgres(clock: Arc<ManualClock>) -> PostgresStore {
    let schema = Shelf::new().await.schema();
    let opening = PostgresOptions::new().schema(schema).clock(clock);
    opening.connect(&server().url()).await.expect("it is opened")
}

macro_rules! on_postgres {
    ($($test:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $test() {
            let clock = clauses::clock();
            let store = on_postgres(Arc::clone(&clock)).await;
            clauses::$test(store, clock).await;
        })*
    };
}

on_postgres!(
    an_answer_is_kept_to_the_millisecond,
    claims_are_settled_by_their_class,
    an_unknown_outcome_is_kept_for_a_person_to_look_at,
    steps_come_to_an_end,
    a_dated_key_that_was_swept_is_never_new,
    a_key_whose_date_nobody_asked_for_is_never_new_either,
    sweeping_a_claim_that_did_nothing_expires_no_key,
);
