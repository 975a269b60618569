//! Requests to ask a store with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use private_servers::redis::{RedisServer, RedisSettings};
use seiriken::clock::{Clock, SystemClock, Timestamp};
use seiriken::record::transition::{Claim, ClaimOutcome, CompleteOutcome};
use seiriken::record::{AttemptId, EffectClass, RecordedResponse, Retention, Token};
use seiriken::store::Store;
use seiriken::store::redis::{RedisOptions, RedisStore};
use seiriken::{Fingerprint, IdentityDigest, KeyDate, Quota, RecordId, Scope, ScopeDigest};

pub(crate) const RETENTION: Retention =
    Retention { answers: Duration::from_hours(1), skew: Duration::from_mins(1) };

pub(crate) fn server() -> RedisServer {
    RedisServer::start(RedisSettings::new()).expect("a server")
}

pub(crate) async fn connect(server: &RedisServer) -> RedisStore {
    // A machine that runs many servers at once is slow at times.
    let options = RedisOptions::new().answered_within(Duration::from_secs(30));
    options.connect(&server.url()).await.expect("the store is opened")
}

pub(crate) fn id(number: u128) -> RecordId {
    RecordId::from_bytes(number.to_be_bytes())
}

/// The key of that record on the server.
pub(crate) fn key(number: u128) -> String {
    format!("seiriken:{number:032x}")
}

pub(crate) fn ask(store: &RedisStore) -> Claim {
    // Every claim is an attempt of its own.
    static ATTEMPTS: AtomicU64 = AtomicU64::new(1);
    Claim {
        attempt: AttemptId::from_random(ATTEMPTS.fetch_add(1, Ordering::Relaxed).into()),
        identity: IdentityDigest::anonymous(store.secret()),
        fingerprint: Fingerprint::of_work(store.secret(), "pay", b"1"),
        scope: ScopeDigest::new(store.secret(), &Scope::default()),
        date: None,
        class: EffectClass::Opaque,
        lease: Duration::from_secs(30),
        retention: RETENTION,
        quota: Quota::default(),
    }
}

/// A claim of a key that was made then.
pub(crate) fn dated(store: &RedisStore, minted: Timestamp) -> Claim {
    Claim { date: Some(KeyDate { minted, expires_at: None }), ..ask(store) }
}

/// The time of the server: it is on this machine.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

pub(crate) fn answer() -> RecordedResponse {
    RecordedResponse::of_work(b"done")
}

pub(crate) async fn told(store: &RedisStore, number: u128, claim: Claim) -> ClaimOutcome {
    store.claim(id(number), claim).await.expect("a claim is answered")
}

pub(crate) async fn granted(store: &RedisStore, number: u128, claim: Claim) -> Token {
    match told(store, number, claim).await {
        ClaimOutcome::Granted(grant) => grant.token,
        other => panic!("it should be granted: {other:?}"),
    }
}

pub(crate) async fn completed(store: &RedisStore, number: u128, claim: Claim) {
    let token = granted(store, number, claim).await;
    let recorded = store.complete(id(number), token, answer()).await.expect("it is answered");
    assert_eq!(recorded, CompleteOutcome::Recorded);
}

pub(crate) async fn assert_replayed(store: &RedisStore, number: u128, claim: Claim) {
    assert_eq!(told(store, number, claim).await, ClaimOutcome::Completed(answer()));
}
