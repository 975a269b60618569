//! What the service is told about a request.

use reqwest::Method;

use crate::client::Answer;
use crate::process::Proxy;
use crate::upstream::Upstream;
use crate::wire::{Wire, statuses};

#[tokio::test]
async fn the_key_its_attempt_and_whom_it_comes_from() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    let request = proxy
        .client()
        .keyed("/orders?a=%2f", "k", "body")
        .header("Accept-Encoding", "gzip")
        .header("Idempotency-Attempt", "7")
        .header("X-Forwarded-For", "1.2.3.4")
        .header("X_Forwarded_For", "1.2.3.4")
        .header("Forwarded", "for=1.2.3.4")
        .header("X-Kept", "1");
    Answer::to(request).await.assert_executed(201);
    let seen = &upstream.seen().await[0];
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/orders?a=%2f"));
    assert_eq!(seen.body, "body");
    for (name, values) in [
        ("idempotency-key", &["k"][..]),
        ("idempotency-attempt", &["1"]),
        ("host", &["shop.example"]),
        ("x-forwarded-for", &["127.0.0.1"]),
        ("x_forwarded_for", &[]),
        ("x-forwarded-host", &["shop.example"]),
        ("x-forwarded-proto", &["http"]),
        ("forwarded", &["for=127.0.0.1;host=\"shop.example\";proto=http"]),
        ("via", &["1.1 seiriken"]),
        ("accept-encoding", &[]),
        ("content-length", &["4"]),
        ("transfer-encoding", &[]),
        ("x-kept", &["1"]),
    ] {
        assert_eq!(seen.field(name), values, "{name}");
    }
}

#[tokio::test]
async fn an_unguarded_request_is_told_what_it_accepts_and_no_attempt() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &["--host", "upstream"]).await;
    let request = proxy.client().request(Method::GET, "/a").header("Accept-Encoding", "gzip");
    Answer::to(request.header("Idempotency-Attempt", "7")).await;
    let seen = &upstream.seen().await[0];
    assert_eq!(seen.field("accept-encoding"), ["gzip"]);
    assert!(seen.field("idempotency-attempt").is_empty());
    assert_eq!(format!("http://{}", seen.field("host")[0]), upstream.url);
}

#[tokio::test]
async fn a_body_without_a_length_passes_with_its_trailers() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    for (method, key) in [("POST", "Idempotency-Key: k\r\n"), ("POST", ""), ("GET", "")] {
        let mut wire = Wire::connect(proxy.authority()).await;
        let head = format!(
            "{method} /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\
             Connection: close\r\n{key}\r\n"
        );
        wire.send(head).await;
        wire.send("3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n").await;
        let told = wire.rest().await;
        assert_eq!(statuses(&told), [201], "{told}");
        let seen = upstream.seen().await.pop().expect("a request");
        assert_eq!(
            (seen.body.as_str(), seen.trailer("x-sum")),
            ("abcde", vec!["5"]),
            "{method} {key}"
        );
    }
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_the_fault_of_its_sender() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    for key in ["", "Idempotency-Key: k\r\n"] {
        let mut wire = Wire::connect(proxy.authority()).await;
        let head =
            format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{key}\r\n");
        wire.send(head + "3\r\nabc\r\n+1\r\nd\r\n0\r\n\r\n").await;
        let told = wire.rest().await;
        assert_eq!(statuses(&told), [400], "{told}");
    }
    assert!(upstream.seen().await.iter().all(|seen| seen.unreadable.is_some()));
}

#[tokio::test]
async fn whoever_waits_for_a_word_before_the_body_gets_it_or_a_refusal() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    let head = |key: &str| {
        format!(
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\
             Connection: close\r\nIdempotency-Key: {key}\r\n\r\n"
        )
    };
    let mut wire = Wire::connect(proxy.authority()).await;
    wire.send(head("k") + "body").await;
    let told = wire.rest().await;
    assert_eq!(statuses(&told), [100, 201], "{told}");
    assert!(upstream.seen().await[0].field("expect").is_empty());

    let mut wire = Wire::connect(proxy.authority()).await;
    wire.send(head("\"broken")).await;
    let told = wire.rest().await;
    assert_eq!(statuses(&told), [400], "{told}");
}

#[tokio::test]
async fn trailers_of_an_answer_are_given_again() {
    let upstream = Upstream::node().await;
    let proxy = Proxy::before(&upstream.url, &[]).await;
    for _ in 0..2 {
        let mut wire = Wire::connect(proxy.authority()).await;
        wire.send(
            "POST /trailers HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nTE: trailers\r\n\
             Connection: close, TE\r\nContent-Length: 0\r\n\r\n",
        )
        .await;
        let told = wire.rest().await.to_ascii_lowercase();
        assert!(told.contains("run 1") && told.contains("x-sum: 42"), "{told}");
    }
    assert_eq!(upstream.seen().await.len(), 1);
}
