//! What is due is forgotten or settled, and nothing else.

use std::sync::Arc;

use seiriken::clock::{Clock, ManualClock};
use seiriken::record::transition::{Claim, ClaimOutcome};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::postgres::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use seiriken::store::postgres::sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use seiriken::store::postgres::{PostgresOptions, PostgresStore};
use seiriken::store::{Store, Swept};

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

/// The claim's statement has its snapshot, in which the expired record stands, and nothing of the
/// key is remembered; before it would write, a sweeper removes the one and remembers the other.
#[tokio::test]
async fn a_claim_that_a_sweeper_overtakes_takes_no_forgotten_key_for_new() {
    let (shelf, clock) = (Shelf::new().await, clauses::clock());
    let options = || PostgresOptions::new().clock(Arc::clone(&clock));
    let sweeper = shelf.node_on(shelf.pool_at(&server().url(), 1), options()).await.store;
    let minted = clock.now();
    let usual = clauses::ask(&sweeper, EffectClass::Opaque).retention;
    let first = Claim { retention: usual, ..clauses::dated(&sweeper, minted) };
    let told = sweeper.claim(clauses::key(1), first).await.expect("told");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };
    let answer = RecordedResponse::of_work(b"1");
    sweeper.complete(clauses::key(1), grant.token, answer).await.expect("recorded");
    clock.advance(clauses::KEPT);

    // Each statement of the store turns milliseconds into times, once it has its snapshot.
    let halts = "CREATE OR REPLACE FUNCTION keys.at(ms bigint) RETURNS timestamptz
        LANGUAGE plpgsql AS $$ BEGIN
            IF current_setting('test.halts', true) = 'yes' THEN
                PERFORM pg_advisory_xact_lock_shared(hashtext('keys.at'));
            END IF;
            RETURN timestamptz 'epoch' + ms * interval '1 millisecond';
        END $$";
    shelf.run(halts).await;
    let mut holder = PgConnection::connect(&server().url()).await.expect("a connection");
    let hold = format!("SELECT pg_advisory_lock(hashtext('{}.at'))", shelf.schema());
    raw_sql(AssertSqlSafe(hold)).execute(&mut holder).await.expect("it is held");
    let halted: PgConnectOptions = server().url().parse().expect("an address");
    let halted = PgPoolOptions::new().connect_lazy_with(halted.options([("test.halts", "yes")]));
    let claimer = shelf.node_on(halted, options()).await.store;

    let again = clauses::dated(&claimer, minted);
    let claiming = tokio::spawn(async move { claimer.claim(clauses::key(1), again).await });
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE wait_event = 'advisory' AND query LIKE 'WITH clock%'";
    while shelf.number(waits).await == 0 {
        assert!(!claiming.is_finished(), "it is to halt");
    }
    assert_eq!(clauses::swept(&sweeper).await, Swept { removed: 1, ..Swept::default() });
    holder.close().await.expect("it lets go");
    let told = claiming.await.expect("no panic").expect("told");
    assert_eq!(told, ClaimOutcome::KeyExpired);
}
