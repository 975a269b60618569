//! Keys that say their age, keys that the service issues, and how many are kept.

use reqwest::{Method, StatusCode};
use seiriken::clock::{Clock, SystemClock};
use uuid::{Builder, Uuid};

use crate::service::{PATIENCE, Service, on_each_store};
use crate::shop::{Answer, CAKE, Shop, answer};

/// A UUID of version 7 that was made so many seconds from now.
fn made(seconds_from_now: i64) -> String {
    let now = i64::try_from(SystemClock.now().as_millis()).expect("before 2262");
    let made = now + seconds_from_now * 1000;
    let made = u64::try_from(made).expect("after 1970");
    let random: [u8; 10] = Uuid::new_v4().as_bytes()[..10].try_into().expect("ten of sixteen");
    Builder::from_unix_timestamp_millis(made, &random).into_uuid().to_string()
}

async fn prepared(shop: &Shop) -> String {
    let prepared = answer(shop.request(Method::POST, "/orders/prepare")).await;
    prepared.json()["idempotencyKey"].as_str().expect("a key").to_owned()
}

#[tokio::test]
async fn where_keys_are_issued_no_other_is_taken() {
    let service = Service::start(&["--keys", "issued"]).await;
    let shop = service.shop();
    let issued = prepared(&shop).await;
    for other in ["my-own", "ticket_AAAA", &issued.to_uppercase(), &made(0)] {
        let detail = shop.order(other, CAKE).await.assert_refused(400, "key-invalid");
        assert!(detail.contains("issued"), "{detail}");
    }
    let first = shop.order(&issued, CAKE).await;
    first.assert_ordered();
    shop.order(&issued, CAKE).await.assert_replays(&first);
    assert_eq!(shop.total().await, 1);
}

#[tokio::test]
async fn an_issued_key_outlives_a_restart_and_is_another_shops_no_more_than_a_guess() {
    let mut service = Service::start(&["--keys", "issued"]).await;
    let elsewhere = Service::start(&["--keys", "issued"]).await;
    let [before, of_another] = [prepared(&service.shop()).await, prepared(&elsewhere.shop()).await];
    service.kill().await;
    service.start_again(&["--keys", "issued"]).await;
    let shop = service.shop();
    shop.order(&of_another, CAKE).await.assert_refused(400, "key-invalid");
    shop.order(&before, CAKE).await.assert_ordered();
}

#[tokio::test]
async fn where_keys_are_dated_old_ones_are_expired_and_undated_ones_are_not_taken() {
    let service = Service::start(&["--keys", "dated", "--retention", "1h", "--skew", "5m"]).await;
    let shop = service.shop();
    let v4 = Uuid::new_v4().to_string();
    let detail = shop.order(&v4, CAKE).await.assert_refused(400, "key-invalid");
    assert!(detail.contains("version 7"), "{detail}");
    shop.order(&made(-3601), CAKE).await.assert_refused(400, "key-expired");
    let detail = shop.order(&made(600), CAKE).await.assert_refused(400, "key-invalid");
    assert!(detail.contains("future"), "{detail}");
    assert_eq!(shop.total().await, 0);

    for key in [made(0), made(-3500), made(200), prepared(&shop).await] {
        let first = shop.order(&key, CAKE).await;
        first.assert_ordered();
        shop.order(&key, CAKE).await.assert_replays(&first);
    }
    assert_eq!(shop.total().await, 4);
}

/// Asks with the same key until it is no longer answered as the first time.
async fn until_forgotten(shop: &Shop, key: &str, first: &Answer) -> Answer {
    let asking = async {
        loop {
            let told = shop.order(key, CAKE).await;
            if told.status != StatusCode::CREATED {
                return told;
            }
            told.assert_replays(first);
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("answers are kept for a second")
}

/// Also after a restart that keeps answers for longer: what is forgotten stays so.
#[tokio::test]
async fn a_dated_key_whose_answer_is_forgotten_never_orders_again() {
    let options = ["--keys", "dated", "--skew", "0s", "--retention"];
    let mut service = Service::start(&[&options[..], &["1s"]].concat()).await;
    let shop = service.shop();
    let mut keys = Vec::new();
    for issued in [false, true] {
        let key = if issued { prepared(&shop).await } else { made(0) };
        let first = shop.order(&key, CAKE).await;
        first.assert_ordered();
        until_forgotten(&shop, &key, &first).await.assert_refused(400, "key-expired");
        keys.push(key);
    }
    service.stop().await;
    service.start_again(&[&options[..], &["24h"]].concat()).await;
    for key in &keys {
        service.shop().order(key, CAKE).await.assert_refused(400, "key-expired");
    }
    assert_eq!(service.shop().total().await, 2);
}

/// Whatever keys are taken: it says until when it is good.
#[tokio::test]
async fn an_issued_key_ends_when_it_said() {
    let service = Service::in_memory(&["--retention", "1s", "--skew", "0s"]).await;
    let shop = service.shop();
    let key = prepared(&shop).await;
    let first = shop.order(&key, CAKE).await;
    first.assert_ordered();
    until_forgotten(&shop, &key, &first).await.assert_refused(400, "key-expired");
}

/// A process that was before this one may have run everything from before its start.
#[tokio::test]
async fn in_memory_keys_from_before_the_start_are_expired() {
    let service = Service::in_memory(&["--keys", "dated"]).await;
    let shop = service.shop();
    shop.order(&made(-60), CAKE).await.assert_refused(400, "key-expired");
    shop.order(&made(0), CAKE).await.assert_ordered();
}

#[tokio::test]
async fn beyond_the_quota_new_keys_are_refused_and_old_ones_answered() {
    on_each_store(&["--quota", "2"], async |service| {
        let shop = service.shop();
        let first = shop.order("first", CAKE).await;
        shop.order("second", CAKE).await.assert_ordered();
        let refused = shop.order("third", CAKE).await;
        refused.assert_refused(429, "quota-exceeded");
        assert_eq!(refused.field("retry-after"), Some("60"));
        shop.order("first", CAKE).await.assert_replays(&first);
        assert_eq!(shop.total().await, 2);
    })
    .await;
}
