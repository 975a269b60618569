//! The spans of the proxy, and what the service behind it is told of them.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::{Method, RequestBuilder};

use crate::collector::{Collector, assert_untold, the};
use crate::process::{ENDPOINT, Running, status};
use crate::upstream::Upstream;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

const SECRETS: [&str; 4] = [
    "a-key-that-nobody-else-has",
    "bearer-of-the-caller",
    "body-of-the-caller",
    "query-of-the-caller",
];

fn traceparent() -> String {
    format!("00-{TRACE}-{PARENT}-01")
}

fn request(proxy: &Running, method: Method, path: &str) -> RequestBuilder {
    let request = proxy.request(method, &format!("{path}?q=query-of-the-caller"));
    let request = request.header("Authorization", "Bearer bearer-of-the-caller");
    let request = request.header("tracestate", "shop=1").header("tracestate", "till=2");
    request.header("traceparent", traceparent()).body("body-of-the-caller")
}

fn guarded(proxy: &Running, path: &str) -> RequestBuilder {
    request(proxy, Method::POST, path).header("Idempotency-Key", "a-key-that-nobody-else-has")
}

#[tokio::test]
async fn the_service_behind_goes_on_with_the_trace() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let proxy = Running::proxy(&upstream.url, &[(ENDPOINT, &collector.url)], &[]).await;
    assert_eq!(status(guarded(&proxy, "/orders")).await, 201);
    assert_eq!(status(guarded(&proxy, "/orders")).await, 201);
    proxy.stop().await;

    let told = upstream.told("traceparent");
    assert_eq!(upstream.told("tracestate"), ["shop=1,till=2"]);
    assert_eq!(upstream.seen().len(), 1, "the retry was answered without it");
    let spans = collector.spans();
    let client = spans.iter().find(|span| span.kind == SpanKind::Client).expect("a client's");
    assert_eq!(told, [format!("00-{TRACE}-{}-01", client.id)]);
    assert_eq!((client.name.as_str(), client.is_error), ("POST", false));
    let port = upstream.url.rsplit(':').next().expect("a port");
    for (name, value) in [
        ("http.request.method", "POST"),
        ("server.address", "127.0.0.1"),
        ("server.port", port),
        ("http.response.status_code", "201"),
    ] {
        assert_eq!(client.says(name), value, "{name}");
    }
    let parent = |id: &str| spans.iter().find(|span| span.id == id).expect("a parent");
    let engine = parent(&client.parent);
    assert_eq!((engine.name.as_str(), engine.says("decision")), ("idempotency", "executed"));
    let server = parent(&engine.parent);
    assert_eq!((server.kind, server.parent.as_str()), (SpanKind::Server, PARENT));
    assert_eq!((server.name.as_str(), server.says("url.path")), ("POST", "/orders"));
    assert_eq!(server.service, "seiriken-proxy");
    let replayed = spans.iter().filter(|span| span.says("decision") == "replayed");
    assert_eq!((replayed.count(), spans.len()), (1, 5), "{spans:#?}");
    assert_untold(&spans, &SECRETS);
}

#[tokio::test]
async fn what_is_not_guarded_is_traced_as_well_and_a_clients_error_is_one_of_the_client_alone() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let proxy = Running::proxy(&upstream.url, &[(ENDPOINT, &collector.url)], &[]).await;
    assert_eq!(status(request(&proxy, Method::GET, "/missing")).await, 404);
    let spans = {
        proxy.stop().await;
        collector.spans()
    };
    let [client, server] = &spans[..] else { panic!("not two spans: {spans:#?}") };
    assert_eq!((client.kind, server.kind), (SpanKind::Client, SpanKind::Server));
    assert_eq!((&client.parent, server.parent.as_str()), (&server.id, PARENT));
    assert_eq!((client.is_error, server.is_error), (true, false));
    assert_eq!(client.says("error.type"), "404");
    assert_eq!(upstream.told("traceparent"), [format!("00-{TRACE}-{}-01", client.id)]);
    assert_untold(&spans, &SECRETS);
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_an_error_of_both_sides() {
    let collector = Collector::start().await;
    let proxy = Running::proxy("http://127.0.0.1:9", &[(ENDPOINT, &collector.url)], &[]).await;
    assert_eq!(status(guarded(&proxy, "/orders")).await, 502);
    proxy.stop().await;
    let spans = collector.spans();
    for (kind, why) in [(SpanKind::Client, "not-delivered"), (SpanKind::Server, "502")] {
        let span = spans.iter().find(|span| span.kind == kind).expect("one of the kind");
        assert_eq!((span.is_error, span.says("error.type")), (true, why), "{span:?}");
    }
    assert_eq!(the(&spans, TRACE, "idempotency").says("decision"), "not-recorded");
    assert_untold(&spans, &SECRETS);
}

#[tokio::test]
async fn where_nothing_is_traced_the_fields_pass_as_they_are() {
    let upstream = Upstream::start().await;
    let off = [(ENDPOINT, "http://127.0.0.1:9"), ("OTEL_SDK_DISABLED", "true")];
    for environment in [&[][..], &off] {
        let proxy = Running::proxy(&upstream.url, environment, &[]).await;
        assert_eq!(status(guarded(&proxy, "/orders")).await, 201);
        assert_eq!(upstream.told("traceparent"), [traceparent()]);
        assert_eq!(upstream.told("tracestate"), ["shop=1", "till=2"]);
        let log = proxy.stop().await;
        assert!(!log.iter().any(|line| line.contains("traces")), "{log:#?}");
    }
}
