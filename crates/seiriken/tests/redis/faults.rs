//! A server that is gone, full, or no master any more: nothing is granted, and afterwards all is as
//! it was.

use std::time::Duration;

use private_servers::redis::{Persistence, RedisServer, RedisSettings};
use seiriken::record::transition::{ClaimOutcome, Ended, ReleaseOutcome, RenewOutcome};
use seiriken::store::{Store, StoreError};

use crate::asking::{answer, ask, assert_replayed, completed, connect, granted, id, server, told};

#[tokio::test]
async fn while_the_server_is_gone_nothing_is_granted_and_then_it_goes_on() {
    let mut server = server();
    let store = connect(&server).await;
    completed(&store, 1, ask(&store)).await;
    let token = granted(&store, 2, ask(&store)).await;
    server.kill();
    // The first may have been sent before the end of the connection was noticed.
    store.claim(id(3), ask(&store)).await.expect_err("nobody is there");
    for _ in 0..2 {
        let error = store.claim(id(3), ask(&store)).await.expect_err("nobody is there");
        assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}");
    }
    let error = store.complete(id(2), token, answer()).await.expect_err("nobody is there");
    assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}");
    server.restart().expect("it comes back");
    assert_replayed(&store, 1, ask(&store)).await;
    store.complete(id(2), token, answer()).await.expect("it is recorded");
    assert_replayed(&store, 2, ask(&store)).await;
    granted(&store, 3, ask(&store)).await;
}

#[tokio::test]
async fn scripts_that_a_server_has_lost_are_given_to_it_again() {
    let server = server();
    let store = connect(&server).await;
    let forget = || server.cli(&["SCRIPT", "FLUSH"]).expect("it forgets its scripts");
    forget();
    let token = granted(&store, 1, ask(&store)).await;
    forget();
    let renewed = store.renew(id(1), token, Duration::from_secs(40)).await.expect("it is renewed");
    assert_eq!(renewed, RenewOutcome::Renewed);
    forget();
    store.complete(id(1), token, answer()).await.expect("it is recorded");
    forget();
    assert_replayed(&store, 1, ask(&store)).await;
    let token = granted(&store, 2, ask(&store)).await;
    forget();
    let released = store.release(id(2), token, Ended::WithoutEffect).await.expect("it is released");
    assert_eq!(released, ReleaseOutcome::Freed);
}

#[tokio::test]
async fn a_server_that_was_made_a_replica_grants_nothing() {
    let (master, server) = (server(), server());
    let store = connect(&server).await;
    granted(&store, 1, ask(&store)).await;
    let port = master.port().to_string();
    server.cli(&["REPLICAOF", "127.0.0.1", &port]).expect("it becomes a replica");
    let error = store.claim(id(2), ask(&store)).await.expect_err("it is no master");
    assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}");
}

#[tokio::test]
async fn a_full_server_refuses_new_keys_and_keeps_the_old_ones() {
    let settings = RedisSettings::new().persistence(Persistence::Nothing).set("maxmemory", "4mb");
    let server = RedisServer::start(settings).expect("a server");
    let store = connect(&server).await;
    completed(&store, 1, ask(&store)).await;
    let mut number = 2;
    let error = loop {
        match store.claim(id(number), ask(&store)).await {
            Ok(ClaimOutcome::Granted(_)) => number += 1,
            Ok(other) => panic!("a new key was told {other:?}"),
            Err(error) => break error,
        }
        assert!(number < 100_000, "4 MB hold no {number} keys");
    };
    assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}");
    assert_replayed(&store, 1, ask(&store)).await;
    for number in 2..number {
        let told = told(&store, number, ask(&store)).await;
        assert!(matches!(told, ClaimOutcome::InProgress { .. }), "{number}: {told:?}");
    }
}
