//! Servers that cannot keep the promise are refused when the store is opened, and the others say
//! what they promise.

use std::time::Duration;

use private_servers::redis::{Persistence as Written, RedisServer, RedisSettings};
use seiriken::engine::Engine;
use seiriken::store::Store;
use seiriken::store::redis::{OpenError, Persistence, RedisOptions, RedisStore};
use seiriken::{Policy, Quota};

use crate::asking::{connect, server};

#[tokio::test]
async fn a_server_that_forgets_keys_is_refused_unless_that_is_allowed_by_name() {
    for policy in ["allkeys-lru", "volatile-ttl", "volatile-random"] {
        let settings = RedisSettings::new().set("maxmemory-policy", policy);
        let server = RedisServer::start(settings).expect("a server");
        let error = RedisStore::connect(&server.url()).await.expect_err("it forgets keys");
        assert!(matches!(&error, OpenError::Evicts { policy: said } if said == policy), "{error}");
        let other =
            RedisOptions::new().allow_eviction("allkeys-random").connect(&server.url()).await;
        assert!(matches!(other, Err(OpenError::Evicts { .. })), "another one was allowed");
        let allowed = RedisOptions::new().allow_eviction(policy).connect(&server.url()).await;
        let durability = allowed.expect("it is allowed").durability();
        assert_eq!(durability.evicts.as_deref(), Some(policy));
        assert!(durability.to_string().contains("forgets keys"), "{durability}");
    }
}

#[tokio::test]
async fn a_server_that_is_set_otherwise_meanwhile_is_told_as_it_is_now() {
    let settings = RedisSettings::new().persistence(Written::Always);
    let server = RedisServer::start(settings).expect("a server");
    let options = RedisOptions::new().watched_every(Duration::from_millis(20));
    let store = options.connect(&server.url()).await.expect("it is fit");
    assert!(store.promise().expect("it says").contains("a restart forgets nothing"));
    for (name, value, words) in [
        ("appendfsync", "everysec", "the last second or two"),
        // Nobody would be told at the start that this is allowed.
        ("maxmemory-policy", "allkeys-lru", "a server forgets keys"),
    ] {
        server.cli(&["CONFIG", "SET", name, value]).expect("it is set");
        let told = async {
            while !store.promise().is_some_and(|told| told.contains(words)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), told).await.expect(words);
    }
}

#[tokio::test]
async fn what_it_writes_to_its_disk_is_told() {
    for (written, snapshots, persistence, words) in [
        (Written::Always, "", Persistence::EveryWrite, "a restart forgets nothing"),
        (Written::EverySecond, "", Persistence::EverySecond, "the last second or two"),
        (Written::Nothing, "3600 1", Persistence::Snapshots, "after its last snapshot"),
        (Written::Nothing, "", Persistence::Nothing, "has forgotten every key"),
    ] {
        let settings = RedisSettings::new().persistence(written).set("save", snapshots);
        let server = RedisServer::start(settings).expect("a server");
        let store = connect(&server).await;
        assert_eq!(store.durability().persistence, persistence);
        assert_eq!(store.durability().evicts, None);
        let told = store.durability().to_string();
        assert!(told.contains(words), "{persistence:?}: {told}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_say_what_it_writes_needs_somebody_who_does() {
    let server = server();
    let user = ["ACL", "SETUSER", "app", "on", ">secret", "~*", "+@all", "-config"];
    server.cli(&user).expect("a user that may not read the configuration");
    let url = server.url().replace("redis://", "redis://app:secret@");
    let error = RedisStore::connect(&url).await.expect_err("nobody says");
    assert!(matches!(error, OpenError::PersistenceUnknown), "{error}");
    let stated = RedisOptions::new().persistence(Persistence::EverySecond).connect(&url).await;
    assert_eq!(stated.expect("it is said").durability().persistence, Persistence::EverySecond);
}

#[tokio::test]
async fn what_somebody_else_has_written_is_no_state() {
    let server = server();
    server.cli(&["SET", "seiriken:state", "mine"]).expect("it is set");
    RedisStore::connect(&server.url()).await.expect_err("it is somebody else's");
    server.cli(&["DEL", "seiriken:state"]).expect("it is removed");
    drop(connect(&server).await);
    server.cli(&["HSET", "seiriken:state", "format", "2"]).expect("it is set");
    let error = RedisStore::connect(&server.url()).await.expect_err("it is of another version");
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
}

#[tokio::test]
async fn addresses_and_prefixes_that_make_no_sense_are_refused() {
    for address in ["localhost:6379", "http://localhost", "redis-sentinel://localhost:26379"] {
        RedisStore::connect(address).await.expect_err(address);
    }
    for prefix in ["", "two words", "{tag}"] {
        let error = RedisOptions::new().prefix(prefix).connect("redis://localhost").await;
        assert!(matches!(error, Err(OpenError::Prefix { .. })), "{prefix:?}");
    }
    // Nobody listens there.
    RedisStore::connect("redis://127.0.0.1:1").await.expect_err("nobody answers");
}

#[tokio::test]
async fn quotas_are_kept_where_all_keys_are_on_one_server() {
    let server = server();
    let quota = Quota { keys: Some(1), bytes: None };
    let policy = Policy::default();
    let policy = {
        let mut policy = policy;
        policy.quota = quota;
        policy
    };
    Engine::new(connect(&server).await, policy).expect("one server keeps quotas");
}
