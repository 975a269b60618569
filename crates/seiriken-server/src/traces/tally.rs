//! What became of spans: how many have ended, how many the collector has taken, and what is told of
//! the difference. A collector that is down is told of when it begins and when it ends, not for each
//! batch that it does not take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};

/// The numbers. Its clones count the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    ended: AtomicU64,
    taken: AtomicU64,
    /// The last batch was not taken.
    down: AtomicBool,
}

impl Tally {
    /// How many have ended and were not taken.
    pub(super) fn missing(&self) -> u64 {
        // In this order: whatever was taken had ended before.
        let taken = self.0.taken.load(Ordering::SeqCst);
        self.0.ended.load(Ordering::SeqCst).saturating_sub(taken)
    }

    fn sent(&self, spans: u64, result: &OTelSdkResult) {
        match result {
            Ok(()) => {
                self.0.taken.fetch_add(spans, Ordering::SeqCst);
                if self.0.down.swap(false, Ordering::SeqCst) {
                    tracing::info!("the collector takes traces again");
                }
            }
            Err(error) => {
                if !self.0.down.swap(true, Ordering::SeqCst) {
                    tracing::warn!(%error, "the collector takes no traces; they are lost");
                }
            }
        }
    }
}

/// Counts what a collector takes.
#[derive(Debug)]
pub(super) struct Taken<E> {
    pub(super) to: E,
    pub(super) tally: Tally,
}

impl<E: SpanExporter> SpanExporter for Taken<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let result = self.to.export(batch).await;
        self.tally.sent(spans, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.to.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.to.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.to.set_resource(resource);
    }
}

/// Counts what ends. A queue that is full drops spans without a word.
#[derive(Debug)]
pub(super) struct Ended<P> {
    pub(super) next: P,
    pub(super) tally: Tally,
}

impl<P: SpanProcessor> SpanProcessor for Ended<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        self.tally.0.ended.fetch_add(1, Ordering::SeqCst);
        self.next.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}
