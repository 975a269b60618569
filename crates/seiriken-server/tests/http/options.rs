//! Options that change what the service answers.

use reqwest::Method;

use crate::service::Service;
use crate::shop::{Answer, CAKE, Shop, answer};

async fn order_as(shop: &Shop, name: &str, value: &str) -> Answer {
    answer(shop.ordering(CAKE).header("Idempotency-Key", "k").header(name, value)).await
}

#[tokio::test]
async fn a_caller_is_who_the_named_header_field_says() {
    let service = Service::in_memory(&["--identity", "header=X-User"]).await;
    let shop = service.shop();
    let first = order_as(&shop, "X-User", "alice").await;
    first.assert_ordered();
    order_as(&shop, "X-User", "bob").await.assert_refused(422, "credential-changed");
    order_as(&shop, "Authorization", "alice").await.assert_refused(403, "identity-unknown");
    order_as(&shop, "X-User", "alice").await.assert_replays(&first);
}

#[tokio::test]
async fn a_caller_is_who_the_named_cookie_says() {
    let service = Service::in_memory(&["--identity", "cookie=session"]).await;
    let shop = service.shop();
    let first = order_as(&shop, "Cookie", "theme=dark; session=a=1").await;
    first.assert_ordered();
    order_as(&shop, "Cookie", "session=b").await.assert_refused(422, "credential-changed");
    order_as(&shop, "Cookie", "session2=a").await.assert_refused(403, "identity-unknown");
    order_as(&shop, "Cookie", "session=a=1").await.assert_replays(&first);
}

/// Of two values one is the caller's own: he would choose whose answer to read.
#[tokio::test]
async fn a_caller_who_is_named_twice_or_not_at_all_is_nobody() {
    for (identity, name, alice, both) in [
        ("header=X-User", "X-User", "alice", ["alice", "mallory"]),
        ("cookie=session", "Cookie", "session=alice", ["session=alice", "session=mallory"]),
        ("cookie=session", "Cookie", "session=alice", ["session=alice; session=mallory", ""]),
    ] {
        let service = Service::in_memory(&["--identity", identity]).await;
        let shop = service.shop();
        order_as(&shop, name, alice).await.assert_ordered();
        let asked = shop.ordering(CAKE).header("Idempotency-Key", "k");
        let asked = both.iter().fold(asked, |asked, value| asked.header(name, *value));
        answer(asked).await.assert_refused(403, "identity-unknown");
    }
    let service = Service::in_memory(&["--identity", "header=X-User"]).await;
    order_as(&service.shop(), "X-User", "").await.assert_refused(403, "identity-unknown");
}

#[tokio::test]
async fn every_caller_is_the_same_one_where_the_service_is_told_so() {
    let service = Service::in_memory(&["--identity", "anonymous"]).await;
    let shop = service.shop();
    let first = order_as(&shop, "Authorization", "Bearer a").await;
    order_as(&shop, "Authorization", "Bearer b").await.assert_replays(&first);
}

#[tokio::test]
async fn an_answer_over_the_limit_reaches_the_first_caller_alone() {
    let service = Service::start(&["--max-response", "64B"]).await;
    let shop = service.shop();
    let first = shop.order("k", CAKE).await;
    first.assert_ordered();
    let retry = shop.order("k", CAKE).await;
    retry.assert_refused(500, "response-not-kept");
    assert_eq!(retry.json()["recordedStatus"], 201);
    assert_eq!(retry.json()["location"].as_str(), first.field("location"));
    assert_eq!(shop.total().await, 1);
}

#[tokio::test]
async fn problem_types_lead_to_the_policy_page_under_the_public_address() {
    let service = Service::in_memory(&["--public-url", "https://shop.example/"]).await;
    let shop = service.shop();
    let page = "https://shop.example/.well-known/idempotency";
    let missing = answer(shop.ordering(CAKE)).await;
    assert_eq!(missing.json()["type"], format!("{page}#key-missing"));
    let invalid = shop.order("k", "{}").await;
    assert_eq!(invalid.json()["type"], format!("{page}#order-invalid"));
    assert_eq!(invalid.field("idempotent-replayed"), Some("false"));
    for answer in [&missing, &invalid] {
        assert_eq!(answer.field("link"), Some(&*format!("<{page}>; rel=\"describedby\"")));
    }
}

#[tokio::test]
async fn the_policy_page_says_what_is_enforced_and_has_an_anchor_for_each_problem() {
    let service = Service::in_memory(&["--retention", "2h", "--on-concurrent", "wait=5s"]).await;
    let shop = service.shop();
    let policy = shop.get("/.well-known/idempotency").await.json();
    assert_eq!(policy["retentionSeconds"], 7200);
    assert_eq!(policy["waitSecondsMax"], 5);
    assert_eq!(policy["key"]["required"], true);
    let page = shop.request(Method::GET, "/.well-known/idempotency").header("Accept", "text/html");
    let page = String::from_utf8(answer(page).await.body).expect("text");
    for fragment in ["key-missing", "key-reused", "order-invalid"] {
        assert!(page.contains(&format!("id=\"{fragment}\"")), "{fragment}");
    }
}

#[tokio::test]
async fn a_page_of_the_named_origin_may_order_and_see_what_it_needs() {
    let service = Service::in_memory(&["--cors", "https://cakes.example"]).await;
    let shop = service.shop();
    let asked = shop
        .request(Method::OPTIONS, "/orders")
        .header("Origin", "https://cakes.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", "idempotency-key,content-type");
    let allowed = answer(asked).await;
    assert_eq!(allowed.field("access-control-allow-origin"), Some("https://cakes.example"));
    let headers = allowed.field("access-control-allow-headers").expect("some are allowed");
    assert!(headers.contains("idempotency-key") && headers.contains("content-type"), "{headers}");
    let first = order_as(&shop, "Origin", "https://cakes.example").await;
    let exposed = first.field("access-control-expose-headers").expect("some are exposed");
    for name in ["idempotent-replayed", "retry-after", "location", "link"] {
        assert!(exposed.contains(name), "{name}: {exposed}");
    }
}

/// What a browser asks before it sends an order that carries these fields.
async fn preflight(shop: &Shop, fields: &str) -> Answer {
    let asked = shop
        .request(Method::OPTIONS, "/orders")
        .header("Origin", "https://cakes.example")
        .header("Access-Control-Request-Method", "POST")
        .header("Access-Control-Request-Headers", fields);
    let allowed = answer(asked).await;
    assert!(allowed.status.is_success(), "{allowed:?}");
    assert_eq!(allowed.field("access-control-allow-origin"), Some("https://cakes.example"));
    allowed
}

fn allowed_fields(allowed: &Answer) -> Vec<&str> {
    allowed.field("access-control-allow-headers").expect("some are allowed").split(',').collect()
}

const CREDENTIALS: &str = "access-control-allow-credentials";

#[tokio::test]
async fn a_page_may_say_who_calls_in_the_field_that_says_it() {
    let options = ["--cors", "https://cakes.example", "--identity", "header=X-User"];
    let service = Service::in_memory(&options).await;
    let shop = service.shop();
    let allowed = preflight(&shop, "content-type,idempotency-key,x-user").await;
    assert!(allowed_fields(&allowed).contains(&"x-user"), "{allowed:?}");
    assert_eq!(allowed.field(CREDENTIALS), None);

    // Of a service that does not look at it, it is not to be sent.
    let service = Service::in_memory(&["--cors", "https://cakes.example"]).await;
    let allowed = preflight(&service.shop(), "x-user").await;
    assert!(!allowed_fields(&allowed).contains(&"x-user"), "{allowed:?}");
}

/// A browser hides the answer to a request with cookies unless each answer allows it.
#[tokio::test]
async fn a_page_may_send_the_cookie_that_says_who_calls() {
    let options = ["--cors", "https://cakes.example", "--identity", "cookie=session"];
    let service = Service::in_memory(&options).await;
    let shop = service.shop();
    let allowed = preflight(&shop, "content-type,idempotency-key").await;
    assert_eq!(allowed.field(CREDENTIALS), Some("true"));
    // A browser takes no asterisk together with cookies.
    let fields = allowed_fields(&allowed);
    assert!(fields.contains(&"content-type") && fields.contains(&"idempotency-key"), "{fields:?}");
    assert!(!fields.contains(&"*"), "{fields:?}");

    let first = order_as(&shop, "Cookie", "session=a").await;
    first.assert_ordered();
    let replayed = order_as(&shop, "Cookie", "session=a").await;
    replayed.assert_replays(&first);
    let refused = order_as(&shop, "Cookie", "session=b").await;
    refused.assert_refused(422, "credential-changed");
    for answer in [first, replayed, refused, shop.get("/orders").await] {
        assert_eq!(answer.field(CREDENTIALS), Some("true"), "{answer:?}");
        assert_eq!(answer.field("access-control-allow-origin"), Some("https://cakes.example"));
    }
    // Where cookies say nothing they are not asked for.
    let service = Service::in_memory(&["--cors", "https://cakes.example"]).await;
    let allowed = preflight(&service.shop(), "content-type").await;
    assert_eq!(allowed.field(CREDENTIALS), None);
}

/// There is nothing to guard, and nothing to record under a key.
#[tokio::test]
async fn another_method_is_refused_as_such_with_or_without_a_key() {
    let service = Service::in_memory(&[]).await;
    let shop = service.shop();
    for method in [Method::PATCH, Method::PUT, Method::DELETE] {
        for _ in 0..2 {
            let asked = shop.request(method.clone(), "/orders").header("Idempotency-Key", "k");
            let refused = answer(asked).await;
            assert_eq!(refused.status, 405, "{method}");
            assert_eq!(refused.field("idempotent-replayed"), None, "{method}");
            assert_eq!(refused.field("content-type"), Some("application/problem+json"));
            assert!(refused.field("allow").is_some_and(|allow| allow.contains("POST")));
        }
    }
    shop.order("k", CAKE).await.assert_ordered();
}
