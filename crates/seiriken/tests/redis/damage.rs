//! A record that is there and cannot be read is an error, for every verb: never absent, and left
//! as it is.

use private_servers::redis::RedisServer;
use seiriken::record::transition::Ended;
use seiriken::store::redis::RedisStore;
use seiriken::store::{Store, StoreError};

use crate::asking::{answer, ask, completed, connect, granted, id, key, server};

/// Every verb finds the damage, twice.
async fn assert_corrupt(store: &RedisStore, server: &RedisServer, number: u128, how: &str) {
    let token = seiriken::record::Token::from_u128(1);
    let before = server.cli(&["DUMP", &key(number)]).expect("it is there");
    for _ in 0..2 {
        let errors = [
            store.claim(id(number), ask(store)).await.err(),
            store.renew(id(number), token, ask(store).lease).await.err(),
            store.complete(id(number), token, answer()).await.err(),
            store.release(id(number), token, Ended::WithoutEffect).await.err(),
        ];
        for error in errors {
            assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{how}: {error:?}");
        }
    }
    assert_eq!(server.cli(&["DUMP", &key(number)]).expect("it is there"), before, "{how}");
}

#[tokio::test]
async fn every_changed_byte_is_found() {
    let server = server();
    let store = connect(&server).await;
    completed(&store, 1, ask(&store)).await;
    let length = server.cli(&["STRLEN", &key(1)]).expect("its length");
    let length: usize = length.parse().expect("a number");
    for at in 0..length {
        completed(&store, 2 + at as u128, ask(&store)).await;
        let key = key(2 + at as u128);
        // 0x7f stands in no place of a record: its times are of this century, its digits hex.
        let script = format!(
            "local v = redis.call('GETRANGE', KEYS[1], {at}, {at}) \
             redis.call('SETRANGE', KEYS[1], {at}, string.char((string.byte(v) + 64) % 256))"
        );
        server.cli(&["EVAL", &script, "1", &key]).expect("a byte is changed");
        let error = store.claim(id(2 + at as u128), ask(&store)).await.expect_err("damaged");
        assert!(matches!(error, StoreError::Corrupt { .. }), "byte {at}: {error:?}");
    }
}

#[tokio::test]
async fn no_verb_takes_a_damaged_record_for_none() {
    let server = server();
    let store = connect(&server).await;
    for (number, script) in (1..).zip([
        "redis.call('SETRANGE', KEYS[1], 20, 'xx')",
        "redis.call('SET', KEYS[1], '')",
        "redis.call('SET', KEYS[1], string.sub(redis.call('GET', KEYS[1]), 1, -2))",
        "redis.call('APPEND', KEYS[1], 'x')",
        "redis.call('SETRANGE', KEYS[1], 0, string.char(2))",
        "redis.call('DEL', KEYS[1]) redis.call('LPUSH', KEYS[1], 'a')",
    ]) {
        completed(&store, number, ask(&store)).await;
        server.cli(&["EVAL", script, "1", &key(number)]).expect("it is damaged");
        assert_corrupt(&store, &server, number, script).await;
    }
}

/// Also of its owner, whose answer would otherwise stand on what is wrong.
#[tokio::test]
async fn an_owner_records_nothing_on_a_damaged_claim() {
    let server = server();
    let store = connect(&server).await;
    // The layout, the class, when it was made, how long its answer is kept, the seal, its end.
    for (number, place) in (1..).zip(["0", "2", "88", "121", "140", "152"]) {
        let token = granted(&store, number, ask(&store)).await;
        server.cli(&["SETRANGE", &key(number), place, "\u{1}"]).expect("it is damaged");
        let error = store.complete(id(number), token, answer()).await.err();
        if place == "0" {
            assert!(error.is_none(), "1 is what stands there: {error:?}");
        } else {
            assert!(matches!(error, Some(StoreError::Corrupt { .. })), "byte {place}: {error:?}");
        }
    }
}

/// As after a mistake of somebody who moves keys about.
#[tokio::test]
async fn a_record_under_another_key_is_found_out() {
    let server = server();
    let store = connect(&server).await;
    granted(&store, 1, ask(&store)).await;
    server.cli(&["COPY", &key(1), &key(2)]).expect("it is copied");
    assert_corrupt(&store, &server, 2, "the record of another key").await;
}
