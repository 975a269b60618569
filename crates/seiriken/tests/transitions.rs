//! The transition function of the key record, row by row and then exhaustively.

#[path = "transitions/anew.rs"]
mod anew;
#[path = "transitions/by_a_person.rs"]
mod by_a_person;
#[path = "transitions/classes.rs"]
mod classes;
#[path = "transitions/expired.rs"]
mod expired;
#[path = "transitions/explore.rs"]
mod explore;
#[path = "transitions/table.rs"]
mod table;
#[path = "transitions/world.rs"]
mod world;

use std::sync::LazyLock;
use std::time::Duration;

use seiriken::clock::Timestamp;
use seiriken::record::transition::{self, Change, Claim, Surroundings, Transition};
use seiriken::record::{AttemptId, EffectClass, Record, RecordedResponse, Retention, Token};
use seiriken::{Fingerprint, IdentityDigest, Quota, Scope, ScopeDigest, StoreSecret};

const CLASSES: [EffectClass; 3] =
    [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque];
const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Retention =
    Retention { answers: Duration::from_hours(1), skew: Duration::from_mins(1) };

/// When everything here begins.
const START: Timestamp = Timestamp::from_millis(1_000_000);

fn token(number: u128) -> Token {
    Token::from_u128(number)
}

fn answer(body: &str) -> RecordedResponse {
    RecordedResponse::of_work(body.as_bytes())
}

fn secret() -> StoreSecret {
    StoreSecret::from_bytes([7; 32])
}

/// Whose request it is, and which.
static ALICE_PAYS: LazyLock<(IdentityDigest, Fingerprint)> = LazyLock::new(|| {
    let alice = IdentityDigest::new(&secret(), &[Some(b"alice")]);
    (alice, Fingerprint::of_work(&secret(), "pay", b"1"))
});

/// Another caller, and another request.
static MALLORY_PAYS_MORE: LazyLock<(IdentityDigest, Fingerprint)> = LazyLock::new(|| {
    let mallory = IdentityDigest::new(&secret(), &[Some(b"mallory")]);
    (mallory, Fingerprint::of_work(&secret(), "pay", b"2"))
});

fn ask(class: EffectClass, attempt: u128) -> Claim {
    let (identity, fingerprint) = *ALICE_PAYS;
    Claim {
        attempt: AttemptId::from_random(attempt),
        identity,
        fingerprint,
        scope: ScopeDigest::new(&secret(), &Scope::default()),
        date: None,
        class,
        lease: LEASE,
        retention: RETENTION,
        quota: Quota::default(),
    }
}

/// What the record is after a step that had to change it.
fn put<O: std::fmt::Debug>(step: Transition<O>) -> Record {
    match step.change {
        Change::Put(record) => record,
        other => panic!("it should change, and is told {:?} with {other:?}", step.outcome),
    }
}

/// A record in progress, claimed at the start by attempt 1 under token 1.
fn in_progress(class: EffectClass) -> Record {
    put(transition::claim(None, &ask(class, 1), &Surroundings::new(token(1), START)))
}
