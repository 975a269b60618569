//! What the log says, however much of it is asked for: no key, no credential, no body.

use std::process::Stdio;

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use reqwest::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpStream;

use crate::service::{PATIENCE, program, terminate};
use crate::shop::{Shop, answer};

const SECRETS: [&str; 6] = [
    "a-key-that-nobody-else-has",
    "an-unusable-key",
    "bearer-of-the-caller",
    "api-key-of-the-caller",
    "session-of-the-caller",
    "cake-of-the-caller",
];

async fn order_in_many_ways(shop: &Shop) {
    let cake = r#"{"itemId":"cake-of-the-caller","qty":1}"#;
    let other_cake = r#"{"itemId":"cake-of-the-caller","qty":2}"#;
    let bad_cake = r#"{"itemId":"cake-of-the-caller","qty":-1}"#;
    for (key, body, credential) in [
        ("a-key-that-nobody-else-has", cake, "bearer-of-the-caller"),
        ("a-key-that-nobody-else-has", cake, "bearer-of-the-caller"),
        ("a-key-that-nobody-else-has", other_cake, "bearer-of-the-caller"),
        ("a-key-that-nobody-else-has", cake, "another-bearer-of-the-caller"),
        ("\"an-unusable-key", cake, "bearer-of-the-caller"),
        ("a-key-that-nobody-else-has-2", bad_cake, "bearer-of-the-caller"),
    ] {
        let ordering = shop
            .request(Method::POST, "/orders")
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", key)
            .header("Authorization", format!("Bearer {credential}"))
            .header("X-Api-Key", "api-key-of-the-caller")
            .header("Cookie", "session=session-of-the-caller");
        answer(ordering.body(body)).await;
    }
}

/// Its frames are logged by another library.
async fn order_over_http2(url: &str) {
    let address = url.strip_prefix("http://").expect("http alone");
    let stream = TcpStream::connect(address).await.expect("a connection");
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2 is spoken");
    tokio::spawn(connection);
    let request = Request::post(format!("{url}/orders"))
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", "a-key-that-nobody-else-has-3")
        .header("Authorization", "Bearer bearer-of-the-caller")
        .body(Full::new(Bytes::from_static(br#"{"itemId":"cake-of-the-caller","qty":1}"#)))
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    assert_eq!(answer.status(), 201);
}

#[tokio::test]
async fn at_its_most_talkative_it_names_no_key_no_credential_and_no_body() {
    let mut service = program()
        .env("RUST_LOG", "trace")
        .args(["--listen", "127.0.0.1:0", "--store", "memory:"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = service.stderr.take().expect("a pipe");
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        log.read_to_string(&mut text).await.map(|_| text)
    });
    let mut out = BufReader::new(service.stdout.take().expect("a pipe")).lines();
    let line = out.next_line().await.expect("readable").expect("one line");
    let url = line.strip_prefix("listening on ").expect("the address");
    order_in_many_ways(&Shop::new(url)).await;
    order_over_http2(url).await;

    terminate(&service).await;
    let log = tokio::time::timeout(PATIENCE, reading).await;
    let log = log.expect("it ends").expect("no panic").expect("text");
    for said in ["executing", "decided", "replayed", "credential-changed"] {
        assert!(log.contains(said), "the log is there, and says {said}");
    }
    for secret in SECRETS {
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "{secret} is in the log: {line:?}");
    }
}
