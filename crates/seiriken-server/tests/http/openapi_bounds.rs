//! What the description allows is what the service takes, and nothing else; what the service says
//! no with is what the description says.

use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::description::Description;
use crate::service::Service;
use crate::shop::{Answer, CAKE, answer};

/// `key-missing`, say, of a problem.
fn fragment(answer: &Answer) -> String {
    let problem = answer.json();
    let typed = problem["type"].as_str().expect("a type");
    typed.rsplit('#').next().expect("a last part").to_owned()
}

/// Orders at each bound and just past it.
fn orders() -> Vec<Value> {
    let qtys = [0, 1, 2, 999, 1000, 1001].map(Value::from).into_iter();
    let qtys = qtys.chain([json!(-1), json!(1.5), json!("1"), json!(null), json!(1e30)]);
    // Characters, not bytes.
    let ids = ["", "c", "é"].map(Value::from).into_iter();
    let ids = ids.chain([64, 65].map(|length| Value::from("é".repeat(length)))).chain([json!(7)]);
    let item = json!({ "sku": "c", "qty": 1 });
    let carts = [0, 1, 100, 101].map(|items| json!({ "userId": "u", "items": vec![&item; items] }));
    let mut orders = vec![
        json!({}),
        json!([]),
        json!("cake-001"),
        json!({ "itemId": "c" }),
        json!({ "qty": 1 }),
        json!({ "userId": "u" }),
        json!({ "items": [item] }),
        json!({ "itemId": "c", "qty": 1, "colour": "red" }),
        json!({ "itemId": "c", "qty": 1, "userId": "u", "items": [item] }),
        json!({ "userId": "u", "items": [{ "sku": "c", "qty": 1, "colour": "red" }] }),
        json!({ "userId": "u", "items": { "sku": "c", "qty": 1 } }),
    ];
    orders.extend(carts);
    for qty in qtys {
        orders.push(json!({ "itemId": "c", "qty": qty }));
        orders.push(json!({ "userId": "u", "items": [item, { "sku": "c", "qty": qty }] }));
    }
    for id in ids {
        orders.push(json!({ "itemId": id, "qty": 1 }));
        orders.push(json!({ "userId": id, "items": [item] }));
        orders.push(json!({ "userId": "u", "items": [{ "sku": id, "qty": 1 }] }));
    }
    orders
}

#[tokio::test]
async fn an_order_is_taken_where_the_schema_allows_it_and_nowhere_else() {
    let service = Service::in_memory(&[]).await;
    let shop = service.shop();
    let description = Description::of(&shop).await;
    let body = "/paths/~1orders/post/requestBody/content/application~1json";
    let allowed = description.validator(description.at(&format!("{body}/schema")));
    let examples = description.at(&format!("{body}/examples")).as_object().expect("examples");
    let examples = examples.values().map(|example| example["value"].clone());
    let (mut taken, mut refused) = (0, 0);
    for (number, order) in orders().into_iter().chain(examples).enumerate() {
        let answer = shop.order(&format!("k{number}"), &order.to_string()).await;
        description.assert_tells(&Method::POST, "/orders", &answer);
        if allowed.is_valid(&order) {
            assert_eq!(answer.status, StatusCode::CREATED, "{order}: {answer:?}");
            taken += 1;
        } else {
            assert_eq!(fragment(&answer), "order-invalid", "{order}: {answer:?}");
            refused += 1;
        }
    }
    assert!(taken > 10 && refused > 10, "{taken} {refused}");
    let list = shop.get("/orders?limit=1000").await;
    description.assert_tells(&Method::GET, "/orders", &list);
    assert_eq!(list.json()["total"], taken);
}

#[tokio::test]
async fn a_key_is_taken_where_the_pattern_allows_it_and_nowhere_else() {
    let service = Service::in_memory(&[]).await;
    let shop = service.shop();
    let description = Description::of(&shop).await;
    let parameter = description.at("/paths/~1orders/post/parameters/0");
    assert_eq!(
        (&parameter["name"], &parameter["in"]),
        (&"Idempotency-Key".into(), &"header".into())
    );
    let allowed = description.validator(&parameter["schema"]);

    let mut keys: Vec<String> = [
        "",
        "a",
        "\"",
        "\"\"",
        "\"a\"",
        "\"a",
        "a\"",
        "\"a\"b",
        "\"a b\"",
        "a b",
        "a,b",
        "\"a,b\"",
        "\"a\\\"b\"",
        "\"a\\\\\"",
        "\"a\\b\"",
        "\"a\\\"",
        "\"a\"; b",
        "\"a\";b=1",
        "\"a\";b=\"c\"",
        "\"a\";B=1",
        "\"a\";b=",
        "\"a\";",
        "\"a\" ;b",
        "\"a\";b=1,2",
        "\"a\";b;c=?1",
        "\"a\";b=%\"c, d\";e",
        "\"a\";b=%\"c",
        "\"a\";b=%\"c\\\"",
        "\"a\";b=%\"c\"d",
        "a;b",
        "a\tb",
        "\"a\tb\"",
        "~!#$%&'*+-.^_`|<=>?@[]{}()/:",
    ]
    .map(str::to_owned)
    .into();
    for byte in 0x21..0x7f {
        keys.push(format!("a{}", char::from(byte)));
        keys.push(format!("\"a{}\"", char::from(byte)));
    }
    for length in [254, 255, 256] {
        keys.push("k".repeat(length));
        keys.push(format!("\"{}\"", " ".repeat(length)));
        keys.push(format!("\"{}\"", "\\\"".repeat(length)));
    }
    let (mut taken, mut refused) = (0, 0);
    for (number, key) in keys.iter().enumerate() {
        let order = json!({ "itemId": format!("c{number}"), "qty": 1 }).to_string();
        let value = HeaderValue::from_str(key).expect("a field value");
        let answer = answer(shop.ordering(&order).header("Idempotency-Key", value)).await;
        description.assert_tells(&Method::POST, "/orders", &answer);
        if allowed.is_valid(&key.as_str().into()) {
            // Another spelling of a key that an earlier order had: it was read.
            let read = answer.status == StatusCode::CREATED || fragment(&answer) == "key-reused";
            assert!(read, "{key}: {answer:?}");
            taken += 1;
        } else {
            assert_eq!(fragment(&answer), "key-invalid", "{key}: {answer:?}");
            refused += 1;
        }
    }
    assert!(taken > 150 && refused > 15, "{taken} {refused}");
}

#[tokio::test]
async fn a_list_is_as_long_as_the_schema_allows() {
    let service = Service::in_memory(&[]).await;
    let shop = service.shop();
    let description = Description::of(&shop).await;
    let limit = description.at("/paths/~1orders/get/parameters/0");
    assert_eq!(limit["name"], "limit");
    let allowed = description.validator(&limit["schema"]);
    for asked in [-1, 0, 1, 50, 1000, 1001] {
        let list = shop.get(&format!("/orders?limit={asked}")).await;
        description.assert_tells(&Method::GET, "/orders", &list);
        assert_eq!(list.status == StatusCode::OK, allowed.is_valid(&asked.into()), "{asked}");
    }
    let usual = limit["schema"]["default"].as_u64().expect("a number");
    for number in 0..=usual {
        shop.order(&number.to_string(), CAKE).await.assert_ordered();
    }
    let list = shop.get("/orders").await;
    description.assert_tells(&Method::GET, "/orders", &list);
    assert_eq!(list.json()["orders"].as_array().map(Vec::len), usize::try_from(usual).ok());
    for missing in ["/orders/x", "/orders/00000000-0000-4000-8000-000000000000"] {
        description.assert_tells(&Method::GET, "/orders/{id}", &shop.get(missing).await);
    }
}

/// That it is a problem of this type, described, in the words of its example.
fn assert_described(description: &Description, answer: &Answer, expected: &str) {
    description.assert_tells(&Method::POST, "/orders", answer);
    assert_eq!(fragment(answer), expected, "{answer:?}");
    let content = "/content/application~1problem+json/examples";
    let status = answer.status.as_str();
    let example = format!("/paths/~1orders/post/responses/{status}{content}/{expected}/value");
    assert_eq!(description.at(&example)["detail"], answer.json()["detail"]);
}

#[tokio::test]
async fn what_is_refused_is_refused_as_described() {
    let service = Service::start(&["--max-response", "64B", "--max-body", "1KiB"]).await;
    let shop = service.shop();
    let description = Description::of(&shop).await;
    let first = shop.order("k", CAKE).await;
    description.assert_tells(&Method::POST, "/orders", &first);

    assert_described(&description, &answer(shop.ordering(CAKE)).await, "key-missing");
    let reused = shop.order("k", r#"{"itemId":"tea","qty":1}"#).await;
    assert_described(&description, &reused, "key-reused");
    let other = shop.ordering(CAKE).header("Idempotency-Key", "k").header("X-Api-Key", "a");
    assert_described(&description, &answer(other).await, "credential-changed");
    assert_described(&description, &shop.order("k", CAKE).await, "response-not-kept");

    let text = shop.request(Method::POST, "/orders").body(CAKE).header("Idempotency-Key", "k2");
    let text = answer(text).await;
    assert_eq!(text.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    description.assert_tells(&Method::POST, "/orders", &text);
    let long = shop.order("k3", &" ".repeat(1025)).await;
    assert_eq!(fragment(&long), "body-too-large");
    description.assert_tells(&Method::POST, "/orders", &long);
}

#[tokio::test]
async fn a_request_that_is_still_running_is_told_so_as_described() {
    let mut service = Service::start(&["--processing-time", "2s"]).await;
    let shop = service.shop();
    let description = Description::of(&shop).await;
    let first = tokio::spawn({
        let shop = shop.clone();
        async move { shop.order("k", CAKE).await }
    });
    service.executions_begun(1).await;
    let second = shop.order("k", CAKE).await;
    assert!(!first.is_finished());
    assert_described(&description, &second, "request-in-progress");
    description.assert_tells(&Method::POST, "/orders", &first.await.expect("an answer"));
}

#[tokio::test]
async fn a_caller_is_asked_for_where_the_description_says() {
    for (identity, place, name, value) in [
        ("header=X-User", "header", "x-user", "alice"),
        ("cookie=session", "cookie", "session", "session=alice"),
    ] {
        let service = Service::in_memory(&["--identity", identity]).await;
        let shop = service.shop();
        let description = Description::of(&shop).await;
        assert_described(&description, &shop.order("k", CAKE).await, "identity-unknown");
        let needed = description.at("/paths/~1orders/post/security/0");
        assert_eq!(*needed, json!({ "caller": [] }));
        let scheme = description.at("/components/securitySchemes/caller");
        assert_eq!((&scheme["in"], &scheme["name"]), (&place.into(), &name.into()));
        let field = if place == "cookie" { "Cookie" } else { name };
        let ordered = shop.ordering(CAKE).header("Idempotency-Key", "k").header(field, value);
        description.assert_tells(&Method::POST, "/orders", &answer(ordered).await);
    }
}
