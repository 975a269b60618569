//! The server removes records by itself: not before their time, and some time after it.

use std::sync::Arc;
use std::time::Duration;

use private_servers::redis::RedisServer;
use seiriken::Quota;
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::record::transition::{Claim, ClaimOutcome, Ended};
use seiriken::record::{EffectClass, INDETERMINATE_KEPT_MIN};
use seiriken::store::Store;
use seiriken::store::redis::RedisOptions;

use crate::asking::{RETENTION, ask, completed, connect, granted, id, key, server, told};

const GRACE: Duration = Duration::from_hours(1);

/// How long the server still keeps a key.
fn left(server: &RedisServer, number: u128) -> Duration {
    let left = server.cli(&["PTTL", &key(number)]).expect("it is there");
    Duration::from_millis(left.parse().expect("it is removed at some time"))
}

#[tokio::test]
async fn every_record_outlives_its_own_time_by_the_grace_and_not_by_much() {
    let server = server();
    let store = connect(&server).await;
    let kept = RETENTION.answers + RETENTION.skew;
    let few = Duration::from_mins(5);
    completed(&store, 1, ask(&store)).await;
    granted(&store, 2, Claim { class: EffectClass::Keyed, ..ask(&store) }).await;
    for number in [1, 2] {
        let left = left(&server, number);
        assert!(left + few > kept + GRACE && left < kept + GRACE + few, "{number}: {left:?}");
    }
    // Its owner may have gone: what became of it is for a person to find out.
    granted(&store, 3, ask(&store)).await;
    let token = granted(&store, 4, ask(&store)).await;
    store.release(id(4), token, Ended::EffectUnknown).await.expect("it is released");
    let token = granted(&store, 5, ask(&store)).await;
    store.renew(id(5), token, Duration::from_mins(1)).await.expect("it is renewed");
    for number in 3..=5 {
        let left = left(&server, number);
        let kept = INDETERMINATE_KEPT_MIN + GRACE;
        assert!(left + few > kept && left < kept + few, "{number}: {left:?}");
    }
}

#[tokio::test]
async fn what_has_expired_counts_no_more_for_a_quota() {
    let server = server();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let options = RedisOptions::new().clock(Arc::clone(&clock));
    let store = options.connect(&server.url()).await.expect("the store is opened");
    let two = || Claim { quota: Quota { keys: Some(2), bytes: Some(1_000) }, ..ask(&store) };
    for number in 1..=2 {
        completed(&store, number, two()).await;
    }
    assert_eq!(told(&store, 3, two()).await, ClaimOutcome::QuotaExceeded);
    clock.advance(RETENTION.answers + RETENTION.skew);
    granted(&store, 3, two()).await;
    granted(&store, 4, two()).await;
    assert_eq!(told(&store, 5, two()).await, ClaimOutcome::QuotaExceeded);
    let scope: Vec<_> = server
        .cli(&["KEYS", "seiriken:scope:*"])
        .expect("its counters")
        .lines()
        .map(str::to_owned)
        .collect();
    assert_eq!(scope.len(), 2, "{scope:?}");
    for counter in scope {
        let left = server.cli(&["PTTL", &counter]).expect("it is asked");
        assert!(left.parse::<u64>().is_ok(), "{counter} is removed at some time: {left}");
    }
}

#[tokio::test]
async fn what_was_taken_over_still_counts_for_a_quota() {
    let server = server();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let options = RedisOptions::new().clock(Arc::clone(&clock));
    let store = options.connect(&server.url()).await.expect("the store is opened");
    let keyed = || Claim { class: EffectClass::Keyed, ..ask(&store) };
    let one = || Claim { quota: Quota { keys: Some(1), bytes: None }, ..keyed() };
    granted(&store, 1, one()).await;
    clock.advance(keyed().lease);
    granted(&store, 1, keyed()).await;
    assert_eq!(told(&store, 2, one()).await, ClaimOutcome::QuotaExceeded);
}
