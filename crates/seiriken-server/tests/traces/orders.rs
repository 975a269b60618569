//! The spans of the order service.

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::collector::{Collector, assert_untold, the};
use crate::process::{CAKE, ENDPOINT, Running, status};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const RETRY: &str = "1bf7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

const SECRETS: [&str; 5] = [
    "a-key-that-nobody-else-has",
    "bearer-of-the-caller",
    "session-of-the-caller",
    "cake-of-the-caller",
    "query-of-the-caller",
];

async fn order(service: &Running, traceparent: &str) -> u16 {
    let order = service
        .request(Method::POST, "/orders?q=query-of-the-caller")
        .header("Content-Type", "application/json")
        .header("Idempotency-Key", "a-key-that-nobody-else-has")
        .header("Authorization", "Bearer bearer-of-the-caller")
        .header("Cookie", "session=session-of-the-caller")
        .header("traceparent", traceparent)
        .header("tracestate", "shop=1");
    status(order.body(CAKE)).await
}

#[tokio::test]
async fn an_order_and_its_retry_stand_in_the_traces_of_their_callers() {
    let collector = Collector::start().await;
    let service = Running::orders(&[(ENDPOINT, &collector.url)], &[]).await;
    assert_eq!(order(&service, &format!("00-{TRACE}-{PARENT}-01")).await, 201);
    assert_eq!(order(&service, &format!("00-{RETRY}-{PARENT}-01")).await, 201);
    let log = service.stop().await;
    // The log says what it would say without a collector.
    assert!(!log.iter().any(|line| line.contains("request{")), "{log:#?}");

    let spans = collector.spans();
    for (trace, decision) in [(TRACE, "executed"), (RETRY, "replayed")] {
        let server = the(&spans, trace, "POST /orders");
        assert_eq!((server.parent.as_str(), server.kind), (PARENT, SpanKind::Server));
        assert_eq!((server.state.as_str(), server.is_error), ("shop=1", false));
        assert_eq!(server.service, "seiriken-orders");
        for (name, value) in [
            ("http.request.method", "POST"),
            ("http.route", "/orders"),
            ("url.path", "/orders"),
            ("http.response.status_code", "201"),
        ] {
            assert_eq!(server.says(name), value, "{name}");
        }
        let engine = the(&spans, trace, "idempotency");
        assert_eq!((&engine.parent, engine.kind), (&server.id, SpanKind::Internal));
        assert_eq!(engine.says("decision"), decision);
        assert_eq!(engine.attributes(), ["decision", "id"]);
        assert!(engine.nanos <= server.nanos, "{engine:?} is longer than {server:?}");
    }
    assert_eq!(spans.len(), 4, "{spans:#?}");
    assert_untold(&spans, &SECRETS);
}

#[tokio::test]
async fn a_request_without_a_trace_begins_one_and_is_no_error_for_what_the_client_did_wrong() {
    let collector = Collector::start().await;
    // To a collector without TLS a machine without certificates is good enough.
    let environment = [
        (ENDPOINT, collector.url.as_str()),
        ("OTEL_SERVICE_NAME", "cakes"),
        ("SSL_CERT_FILE", "/nonexistent"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ];
    let service = Running::orders(&environment, &[]).await;
    let missing = "/orders/4b2d3f0e-0000-7000-8000-000000000000";
    assert_eq!(status(service.request(Method::GET, missing)).await, 404);
    let brew = "BREW".parse().expect("a method");
    assert_eq!(status(service.request(brew, "/orders")).await, 405);
    // Whoever decides about this trace does not want it.
    let unwanted = format!("00-{TRACE}-{PARENT}-00");
    assert_eq!(order(&service, &unwanted).await, 201);
    let nonsense = service.request(Method::GET, "/nowhere").header("traceparent", "nonsense");
    assert_eq!(status(nonsense).await, 404);
    service.stop().await;

    let spans = collector.spans();
    let mut names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["GET", "GET /orders/{id}", "HTTP /orders"]);
    for span in &spans {
        assert_eq!((span.parent.as_str(), span.service.as_str()), ("", "cakes"));
        assert!(!span.is_error && span.says("error.type").is_empty(), "{span:?}");
    }
    let brewed = spans.iter().find(|span| span.name == "HTTP /orders").expect("it is there");
    assert_eq!(brewed.says("http.request.method"), "_OTHER");
    assert_untold(&spans, &["BREW"]);
}

/// Which has spans of its own for each frame.
#[tokio::test]
async fn over_http2_no_span_of_another_library_is_sent() {
    let collector = Collector::start().await;
    let service = Running::orders(&[(ENDPOINT, &collector.url)], &[]).await;
    let address = service.url.strip_prefix("http://").expect("an address");
    let stream = TcpStream::connect(address).await.expect("the service listens");
    let io = TokioIo::new(stream);
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), io).await.expect("HTTP/2 is spoken");
    tokio::spawn(connection);
    let request = Request::get(format!("{}/orders", service.url)).body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    drop((answer, sender));
    service.stop().await;
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["GET /orders"]);
}

#[tokio::test]
async fn a_request_whose_caller_has_gone_keeps_its_spans() {
    let collector = Collector::start().await;
    let options = ["--processing-time", "2s"];
    let mut service = Running::orders(&[(ENDPOINT, &collector.url)], &options).await;
    let address = service.url.strip_prefix("http://").expect("an address");
    let mut wire = TcpStream::connect(address).await.expect("the service listens");
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
         Idempotency-Key: k\r\ntraceparent: 00-{TRACE}-{PARENT}-01\r\nContent-Length: {}\r\n\r\n",
        CAKE.len()
    );
    wire.write_all((head + CAKE).as_bytes()).await.expect("the service reads");
    service.says("executing").await;
    wire.set_zero_linger().expect("an option of TCP");
    drop(wire);
    service.stop().await;

    let spans = collector.spans();
    let (server, engine) = (the(&spans, TRACE, "POST /orders"), the(&spans, TRACE, "idempotency"));
    assert_eq!((&server.parent[..], &engine.parent), (PARENT, &server.id));
    assert_eq!(engine.says("decision"), "executed");
    assert_eq!(server.says("http.response.status_code"), "", "it was answered");
}
