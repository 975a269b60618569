//! A server that comes back has everything, or may have forgotten; then dated keys from before that
//! are not found are not called new.

use private_servers::redis::{Persistence, RedisCluster, RedisServer, RedisSettings};
use seiriken::record::transition::ClaimOutcome;
use seiriken::store::redis::RedisStore;
use seiriken::store::{Store, StoreError};

use crate::asking::{
    answer, ask, assert_replayed, completed, connect, dated, granted, id, key, now, server, told,
};

#[tokio::test]
async fn a_server_that_writes_everything_has_forgotten_nothing_when_it_comes_back() {
    let mut server = server();
    let store = connect(&server).await;
    let minted = now();
    completed(&store, 1, dated(&store, minted)).await;
    let running = granted(&store, 2, ask(&store)).await;
    server.restart().expect("it comes back");
    assert_replayed(&store, 1, dated(&store, minted)).await;
    store.complete(id(2), running, answer()).await.expect("its owner is still its owner");
    granted(&store, 3, dated(&store, minted)).await;
}

#[tokio::test]
async fn one_that_writes_once_a_second_may_have_forgotten_the_dated_keys_that_it_lacks() {
    let settings = RedisSettings::new().persistence(Persistence::EverySecond);
    let mut server = RedisServer::start(settings).expect("a server");
    let (store, other) = (connect(&server).await, connect(&server).await);
    let minted = now();
    completed(&store, 1, dated(&store, minted)).await;
    server.restart().expect("it comes back");
    for store in [&store, &other] {
        assert_replayed(store, 1, dated(store, minted)).await;
        for _ in 0..2 {
            assert_eq!(told(store, 2, dated(store, minted)).await, ClaimOutcome::Indeterminate);
        }
    }
    granted(&store, 3, dated(&store, now())).await;
    granted(&other, 4, ask(&other)).await;
}

/// Nobody has looked since: the claim itself finds it out.
#[tokio::test]
async fn the_claim_that_would_be_granted_notices_that_the_server_was_restarted() {
    let settings = RedisSettings::new().persistence(Persistence::Nothing);
    let mut server = RedisServer::start(settings).expect("a server");
    let store = connect(&server).await;
    let minted = now();
    completed(&store, 1, dated(&store, minted)).await;
    server.restart().expect("it comes back");
    assert_eq!(told(&store, 1, dated(&store, minted)).await, ClaimOutcome::Indeterminate);
    granted(&store, 2, dated(&store, now())).await;
}

#[tokio::test]
async fn an_emptied_server_is_noticed_without_a_restart() {
    let server = server();
    let store = connect(&server).await;
    let minted = now();
    completed(&store, 1, dated(&store, minted)).await;
    server.cli(&["FLUSHALL"]).expect("it is emptied");
    assert_eq!(told(&store, 1, dated(&store, minted)).await, ClaimOutcome::Indeterminate);
    granted(&store, 2, dated(&store, now())).await;
    // The secret was put back: a node that comes later finds the same keys.
    let later = connect(&server).await;
    assert_eq!(later.secret().as_bytes(), store.secret().as_bytes());
    assert!(matches!(told(&later, 2, ask(&later)).await, ClaimOutcome::InProgress { .. }));
}

/// Under another secret every key is another one: what one node has run, the other would run again.
#[tokio::test]
async fn a_store_whose_server_was_taken_by_another_one_answers_nothing_more() {
    let server = server();
    let store = connect(&server).await;
    let token = granted(&store, 1, ask(&store)).await;
    server.cli(&["FLUSHALL"]).expect("it is emptied");
    let other = connect(&server).await;
    for _ in 0..2 {
        let error = store.claim(id(2), ask(&store)).await.expect_err("it is another store's");
        assert!(matches!(error, StoreError::NotApplied { .. }), "{error:?}");
    }
    store.complete(id(1), token, answer()).await.expect_err("it is another store's");
    granted(&other, 3, ask(&other)).await;
}

/// Of a cluster, one that has records alone.
#[tokio::test]
async fn an_emptied_server_of_a_cluster_is_noticed_when_the_servers_are_looked_at() {
    let mut cluster = RedisCluster::start(&RedisSettings::new()).expect("a cluster");
    let store = RedisStore::connect(&cluster.url()).await.expect("the store is opened");
    let state = cluster.master_of("seiriken:state").expect("it has a master").port();
    let mut number = 1;
    while cluster.master_of(&key(number)).map(|server| server.port()) == Some(state) {
        number += 1;
    }
    let minted = now();
    completed(&store, number, dated(&store, minted)).await;
    let server = cluster.master_of(&key(number)).expect("it has a master");
    server.cli(&["FLUSHALL"]).expect("it is emptied");
    store.look().await.expect("they are looked at");
    assert_eq!(told(&store, number, dated(&store, minted)).await, ClaimOutcome::Indeterminate);
    granted(&store, number, dated(&store, now())).await;
}

#[tokio::test]
async fn keys_issued_before_the_server_was_emptied_are_known_after_it() {
    let server = server();
    let (store, other) = (connect(&server).await, connect(&server).await);
    for _ in 0..2 {
        store.rotate_issuing_secret().await.expect("it is rotated");
    }
    other.look().await.expect("it is looked at");
    let numbered = |store: &RedisStore| {
        let issuing = store.issuing_secrets();
        let previous = issuing.previous().map(|previous| *previous.secret.as_bytes());
        (issuing.current().number, *issuing.current().secret.as_bytes(), previous)
    };
    let before = numbered(&store);
    assert_eq!((before.0, before.2.is_some()), (3, true));
    assert_eq!(numbered(&other), before, "a node that was there");
    assert_eq!(numbered(&connect(&server).await), before, "a node that comes later");
    server.cli(&["FLUSHALL"]).expect("it is emptied");
    store.look().await.expect("it is looked at");
    assert_eq!(numbered(&connect(&server).await), before, "they were put back");
}
