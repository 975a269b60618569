//! A collector: it takes what is sent to it, or takes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span as Sent;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Verdict;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::process::PATIENCE;

/// A running collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    desk: Desk,
}

#[derive(Clone)]
struct Desk {
    takes: Arc<AtomicBool>,
    spans: watch::Sender<Vec<Span>>,
}

/// A span as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty, where it has none.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) state: String,
    pub(crate) is_error: bool,
    /// From its begin to its end.
    pub(crate) nanos: u64,
    attributes: BTreeMap<String, String>,
    /// All of it, also what is not read here.
    whole: String,
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let desk =
            Desk { takes: Arc::new(AtomicBool::new(true)), spans: watch::Sender::new(vec![]) };
        let app = Router::new().route("/v1/traces", post(take)).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, desk }
    }

    /// From here on it takes what is sent, or refuses it.
    pub(crate) fn take(&self, takes: bool) {
        self.desk.takes.store(takes, Ordering::SeqCst);
    }

    /// What it has taken.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.desk.spans.borrow().clone()
    }

    /// What it has taken, once that is so many.
    pub(crate) async fn at_least(&self, count: usize) -> Vec<Span> {
        let mut taken = self.desk.spans.subscribe();
        let enough = taken.wait_for(|spans| spans.len() >= count);
        let enough = tokio::time::timeout(PATIENCE, enough).await;
        enough.expect("spans come").expect("the collector runs").clone()
    }
}

async fn take(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if !desk.takes.load(Ordering::SeqCst) {
        return StatusCode::BAD_REQUEST;
    }
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/x-protobuf") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE;
    }
    let Ok(request) = ExportTraceServiceRequest::decode(body) else {
        return StatusCode::BAD_REQUEST;
    };
    let mut spans = Vec::new();
    for of_one in request.resource_spans {
        let resource = read(of_one.resource.map(|it| it.attributes).unwrap_or_default());
        let sent = of_one.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(sent.map(|sent| Span::read(&resource, sent)));
    }
    desk.spans.send_modify(|taken| taken.append(&mut spans));
    StatusCode::OK
}

impl Span {
    fn read(resource: &BTreeMap<String, String>, sent: Sent) -> Self {
        let whole = format!("{resource:?} {sent:?}");
        let error = i32::from(Verdict::Error);
        Self {
            service: resource.get("service.name").cloned().unwrap_or_default(),
            kind: sent.kind(),
            trace: hex(&sent.trace_id),
            id: hex(&sent.span_id),
            parent: hex(&sent.parent_span_id),
            name: sent.name,
            state: sent.trace_state,
            is_error: sent.status.is_some_and(|status| status.code == error),
            nanos: sent.end_time_unix_nano - sent.start_time_unix_nano,
            attributes: read(sent.attributes),
            whole,
        }
    }

    /// An attribute; empty, where there is none of this name.
    pub(crate) fn says(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// The names of all of them.
    pub(crate) fn attributes(&self) -> Vec<&str> {
        self.attributes.keys().map(String::as_str).collect()
    }
}

/// The one span of this name in a trace.
pub(crate) fn the<'s>(spans: &'s [Span], trace: &str, name: &str) -> &'s Span {
    let mut named = spans.iter().filter(|span| span.trace == trace && span.name == name);
    match (named.next(), named.next()) {
        (Some(span), None) => span,
        _ => panic!("not one span {name} in {trace}: {spans:#?}"),
    }
}

/// That no span says any of these anywhere.
pub(crate) fn assert_untold(spans: &[Span], secrets: &[&str]) {
    for secret in secrets {
        let told = spans.iter().find(|span| span.whole.contains(secret));
        assert!(told.is_none(), "{secret} is in {told:#?}");
    }
}

fn read(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pair = |pair: KeyValue| Some((pair.key, text(pair.value?.value?)));
    attributes.into_iter().filter_map(pair).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}
