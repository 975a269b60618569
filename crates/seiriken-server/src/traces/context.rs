//! The trace that a request belongs to (W3C Trace Context, level 1).

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Longer ones are left out (section 3.3.1.5 asks for 512 at least): each span of the queue may hold
/// one.
const STATE_BYTES_MAX: usize = 2048;

/// The pattern by which a request's path was found.
pub(super) fn route(request: &Request) -> Option<&str> {
    request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)
}

/// Makes the sender's span the parent of this one, where the sender says of a span.
pub(super) fn adopt(span: &Span, headers: &HeaderMap) {
    if let Some(said) = Said::read(headers) {
        // An error means that the log alone hears of this span.
        let _ = span.set_parent(TraceContextPropagator::new().extract(&said));
    }
}

/// Tells whoever gets these fields that this span is their parent.
pub(super) fn tell(span: &Span, headers: &mut HeaderMap) {
    // Which changes nothing where the log alone hears of this span.
    TraceContextPropagator::new().inject_context(&span.context(), &mut Fields(headers));
}

/// What a sender says.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    parent: String,
    state: String,
}

impl Said {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let mut lines = headers.get_all(PARENT).iter();
        // Of two parents neither is one.
        let (Some(parent), None) = (lines.next(), lines.next()) else { return None };
        let parent = parent.to_str().ok().map(str::trim).filter(|text| well_formed(text))?;
        let states: Result<Vec<&str>, _> =
            headers.get_all(STATE).iter().map(HeaderValue::to_str).collect();
        let state = states.unwrap_or_default().join(",");
        let state = if state.len() > STATE_BYTES_MAX { String::new() } else { state };
        Some(Self { parent: parent.to_owned(), state })
    }
}

/// Section 3.2.2: the parts have fixed lengths; a later version may have more of them.
fn well_formed(parent: &str) -> bool {
    let bytes = parent.as_bytes();
    let lengths_fit = match bytes.len() {
        55 => true,
        longer => longer > 55 && bytes[55] == b'-' && !parent.starts_with("00"),
    };
    lengths_fit
        && bytes[..55].iter().enumerate().all(|(at, byte)| match at {
            2 | 35 | 52 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

impl Extractor for Said {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            PARENT => Some(&self.parent),
            STATE => Some(&self.state),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec![PARENT, STATE]
    }
}

/// The fields of a request that goes on.
struct Fields<'h>(&'h mut HeaderMap);

impl Injector for Fields<'_> {
    fn set(&mut self, key: &str, value: String) {
        let Ok(name) = HeaderName::try_from(key) else { return };
        // A client's field must not stay where there is nothing to put in its place.
        match HeaderValue::try_from(value) {
            Ok(value) if !value.is_empty() => drop(self.0.insert(name, value)),
            _ => drop(self.0.remove(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{
        SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState,
    };

    use super::*;

    const PARENT_OF_A: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn fields(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |&(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_parent_is_one_line_of_the_form_that_the_recommendation_has() {
        let read = |parent| Said::read(&fields(&[(PARENT, parent)])).is_some();
        assert!(read(PARENT_OF_A));
        assert!(read("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"));
        for wrong in [
            "",
            "00",
            "00-1-1-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(!read(wrong), "{wrong}");
        }
        assert_eq!(Said::read(&fields(&[(PARENT, PARENT_OF_A), (PARENT, PARENT_OF_A)])), None);
        assert_eq!(Said::read(&fields(&[(STATE, "a=1")])), None);
    }

    #[test]
    fn the_state_may_stand_on_several_lines_and_is_never_long() {
        let state = |lines: &[(&'static str, &str)]| {
            let lines = [&[(PARENT, PARENT_OF_A)][..], lines].concat();
            Said::read(&fields(&lines)).expect("a parent").state
        };
        assert_eq!(state(&[(STATE, "a=1"), (STATE, "b=2")]), "a=1,b=2");
        assert_eq!(state(&[]), "");
        let long = format!("a={}", "x".repeat(STATE_BYTES_MAX));
        assert_eq!(state(&[(STATE, &long)]), "");
    }

    #[test]
    fn nothing_of_the_clients_trace_stays_beside_another_one() {
        let mut headers = fields(&[(PARENT, PARENT_OF_A), (STATE, "a=1"), (STATE, "b=2")]);
        let (trace, span) = (TraceId::from(1_u128), SpanId::from(2_u64));
        let flags = TraceFlags::SAMPLED;
        let context = SpanContext::new(trace, span, flags, false, TraceState::NONE);
        let context = opentelemetry::Context::new().with_remote_span_context(context);
        TraceContextPropagator::new().inject_context(&context, &mut Fields(&mut headers));
        let told = "00-00000000000000000000000000000001-0000000000000002-01";
        assert_eq!(headers, fields(&[(PARENT, told)]));
    }
}
