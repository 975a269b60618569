//! What can be followed in traces: one span per guarded request, and what happens within it.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::http::{Idempotency, Identity};
use seiriken::store::{Fault, FaultKind, FaultyStore, MemoryStore, Verb, keep_swept};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use crate::guarded::{Guarded, post, says};

/// Spans and events as text: `idempotency id=… decision=executed`, with the events of each.
#[derive(Debug, Clone, Default)]
struct Traces(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    spans: Vec<Span>,
    numbers: HashMap<u64, usize>,
    outside: Vec<String>,
}

#[derive(Debug, Clone, Default)]
struct Span {
    fields: HashMap<&'static str, String>,
    events: Vec<String>,
}

/// Collects on this thread until the guard goes away.
fn collect() -> (Traces, DefaultGuard) {
    let traces = Traces::default();
    let subscriber = tracing_subscriber::registry().with(traces.clone());
    (traces, tracing::subscriber::set_default(subscriber))
}

impl Traces {
    fn spans(&self) -> Vec<Span> {
        self.0.lock().expect("no panic holds it").spans.clone()
    }

    fn outside(&self) -> Vec<String> {
        self.0.lock().expect("no panic holds it").outside.clone()
    }

    fn decisions(&self) -> Vec<String> {
        self.spans().iter().map(|span| span.fields["decision"].clone()).collect()
    }
}

impl Span {
    fn tells(&self, event: &str) -> bool {
        self.events.iter().any(|told| told.contains(event))
    }
}

struct Fields<'f>(&'f mut HashMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S> tracing_subscriber::Layer<S> for Traces
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() != "idempotency" {
            return;
        }
        let mut seen = self.0.lock().expect("no panic holds it");
        let mut span = Span::default();
        attributes.record(&mut Fields(&mut span.fields));
        seen.spans.push(span);
        let number = seen.spans.len() - 1;
        seen.numbers.insert(id.into_u64(), number);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut seen = self.0.lock().expect("no panic holds it");
        if let Some(number) = seen.numbers.get(&id.into_u64()).copied() {
            values.record(&mut Fields(&mut seen.spans[number].fields));
        }
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = HashMap::new();
        event.record(&mut Fields(&mut fields));
        let mut text = fields.remove("message").unwrap_or_default();
        for (name, value) in fields {
            write!(text, " {name}={value}").expect("a string grows");
        }
        let mut seen = self.0.lock().expect("no panic holds it");
        let within = context.event_span(event).map(|span| span.id().into_u64());
        match within.and_then(|id| seen.numbers.get(&id).copied()) {
            Some(number) => seen.spans[number].events.push(text),
            None => seen.outside.push(text),
        }
    }
}

fn memory() -> (Arc<ManualClock>, Arc<FaultyStore<MemoryStore>>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("randomness");
    (clock, Arc::new(FaultyStore::new(store)))
}

#[tokio::test]
async fn each_guarded_request_has_one_span_with_its_decision() {
    let (traces, _guard) = collect();
    let (_, store) = memory();
    let layer = Idempotency::new(store, Identity::credentials()).require_key();
    let service = Guarded::answering(&layer, || says(201, "made"));
    service.post("a-key-of-somebody").await;
    service.post("a-key-of-somebody").await;
    let mut other = post("a-key-of-somebody");
    *other.uri_mut() = "/other".parse().expect("a path");
    service.call(other).await;
    let mut bob = post("a-key-of-somebody");
    bob.headers_mut().insert("authorization", "Bearer of-bob".parse().expect("a value"));
    service.call(bob).await;
    service.post("a, b").await;
    let mut none = post("x");
    none.headers_mut().remove("idempotency-key");
    service.call(none).await;

    let expected =
        ["executed", "replayed", "mismatch", "credential-changed", "key-invalid", "key-missing"];
    assert_eq!(traces.decisions(), expected);
    let spans = traces.spans();
    assert!(spans[0].tells("executing execution=1"), "{:?}", spans[0]);
    for span in &spans[2..] {
        assert!(span.tells("refused"), "{span:?}");
    }
    let said = format!("{traces:?}");
    for secret in ["a-key-of-somebody", "of-bob"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
    assert_eq!(spans[0].fields["id"], spans[1].fields["id"], "one operation");
    assert_eq!(traces.outside(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_befalls_an_execution_is_told_in_its_span() {
    let (traces, _guard) = collect();
    let (clock, store) = memory();
    let lease = Duration::from_secs(1);
    let layer = Idempotency::new(Arc::clone(&store), Identity::anonymous()).keyed().lease(lease);
    let (passing, time) = (Arc::clone(&clock), lease * 2);
    // The first execution is late: its lease runs out, and a second one takes over.
    let service = Guarded::new(&layer, move |request| {
        let clock = Arc::clone(&passing);
        async move {
            if request.headers().contains_key("late") {
                tokio::time::sleep(Duration::from_millis(100)).await;
                clock.advance(time);
                tokio::time::sleep(time).await;
            }
            says(201, "made")
        }
    });
    let mut late = post("k");
    late.headers_mut().insert("late", "1".parse().expect("a value"));
    let first = tokio::spawn({
        let service = service.clone();
        async move { service.call(late).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    service.post("k").await.assert_executed();
    first.await.expect("no panic");

    // One whose answer cannot be recorded at once.
    store.fail(Fault::once(Verb::Complete, store.calls(Verb::Complete) + 1, FaultKind::NotApplied));
    service.post("other").await;
    let recorded = || traces.spans().iter().any(|span| span.tells("recorded after all"));
    while !recorded() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    let [first, second, other] = &traces.spans()[..] else { panic!("{traces:?}") };
    assert!(first.tells("the lease was lost"), "{first:?}");
    assert!(first.tells("came too late"), "{first:?}");
    assert!(second.tells("taken over"), "{second:?}");
    assert!(other.tells("could not be recorded"), "{other:?}");
    assert_eq!(other.fields["decision"], "pending");
}

#[tokio::test(start_paused = true)]
async fn what_is_swept_is_told() {
    let (traces, _guard) = collect();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("randomness");
    let store = Arc::new(store);
    let layer = Idempotency::new(Arc::clone(&store), Identity::anonymous());
    let service = Guarded::answering(&layer, || says(201, "made"));
    service.post("k").await;
    clock.advance(Duration::from_hours(25));
    let pause = Duration::from_secs(1);
    // It sweeps for ever: what it does in its first two rounds is enough.
    let _ = tokio::time::timeout(pause, keep_swept(store, pause)).await;
    assert_eq!(traces.outside(), ["swept removed=1"]);
}
