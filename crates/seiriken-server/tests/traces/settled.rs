//! The spans of a request for which the service is asked what became of it.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use reqwest::Method;

use crate::collector::{Collector, assert_untold};
use crate::process::{ENDPOINT, Running, status};
use crate::upstream::Upstream;

const KEY: &str = "a-key-that-nobody-else-has";

#[tokio::test]
async fn the_key_is_in_no_span_though_it_is_in_the_path_that_is_asked() {
    let (collector, upstream) = (Collector::start().await, Upstream::start().await);
    let at = format!("{}/outcomes/{{key}}", upstream.url);
    let named = [(ENDPOINT, collector.url.as_str())];
    let proxy = Running::proxy(&upstream.url, &named, &["--reconcile", &at]).await;
    for _ in 0..2 {
        let cut = proxy.request(Method::POST, "/cut").header("Idempotency-Key", KEY).body("{}");
        assert_eq!(status(cut).await, 500);
    }
    proxy.stop().await;

    let seen = upstream.seen();
    let (path, fields) = &seen[1];
    assert_eq!((path.as_str(), seen.len()), (&*format!("/outcomes/{KEY}"), 3));
    let spans = collector.spans();
    assert_untold(&spans, &[KEY, "outcomes"]);
    let asking = spans.iter().find(|span| span.name == "reconcile").expect("it is there");
    let client = spans.iter().find(|span| span.parent == asking.id).expect("it asks");
    assert_eq!((client.name.as_str(), client.kind), ("GET", SpanKind::Client));
    let told = format!("00-{}-{}-01", client.trace, client.id);
    assert_eq!(fields["traceparent"], told.as_str());
    let caller = spans.iter().find(|span| span.id == asking.parent).expect("it is asked for");
    assert_eq!((caller.name.as_str(), caller.kind), ("POST", SpanKind::Server));
}
