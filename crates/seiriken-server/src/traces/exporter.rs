//! Spans on their way to a collector: a queue of bounded length, and a thread that sends what is in
//! it. No request waits for either; what does not fit is dropped.

use std::time::Duration;

use axum::http::uri::Scheme;
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchSpanProcessor, SdkTracerProvider};
use reqwest::blocking::Client;
use reqwest::redirect;
use tracing::{Level, Metadata};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::{Layer, Registry};

use super::settings::Settings;
use super::tally::{Ended, Taken, Tally};
use crate::log;

/// So long the end of the program waits for the collector, after all else has ended.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// What sends spans, if anything does.
pub(crate) struct Exporter(Option<Sending>);

struct Sending {
    provider: SdkTracerProvider,
    tally: Tally,
}

/// Starts the log, and what sends spans where the environment names a collector. `server` is what a
/// program that stays calls itself in traces; others send none.
pub(crate) fn start(server: Option<&'static str>) -> Result<Exporter, String> {
    let settings = match server {
        Some(server) => Settings::read(std::env::var_os)?.zip(Some(server)),
        None => None,
    };
    let Some((settings, server)) = settings else {
        log::start();
        return Ok(Exporter(None));
    };
    let sending = Sending::new(&settings, server)?;
    log::start_beside(sending.layer());
    // Not its path nor its query, where some keep a token.
    let collector = settings.endpoint.authority().map(ToString::to_string);
    tracing::info!(collector, "traces are sent");
    Ok(Exporter(Some(sending)))
}

impl Exporter {
    /// Sends what has ended and is not sent yet.
    pub(crate) fn flush(self) {
        let Some(Sending { provider, tally }) = self.0 else { return };
        // What it says is in the tally.
        let _ = provider.shutdown_with_timeout(FLUSH_WITHIN);
        let lost = tally.missing();
        if lost > 0 {
            tracing::warn!(lost, "some spans did not reach the collector");
        }
    }
}

impl Sending {
    fn new(settings: &Settings, server: &'static str) -> Result<Self, String> {
        let to = SpanExporter::builder()
            .with_http()
            .with_endpoint(settings.endpoint.to_string())
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(settings.timeout)
            .with_http_client(client(settings)?)
            .build()
            .map_err(|error| error.to_string())?;
        let tally = Tally::default();
        let next = BatchSpanProcessor::builder(Taken { to, tally: tally.clone() }).build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource(settings, server))
            .with_span_processor(Ended { next, tally: tally.clone() })
            .build();
        Ok(Self { provider, tally })
    }

    fn layer(&self) -> impl Layer<Registry> + Send + Sync + use<> {
        OpenTelemetryLayer::<Registry, _>::new(self.provider.tracer("seiriken"))
            .with_context_activation(false)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(is_sent).with_max_level_hint(LevelFilter::DEBUG))
    }
}

/// Our own spans, and of our own events those that the log has by default.
fn is_sent(metadata: &Metadata<'_>) -> bool {
    let ours = metadata.target().split("::").next() == Some("seiriken");
    let most = if metadata.is_span() { Level::DEBUG } else { Level::INFO };
    ours && *metadata.level() <= most
}

/// It follows nobody to another address: its fields may hold a secret.
fn client(settings: &Settings) -> Result<Client, String> {
    let client = Client::builder().timeout(settings.timeout).redirect(redirect::Policy::none());
    let client = if settings.endpoint.scheme() == Some(&Scheme::HTTPS) {
        client
    } else {
        // Else it would want the certificates of the system, which a small image has not.
        client.tls_certs_only([])
    };
    client.build().map_err(|error| format!("nothing to send traces with: {error}"))
}

/// Who sends: as the environment says, and what it does not say.
fn resource(settings: &Settings, server: &'static str) -> Resource {
    let detected = Resource::builder().build();
    let named = detected.iter().find(|(key, _)| key.as_str() == "service.name");
    let named = named.map(|(_, name)| name.to_string());
    let named = named.filter(|name| !name.starts_with("unknown_service"));
    let name = settings.service.clone().or(named).unwrap_or_else(|| server.to_owned());
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let ours = Resource::builder_empty().with_attribute(version);
    ours.with_attributes(
        detected.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())),
    )
    .with_service_name(name)
    .build()
}
