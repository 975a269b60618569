//! A replica takes its master's place. What it lacks is not called new.

use private_servers::redis::{RedisCluster, RedisSentinels, RedisSettings};
use seiriken::record::transition::ClaimOutcome;
use seiriken::store::redis::{RedisOptions, RedisStore};
use seiriken::store::{Store, StoreError};

use crate::asking::{
    answer, ask, assert_replayed, completed, dated, granted, id, key, now, server, told,
};

/// So that the replica has what is asked for after it has taken over.
async fn connect(url: &str) -> RedisStore {
    let options = RedisOptions::new().confirmed_by_replicas(1);
    options.connect(url).await.expect("the store is opened")
}

/// The replica has no replica of its own to confirm anything.
async fn reconnect(url: &str) -> RedisStore {
    RedisStore::connect(url).await.expect("the store is opened")
}

#[tokio::test]
async fn in_a_cluster_a_promoted_replica_is_not_believed_to_have_everything() {
    let mut cluster = RedisCluster::start(&RedisSettings::new()).expect("a cluster");
    let url = cluster.url();
    let before = connect(&url).await;
    let store = reconnect(&url).await;
    let minted = now();
    completed(&before, 1, dated(&before, minted)).await;
    let dead = cluster.master_of(&key(1)).expect("it has a master");
    let port = dead.port();
    // Another key on the same server, which nobody has used.
    let mut unused = 2;
    while cluster.master_of(&key(unused)).map(|server| server.port()) != Some(port) {
        unused += 1;
    }
    // And one on a server that stays.
    let mut elsewhere = unused + 1;
    while cluster.master_of(&key(elsewhere)).map(|server| server.port()) == Some(port) {
        elsewhere += 1;
    }
    cluster.master_of(&key(1)).expect("it has a master").kill();
    granted(&store, elsewhere, ask(&store)).await;
    let error = store.claim(id(unused), ask(&store)).await.expect_err("nobody has this key");
    assert!(
        matches!(error, StoreError::NotApplied { .. } | StoreError::InDoubt { .. }),
        "{error:?}"
    );
    while cluster.master_of(&key(1)).map_or(port, |server| server.port()) == port {
        cluster.wait_until_served().expect("the replica takes over");
    }
    let told_now = until_told(&store, unused, minted).await;
    assert_eq!(told_now, ClaimOutcome::Indeterminate);
    assert_replayed(&store, 1, dated(&store, minted)).await;
    granted(&store, unused, dated(&store, now())).await;
}

#[tokio::test]
async fn sentinels_are_asked_who_is_the_master_now() {
    let mut group = RedisSentinels::start(&RedisSettings::new()).expect("a master and sentinels");
    let url = group.url();
    let before = connect(&url).await;
    let store = reconnect(&url).await;
    let minted = now();
    completed(&before, 1, dated(&before, minted)).await;
    let running = granted(&before, 2, ask(&before)).await;
    group.servers()[0].kill();
    store.claim(id(3), dated(&store, minted)).await.expect_err("there is no master");
    group.wait_until_master(1).expect("the replica takes over");
    assert_eq!(until_told(&store, 3, minted).await, ClaimOutcome::Indeterminate);
    assert_replayed(&store, 1, dated(&store, minted)).await;
    store.complete(id(2), running, answer()).await.expect("its owner is still its owner");
    granted(&store, 4, dated(&store, now())).await;
}

/// Its connection stays: only what the old master answers tells.
#[tokio::test]
async fn a_master_that_has_become_a_replica_is_left() {
    let group = RedisSentinels::start(&RedisSettings::new()).expect("a master and sentinels");
    let store = reconnect(&group.url()).await;
    completed(&connect(&group.url()).await, 1, ask(&store)).await;
    let minted = now();
    group.change_places().expect("they change places");
    group.wait_until_master(1).expect("the replica takes over");
    assert_eq!(until_told(&store, 2, minted).await, ClaimOutcome::Indeterminate);
    granted(&store, 3, ask(&store)).await;
    assert_replayed(&store, 1, ask(&store)).await;
}

#[tokio::test]
async fn what_too_few_replicas_have_is_not_acknowledged() {
    let server = server();
    let options = RedisOptions::new()
        .confirmed_by_replicas(1)
        .answered_within(std::time::Duration::from_millis(400));
    // The state, too, has to be on a replica.
    options.clone().connect(&server.url()).await.expect_err("there is no replica");
    let plain = RedisStore::connect(&server.url()).await.expect("the store is opened");
    assert_eq!((plain.durability().replicas, plain.durability().confirmed_by), (0, 0));
}

/// The first to ask may find the connection to the dead server.
async fn until_told(
    store: &RedisStore,
    number: u128,
    minted: seiriken::clock::Timestamp,
) -> ClaimOutcome {
    for _ in 0..5 {
        if let Ok(told) = store.claim(id(number), dated(store, minted)).await {
            return told;
        }
    }
    told(store, number, dated(store, minted)).await
}
