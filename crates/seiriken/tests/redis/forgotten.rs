//! Dated keys whose records the server has removed: expired, never new.

use std::sync::Arc;
use std::time::Duration;

use private_servers::redis::RedisServer;
use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::Retention;
use seiriken::record::transition::{Claim, ClaimOutcome};
use seiriken::store::redis::{RedisOptions, RedisStore};

use crate::asking::{RETENTION, completed, dated, granted, key, server, told};

const GRACE: Duration = Duration::from_mins(10);
const LONGER: Retention = Retention { answers: Duration::from_hours(100), ..RETENTION };

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

async fn connect(server: &RedisServer, clock: &Arc<ManualClock>) -> RedisStore {
    let options = RedisOptions::new().grace(GRACE).clock(Arc::clone(clock));
    options.connect(&server.url()).await.expect("the store is opened")
}

/// As the server does when the time is up. Its clock cannot be moved.
fn remove(server: &RedisServer, number: u128) {
    assert_eq!(server.cli(&["DEL", &key(number)]).expect("it is removed"), "1");
}

#[tokio::test]
async fn a_key_whose_record_was_removed_is_expired_when_answers_are_kept_for_longer_since() {
    let (server, clock) = (server(), clock());
    let store = connect(&server, &clock).await;
    let minted = clock.now();
    completed(&store, 1, dated(&store, minted)).await;
    clock.advance(RETENTION.answers + RETENTION.skew + GRACE);
    remove(&server, 1);
    // Of this process, which has kept answers for a shorter time, and of one that never has.
    for store in [store, connect(&server, &clock).await] {
        let claim = Claim { retention: LONGER, ..dated(&store, minted) };
        assert_eq!(told(&store, 1, claim).await, ClaimOutcome::KeyExpired);
    }
}

#[tokio::test]
async fn until_a_record_can_have_been_removed_a_key_is_new() {
    let (server, clock) = (server(), clock());
    let store = connect(&server, &clock).await;
    let minted = clock.now();
    completed(&store, 1, dated(&store, minted)).await;
    let millisecond = Duration::from_millis(1);
    clock.advance((RETENTION.answers + RETENTION.skew + GRACE).saturating_sub(millisecond));
    let claim = || Claim { retention: LONGER, ..dated(&store, minted) };
    granted(&store, 2, claim()).await;
    clock.advance(millisecond);
    assert_eq!(told(&store, 3, claim()).await, ClaimOutcome::KeyExpired);
}

/// A while after the last answer was kept for a shorter time, that time no longer counts.
#[tokio::test]
async fn a_retention_that_nobody_uses_any_more_is_forgotten() {
    let (server, clock) = (server(), clock());
    let store = connect(&server, &clock).await;
    completed(&store, 1, dated(&store, clock.now())).await;
    drop(store);
    clock.advance(Duration::from_hours(2));
    let store = connect(&server, &clock).await;
    let minted = clock.now();
    clock.advance(Duration::from_hours(3));
    granted(&store, 2, Claim { retention: LONGER, ..dated(&store, minted) }).await;
}
