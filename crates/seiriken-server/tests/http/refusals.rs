//! What the order service itself says no to: the key stays free for the corrected order.

use reqwest::StatusCode;

use crate::service::on_each_store;
use crate::shop::{CAKE, answer};

#[tokio::test]
async fn a_bad_order_is_refused_and_leaves_its_key_free() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        for (number, (body, named)) in [
            (r#"{"itemId":"cake-001","qty":0}"#, "qty"),
            (r#"{"itemId":"cake-001","qty":1001}"#, "qty"),
            (r#"{"itemId":"cake-001","qty":1.5}"#, "qty"),
            (r#"{"itemId":"cake-001","qty":"1"}"#, "qty"),
            (r#"{"itemId":"","qty":1}"#, "itemId"),
            (r#"{"qty":1}"#, "itemId"),
            (r#"{"itemId":"cake-001","qty":1,"colour":"red"}"#, "colour"),
            (r#"{"userId":"u","items":[{"sku":"c","qty":1},{"sku":"c","qty":0}]}"#, "items[1].qty"),
            (r#"{"userId":"u","items":[]}"#, "items"),
            (r#"{"itemId":"cake-001","qty":1"#, "JSON"),
            ("", "JSON"),
        ]
        .into_iter()
        .enumerate()
        {
            let key = format!("k{number}");
            for _ in 0..2 {
                let refused = shop.order(&key, body).await;
                let detail = refused.assert_problem(400, "order-invalid");
                assert!(detail.contains(named), "{body}: {detail}");
                // It ran, and said no: an answer of an execution, and never a replay.
                assert_eq!(refused.marker(), Some("false"), "{body}");
            }
            let corrected = shop.order(&key, CAKE).await;
            corrected.assert_ordered();
            shop.order(&key, CAKE).await.assert_replays(&corrected);
            assert_eq!(shop.total().await, number as u64 + 1);
        }
    })
    .await;
}

#[tokio::test]
async fn an_order_that_is_not_json_is_refused_and_leaves_its_key_free() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        for content_type in [Some("text/plain"), Some("application/jsonx"), None] {
            let mut request = shop.request(reqwest::Method::POST, "/orders").body(CAKE);
            if let Some(content_type) = content_type {
                request = request.header("Content-Type", content_type);
            }
            let refused = answer(request.header("Idempotency-Key", "k")).await;
            assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type:?}");
            assert_eq!(refused.field("content-type"), Some("application/problem+json"));
            assert_eq!(refused.marker(), Some("false"), "{content_type:?}");
        }
        shop.order("k", CAKE).await.assert_ordered();
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_media_type_with_parameters_is_json_too() {
    on_each_store(&[], async |service| {
        let request = service.shop().request(reqwest::Method::POST, "/orders").body(CAKE);
        let request = request.header("Content-Type", "Application/JSON; charset=utf-8");
        answer(request.header("Idempotency-Key", "k")).await.assert_ordered();
    })
    .await;
}
