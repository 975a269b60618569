//! `--admin ADDR`: metrics and health, on an address of their own, which no client is to reach.

mod recorder;

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use axum::routing::get;
use seiriken::RecordId;
use seiriken::engine::Engine;
use seiriken::store::Operate;
use tokio::sync::watch;

use self::recorder::Numbers;
use crate::listen::{self, Listening};

/// Where an operator looks; nothing is counted without it.
pub(crate) struct Admin {
    listening: Listening,
    numbers: Numbers,
}

/// A store that takes longer has hanging clients as well.
const ANSWERED_BY_THEN: Duration = Duration::from_secs(2);

impl Admin {
    /// Opens the port, and counts from now on.
    pub(crate) async fn open(address: &str) -> Result<Self, String> {
        let listening = listen::listen(address)
            .await
            .map_err(|error| format!("cannot listen on {address}: {error}"))?;
        let numbers = Numbers::default();
        metrics::set_global_recorder(numbers.clone()).map_err(|error| error.to_string())?;
        seiriken::engine::describe_metrics();
        metrics::describe_gauge!("seiriken_keys", "About how many keys the store keeps.");
        Ok(Self { listening, numbers })
    }

    /// Answers until the process ends; not ready once `stopping` turns true.
    pub(crate) fn serve<S: Operate>(self, engine: Engine<S>, stopping: watch::Receiver<bool>) {
        let Self { listening, numbers } = self;
        tracing::info!(address = %listening.url(), "metrics and health");
        let desk = Desk { numbers, engine, stopping };
        let app = Router::new()
            .route("/metrics", get(counted::<S>))
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready::<S>))
            .with_state(desk);
        tokio::spawn(async move {
            // Its health is told to the end, also while it stops.
            let (_never, until) = watch::channel(false);
            listening.serve(app, until).await;
        });
    }
}

struct Desk<S> {
    numbers: Numbers,
    engine: Engine<S>,
    stopping: watch::Receiver<bool>,
}

impl<S> Clone for Desk<S> {
    fn clone(&self) -> Self {
        Self {
            numbers: self.numbers.clone(),
            engine: self.engine.clone(),
            stopping: self.stopping.clone(),
        }
    }
}

/// What was counted. A store that does not say how many keys it has is no reason to say nothing.
async fn counted<S: Operate>(State(desk): State<Desk<S>>) -> impl IntoResponse {
    let asking = desk.engine.store().about_how_many();
    if let Ok(Ok(keys)) = tokio::time::timeout(ANSWERED_BY_THEN, asking).await {
        #[expect(clippy::cast_precision_loss, reason = "it is about so many")]
        metrics::gauge!("seiriken_keys").set(keys as f64);
    }
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4"), (CACHE_CONTROL, "no-store")];
    (headers, desk.numbers.text())
}

/// Whether requests should come here: not while it stops, nor where the store does not answer.
async fn ready<S: Operate>(State(desk): State<Desk<S>>) -> (StatusCode, &'static str) {
    if *desk.stopping.borrow() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    // No key has this id: whatever is answered, it is answered.
    let asking = desk.engine.store().show(RecordId::from_bytes([0; 16]));
    match tokio::time::timeout(ANSWERED_BY_THEN, asking).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the store cannot be asked");
            (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be asked\n")
        }
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n"),
    }
}
