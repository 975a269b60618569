//! HTTP/2 on both sides.

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::frames::{self, Taken};
use crate::process::Proxy;
use crate::upstream::Upstream;

#[tokio::test]
async fn a_client_of_http2_is_served_on_one_connection() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    let stream = TcpStream::connect(proxy.authority()).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut told = Vec::new();
    for _ in 0..2 {
        let request = Request::post("http://shop.example/orders?a")
            .header("Idempotency-Key", "k")
            .body(Full::new(Bytes::from_static(b"body")))
            .unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 201);
        let marker = answer.headers()["idempotent-replayed"].clone();
        told.push((marker, answer.into_body().collect().await.unwrap().to_bytes()));
    }
    assert_eq!((&told[0].0, &told[1].0), (&"false".parse().unwrap(), &"true".parse().unwrap()));
    assert_eq!(told[0].1, told[1].1);
    let seen = upstream.seen().await;
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].target.as_str(), seen[0].body.as_str()), ("/orders?a", "body"));
    assert_eq!(seen[0].field("host"), ["shop.example"]);
    assert_eq!(seen[0].field("via"), ["2 seiriken"]);
}

#[tokio::test]
async fn a_client_of_http2_that_takes_no_answer_is_cut() {
    let upstream = Upstream::node().await;
    let options = ["--header-timeout", "200ms", "--idle-timeout", "200ms"];
    let proxy = Proxy::before(&upstream.url, &options).await;
    for keyed in [true, false] {
        let stream = TcpStream::connect(proxy.authority()).await.unwrap();
        // No byte of a body may be sent, ever.
        let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(0)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let mut request = Request::post("http://shop.example/orders");
        if keyed {
            request = request.header("Idempotency-Key", "k");
        }
        let request = request.body(Full::new(Bytes::new())).unwrap();
        let answer = sender.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 201);
        let cut = tokio::time::timeout(Duration::from_secs(20), connection).await;
        assert!(cut.is_ok(), "keyed {keyed}: it is not cut");
        drop(answer);
    }
}

#[tokio::test]
async fn an_upstream_of_http2_is_asked_once_and_believed_when_it_has_not_begun() {
    let upstream = Upstream::http2().await;
    let proxy = Proxy::before(&upstream.url, &["--upstream-http2"]).await;
    let client = proxy.client();
    let first = client.post("/orders", "k", "body").await;
    first.assert_executed(201);
    client.post("/orders", "k", "body").await.assert_replays(&first);
    let seen = first.json();
    assert_eq!((&seen["body"], &seen["target"]), (&"body".into(), &"/orders".into()));
    for _ in 0..2 {
        client.post("/refused", "r", "").await.assert_executed(502);
        client.post("/cancelled", "c", "").await.assert_problem(500, "outcome-unknown");
    }
    client.post("/status/402", "s", "").await.assert_executed(402);
}

const HONEST: [(&str, &str); 5] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":path", "/shown"),
    (":authority", "shop"),
    ("idempotency-key", "k"),
];

/// The honest fields with one put in, or in the place of the one of the same name.
fn with(name: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut fields = HONEST.to_vec();
    match fields.iter_mut().find(|field| field.0 == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
    fields
}

#[tokio::test]
async fn nothing_is_smuggled_from_http2_into_http1() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    let hidden = "a\r\nHost: a\r\n\r\nPOST /hidden HTTP/1.1";
    let mut forms = vec![
        with("x-a", hidden),
        with("x-a", "a\nb"),
        with("x-a", "a\0b"),
        with("x-a\r\nx-b", "1"),
        with("x a", "1"),
        with("X-A", "1"),
        with("x-a:", "1"),
        with("", "1"),
        with(":path", "/ HTTP/1.1\r\nHost: a\r\n\r\nPOST /hidden"),
        with(":path", "/a b"),
        with(":path", ""),
        with(":method", "POST /hidden HTTP/1.1\r\nHost: a\r\n\r\nPOST"),
        with(":authority", "a\r\nX: b"),
        with(":authority", "u@a"),
        with(":status", "200"),
        with("transfer-encoding", "chunked"),
        with("connection", "close"),
        with("upgrade", "h2c"),
    ];
    let repeated: Vec<_> = HONEST.into_iter().chain([(":path", "/hidden")]).collect();
    forms.push(repeated);
    for fields in forms {
        let before = upstream.seen().await.len();
        let taken = frames::request(proxy.authority(), &fields, "").await;
        let seen = upstream.seen().await.split_off(before);
        assert!(seen.is_empty(), "{fields:?}: {taken:?} {seen:?}");
    }
    // A host beside the one of the target: the same one, or the request is refused.
    frames::request(proxy.authority(), &with("host", "other"), "").await;
    // A length that is not that of the body.
    frames::request(proxy.authority(), &with("content-length", "9"), "body").await;
    assert_eq!(upstream.seen().await, []);
    // Such requests were refused for what they were: the honest one is answered.
    let taken = frames::request(proxy.authority(), &with("host", "SHOP"), "body").await;
    assert_eq!(taken, Taken::Answered);
    assert_eq!(upstream.seen().await[0].body, "body");
}
