//! Ordering, retrying, and reading what was ordered.

use reqwest::header::CACHE_CONTROL;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::service::on_each_store;
use crate::shop::{Answer, CAKE, Shop, answer};

fn member_names(value: &Value) -> Vec<&str> {
    let object = value.as_object().expect("an object");
    let mut names: Vec<_> = object.keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The id of an order that says when it was made and where it is.
fn id_of(ordered: &Answer) -> String {
    let order = ordered.json();
    let id = order["orderId"].as_str().expect("an id").to_owned();
    uuid::Uuid::try_parse(&id).expect("a UUID");
    let created: jiff::Timestamp =
        order["createdAt"].as_str().expect("text").parse().expect("RFC 3339");
    assert!(created.as_millisecond() > 0);
    assert_eq!(ordered.field("location"), Some(format!("/orders/{id}").as_str()));
    assert_eq!(ordered.field("content-type"), Some("application/json"));
    id
}

#[tokio::test]
async fn an_order_is_made_and_can_be_read_where_it_says() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let ordered = shop.order("k", CAKE).await;
        ordered.assert_ordered();
        let id = id_of(&ordered);
        let order = ordered.json();
        assert_eq!(member_names(&order), ["createdAt", "itemId", "orderId", "qty"]);
        assert_eq!((&order["itemId"], &order["qty"]), (&"cake-001".into(), &1.into()));

        let read = shop.get(&format!("/orders/{id}")).await;
        assert_eq!((read.status, &read.body), (StatusCode::OK, &ordered.body));
        assert_eq!(read.field("content-type"), Some("application/json"));
        assert_eq!(read.marker(), None);
    })
    .await;
}

#[tokio::test]
async fn a_cart_is_an_order_too() {
    on_each_store(&[], async |service| {
        let cart = r#"{"userId":"u1","items":[{"sku":"cake-001","qty":2},{"sku":"tea","qty":1}]}"#;
        let ordered = service.shop().order("k", cart).await;
        ordered.assert_ordered();
        id_of(&ordered);
        let order = ordered.json();
        assert_eq!(member_names(&order), ["createdAt", "items", "orderId", "userId"]);
        assert_eq!(order["userId"], "u1");
        assert_eq!(order["items"][0], serde_json::json!({ "sku": "cake-001", "qty": 2 }));
        service.shop().order("k", cart).await.assert_replays(&ordered);
    })
    .await;
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_orders_nothing() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let first = shop.order("k", CAKE).await;
        first.assert_ordered();
        for _ in 0..3 {
            shop.order("k", CAKE).await.assert_replays(&first);
        }
        assert_eq!(shop.total().await, 1);
        shop.order("another", CAKE).await.assert_ordered();
        assert_eq!(shop.total().await, 2);
    })
    .await;
}

#[tokio::test]
async fn json_that_is_spelled_differently_is_the_same_request() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let first = shop.order("k", r#"{"itemId":"cake-é","qty":1}"#).await;
        first.assert_ordered();
        for spelling in [
            r#"{"qty":1,"itemId":"cake-é"}"#,
            "{ \"itemId\" :\t\"cake-é\",\r\n \"qty\": 1 }\n",
            r#"{"itemId":"\u0063ake-\u00e9","qty":1}"#,
            r#"{"\u0071ty":1,"itemId":"cake-\u00E9"}"#,
            r#"{"itemId":"cake-é","qty":1.0}"#,
        ] {
            shop.order("k", spelling).await.assert_replays(&first);
        }
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_order_orders_nothing() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let first = shop.order("k", CAKE).await;
        let other = shop.order("k", r#"{"itemId":"cake-001","qty":2}"#).await;
        other.assert_refused(422, "key-reused");
        let query = shop.request(Method::POST, "/orders?express").header("Idempotency-Key", "k");
        let query = query.header("Content-Type", "application/json").body(CAKE);
        answer(query).await.assert_refused(422, "key-reused");
        assert_eq!(shop.total().await, 1);
        shop.order("k", CAKE).await.assert_replays(&first);
    })
    .await;
}

#[tokio::test]
async fn an_order_without_a_key_is_refused() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let refused = answer(shop.ordering(CAKE)).await;
        let detail = refused.assert_refused(400, "key-missing");
        assert!(detail.contains("Idempotency-Key"), "{detail}");
        assert_eq!(shop.total().await, 0);
    })
    .await;
}

async fn ids(shop: &Shop, path: &str) -> (Vec<String>, Value) {
    let list = shop.get(path).await;
    assert_eq!(list.status, StatusCode::OK, "{list:?}");
    let list = list.json();
    let ids = list["orders"].as_array().expect("a list").iter();
    let ids = ids.map(|order| order["orderId"].as_str().expect("an id").to_owned()).collect();
    (ids, list)
}

#[tokio::test]
async fn orders_are_listed_newest_first_in_pages() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let (none, list) = ids(&shop, "/orders").await;
        assert!(none.is_empty());
        assert_eq!(list, serde_json::json!({ "orders": [], "total": 0, "next": null }));

        let mut newest_first = Vec::new();
        for number in 0..5 {
            newest_first.insert(0, id_of(&shop.order(&format!("k{number}"), CAKE).await));
        }
        let (all, list) = ids(&shop, "/orders").await;
        assert_eq!(all, newest_first);
        assert_eq!((&list["total"], &list["next"]), (&5.into(), &Value::Null));

        let (mut seen, mut after, mut calls) = (Vec::new(), String::new(), 0);
        loop {
            let (mut page, list) = ids(&shop, &format!("/orders?limit=2{after}")).await;
            assert_eq!(list["total"], 5);
            seen.append(&mut page);
            calls += 1;
            let Some(next) = list["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!((seen, calls), (newest_first, 3));

        // A page that ends with the oldest order has nothing after it.
        let (_, list) = ids(&shop, "/orders?limit=5").await;
        assert_eq!(list["next"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        for query in [
            "limit=0",
            "limit=1001",
            "limit=-1",
            "limit=x",
            "after=x",
            "after=00000000-0000-4000-8000-000000000000",
            "colour=red",
        ] {
            let refused = shop.get(&format!("/orders?{query}")).await;
            assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}: {refused:?}");
            assert_eq!(refused.field("content-type"), Some("application/problem+json"));
            let named = query.split('=').next().expect("a name");
            let detail = refused.json()["detail"].to_string();
            assert!(detail.contains(named), "{query}: {detail}");
        }
        assert_eq!(shop.get("/orders?limit=1000").await.status, StatusCode::OK);
    })
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_a_404_problem() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let path = "/orders/00000000-0000-4000-8000-000000000000";
        for path in [path, "/orders/x", "/nowhere", "/favicon.ico"] {
            let missing = shop.get(path).await;
            assert_eq!(missing.status, StatusCode::NOT_FOUND, "{path}");
            assert_eq!(missing.field("content-type"), Some("application/problem+json"));
            assert_eq!(missing.json()["status"], 404, "{path}");
            assert_eq!(missing.json()["type"], "about:blank", "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn health_and_page_are_there() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let health = shop.get("/healthz").await;
        assert_eq!(health.status, StatusCode::OK);
        assert_eq!(health.json(), serde_json::json!({ "status": "ok" }));

        let page = shop.get("/").await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.field("content-type"), Some("text/html; charset=utf-8"));
        let policy = page.field("content-security-policy").expect("a policy").to_owned();
        // Only what is named by its hash runs: nothing that an order's text could bring in.
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let text = String::from_utf8(page.body).unwrap();
        assert!(text.contains("<title>Seiriken</title>") && text.len() <= 60_000, "{text}");
    })
    .await;
}

#[tokio::test]
async fn a_prepared_key_is_fresh_each_time_and_orders_once() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let mut keys = Vec::new();
        for _ in 0..2 {
            let prepared = answer(shop.request(Method::POST, "/orders/prepare")).await;
            assert_eq!(prepared.status, StatusCode::CREATED);
            assert_eq!(prepared.headers[CACHE_CONTROL], "no-store");
            assert_eq!(prepared.marker(), None);
            let prepared = prepared.json();
            assert_eq!(member_names(&prepared), ["expiresAt", "idempotencyKey"]);
            let expires: jiff::Timestamp =
                prepared["expiresAt"].as_str().expect("text").parse().unwrap();
            keys.push((prepared["idempotencyKey"].as_str().expect("text").to_owned(), expires));
        }
        assert_ne!(keys[0].0, keys[1].0);

        let first = shop.order(&keys[0].0, CAKE).await;
        first.assert_ordered();
        let ordered_at: jiff::Timestamp =
            first.json()["createdAt"].as_str().expect("text").parse().unwrap();
        assert!(keys.iter().all(|(_, expires)| *expires > ordered_at), "{keys:?}");
        shop.order(&keys[0].0, CAKE).await.assert_replays(&first);
        assert_eq!(shop.total().await, 1);
    })
    .await;
}
