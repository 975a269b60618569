//! Which fields of an answer are given again.

use axum::body::Body;
use http::Response;

use crate::guarded::{Guarded, in_memory, says};

/// About this message, this caller or this moment: wrong or unsafe in a later answer.
const FOR_THE_FIRST_CALLER: [(&str, &str); 13] = [
    ("set-cookie", "session=1; HttpOnly"),
    ("set-cookie", "csrf=2"),
    ("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("age", "3"),
    ("www-authenticate", "Basic"),
    ("access-control-allow-origin", "https://a.example"),
    ("ratelimit", "\"default\";r=50;t=30"),
    ("ratelimit-remaining", "9"),
    ("x-ratelimit-remaining", "9"),
    ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("x-request-id", "r1"),
    ("server-timing", "db;dur=53"),
    ("x-b3-traceid", "463ac35c9f6413ad"),
];

/// Belong to one connection or frame one message: never handed on by the layer.
const OF_THE_CONNECTION: [(&str, &str); 7] = [
    ("connection", "close, X-Hop"),
    ("x-hop", "1"),
    ("keep-alive", "timeout=5"),
    ("te", "trailers"),
    ("upgrade", "h2c"),
    ("proxy-authenticate", "Basic"),
    ("transfer-encoding", "chunked"),
];

const STORED: [(&str, &str); 7] = [
    ("location", "/orders/1"),
    ("link", "</a>; rel=\"next\""),
    ("etag", "\"1\""),
    ("link", "</b>; rel=\"prev\""),
    ("content-type", "application/json"),
    ("x-anything", "\u{e9}"),
    ("cache-control", "no-store"),
];

fn answer() -> Response<Body> {
    let all = STORED.iter().chain(&FOR_THE_FIRST_CALLER).chain(&OF_THE_CONNECTION);
    all.fold(Response::builder(), |answer, (name, value)| answer.header(*name, value.as_bytes()))
        .body(Body::from("answer"))
        .expect("a response")
}

fn bytes<'a>(answer: &'a crate::guarded::Answer, name: &str) -> Vec<&'a [u8]> {
    answer.headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect()
}

fn expected<'a>(fields: &'a [(&str, &str)], name: &str) -> Vec<&'a [u8]> {
    let named = fields.iter().filter(|(other, _)| *other == name);
    named.map(|(_, value)| value.as_bytes()).collect()
}

#[tokio::test]
async fn each_field_goes_to_whom_it_is_meant_for() {
    let service = Guarded::answering(&in_memory(), answer);
    let (first, retried) = (service.post("k").await, service.post("k").await);
    first.assert_executed();
    for (name, _) in STORED {
        let values = expected(&STORED, name);
        assert_eq!(bytes(&first, name), values, "{name} for the first caller");
        assert_eq!(bytes(&retried, name), values, "{name} for the retry");
    }
    for (name, _) in FOR_THE_FIRST_CALLER {
        let values = expected(&FOR_THE_FIRST_CALLER, name);
        assert_eq!(bytes(&first, name), values, "{name} for the first caller");
        assert!(bytes(&retried, name).is_empty(), "{name} was replayed");
    }
    for (name, _) in OF_THE_CONNECTION {
        assert!(bytes(&first, name).is_empty(), "{name} for the first caller");
        assert!(bytes(&retried, name).is_empty(), "{name} was replayed");
    }
    assert_eq!(retried.headers.len(), STORED.len() + 1, "nothing but the marker is added");
}

#[tokio::test]
async fn the_marker_is_the_layers_own_word() {
    let lying = || {
        let answer = Response::builder().header("Idempotent-Replayed", "true");
        answer.body(Body::empty()).expect("a response")
    };
    let service = Guarded::answering(&in_memory(), lying);
    let first = service.post("k").await;
    assert_eq!(first.values("idempotent-replayed"), ["false"]);
    assert_eq!(service.post("k").await.values("idempotent-replayed"), ["true"]);
}

#[tokio::test]
async fn the_marker_can_have_another_name() {
    let layer = in_memory().marker_name("X-Replay".parse().expect("a name"));
    let service = Guarded::answering(&layer, || says(200, ""));
    let first = service.post("k").await;
    assert_eq!((first.values("x-replay"), first.marker()), (vec!["false"], None));
    let retried = service.post("k").await;
    assert_eq!((retried.values("x-replay"), retried.marker()), (vec!["true"], None));
}
