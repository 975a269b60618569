//! A person and whoever else changes the same row at the same moment: one of them does, and the other
//! one is told what stands.

use std::time::Duration;

use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, RenewOutcome, Resolution,
    ResolveOutcome,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, State, Token};
use seiriken::store::postgres::PostgresStore;
use seiriken::store::postgres::sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use seiriken::store::{Operate, Store};

use crate::clauses::{LEASE, ask, granted, key};
use crate::shelf::{Shelf, server};

/// A key, and its row, which is kept from everybody for a while: they read it, and wait with what they
/// write.
struct Held {
    shelf: Shelf,
    store: PostgresStore,
    token: Token,
    lock: PgConnection,
}

impl Held {
    async fn new(begun: impl AsyncFnOnce(&PostgresStore) -> Token) -> Self {
        let shelf = Shelf::new().await;
        let store = shelf.node(1).await.store;
        let token = begun(&store).await;
        let mut lock = PgConnection::connect(&server().url()).await.expect("a connection");
        let held = format!("BEGIN; SELECT FROM {}.key_records FOR UPDATE", shelf.schema());
        raw_sql(AssertSqlSafe(held)).execute(&mut lock).await.expect("locked");
        Self { shelf, store, token, lock }
    }

    /// Another node, where somebody else is.
    async fn elsewhere(&self) -> PostgresStore {
        self.shelf.node(1).await.store
    }

    /// Until so many wait for the row, in the order in which they came.
    async fn waiting(&self, count: i64) {
        let waits = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                AND query LIKE '%{}.key_records%'",
            self.shelf.schema()
        );
        while self.shelf.number(&waits).await < count {}
    }

    async fn let_go(&mut self) {
        raw_sql("ROLLBACK").execute(&mut self.lock).await.expect("unlocked");
    }
}

/// Nobody knows what became of it.
async fn unknown(store: &PostgresStore) -> Token {
    let token = granted(store, 0, EffectClass::Opaque).await;
    store.release(key(0), token, Ended::EffectUnknown).await.expect("it is told");
    token
}

/// Its owner is only late.
async fn out_of_its_lease(store: &PostgresStore) -> Token {
    let claim = Claim { lease: Duration::ZERO, ..ask(store, EffectClass::Opaque) };
    match store.claim(key(0), claim).await.expect("it is told") {
        ClaimOutcome::Granted(grant) => grant.token,
        told => panic!("it is new, and {told:?}"),
    }
}

fn answer(record: Option<&Record>) -> Option<&RecordedResponse> {
    match &record?.state {
        State::Completed { response, .. } => Some(response),
        State::InProgress { .. } | State::Indeterminate { .. } => None,
    }
}

/// Both have looked, and seen that nobody knows.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_persons_who_settle_a_key_at_once_the_second_one_is_told_what_stands() {
    let mut held = Held::new(unknown).await;
    let token = held.token;
    let said = |body: &[u8]| RecordedResponse::of_work(body);
    let mut persons = Vec::new();
    for (waiting, body) in [(1, b"1"), (2, b"2")] {
        let (desk, said) = (held.elsewhere().await, Resolution::Done(said(body)));
        let resolving = async move { desk.resolve(key(0), token, said).await.expect("it is told") };
        persons.push(tokio::spawn(resolving));
        held.waiting(waiting).await;
    }
    held.let_go().await;
    let second = persons.pop().expect("two of them").await.expect("no panic");
    let first = persons.pop().expect("two of them").await.expect("no panic");
    assert_eq!(first, ResolveOutcome::Resolved);
    let ResolveOutcome::Stands(stands) = second else { panic!("both settle it") };
    assert_eq!(answer(stands.as_ref()), Some(&said(b"1")));
    let shown = held.store.show(key(0)).await.expect("it is shown");
    assert_eq!(answer(shown.as_ref()), Some(&said(b"1")), "what the first one said");
}

/// The person has looked before the answer came, and frees the key after it.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_overtakes_a_person_is_not_removed() {
    let mut held = Held::new(unknown).await;
    let (owner, token) = (held.store.clone(), held.token);
    let late = RecordedResponse::of_work(b"late");
    let recorded = late.clone();
    let completing =
        tokio::spawn(async move { owner.complete(key(0), token, recorded).await.expect("told") });
    held.waiting(1).await;
    let desk = held.elsewhere().await;
    let said = Resolution::NotDone;
    let resolving =
        tokio::spawn(async move { desk.resolve(key(0), token, said).await.expect("told") });
    held.waiting(2).await;
    held.let_go().await;
    assert_eq!(completing.await.expect("no panic"), CompleteOutcome::Recorded);
    let told = resolving.await.expect("no panic");
    let ResolveOutcome::Stands(stands) = told else { panic!("the answer is removed") };
    assert_eq!(answer(stands.as_ref()), Some(&late));
}

/// The person has looked when its lease had ended, and deletes after it was renewed.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_overtakes_a_person_keeps_its_key() {
    let mut held = Held::new(out_of_its_lease).await;
    let (owner, token) = (held.store.clone(), held.token);
    let renewing =
        tokio::spawn(async move { owner.renew(key(0), token, LEASE).await.expect("told") });
    held.waiting(1).await;
    let desk = held.elsewhere().await;
    let deleting = tokio::spawn(async move { desk.delete(key(0), token).await.expect("told") });
    held.waiting(2).await;
    held.let_go().await;
    assert_eq!(renewing.await.expect("no panic"), RenewOutcome::Renewed);
    let told = deleting.await.expect("no panic");
    let DeleteOutcome::Stands(Some(stands)) = told else {
        panic!("what runs is deleted: {told:?}")
    };
    assert!(matches!(stands.state, State::InProgress { .. }), "{stands:?}");
}
