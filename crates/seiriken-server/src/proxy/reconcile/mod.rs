//! Asking the service what became of a request whose outcome is not known.
//!
//! Asked is only about an outcome that the store calls unknown: the proxy gave it up, or the proxy
//! that ran it has shown no sign of life for a lease. What the service says is told to the store as what
//! a person has found out would be, for the execution that stood there *before* the service was asked.
//! An answer that comes late finds another execution there, or a settled one, and changes nothing.

mod askings;
mod said;
mod template;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header::{ACCEPT, HOST};
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use seiriken::http::WholeBody;
use seiriken::record::transition::{Resolution, ResolveOutcome};
use seiriken::record::{Record, State};
use seiriken::store::{Operate, StoreError};
use seiriken::{IdempotencyKey, RecordId, Scope};
use tokio::time::Instant;
use tracing::Instrument;

use self::askings::{Asking, Askings, Next};
pub(crate) use self::template::Template;
use super::made::Made;
use super::options::ProxyOptions;
use super::upstream::Upstream;

/// So long the store may take over each of its two answers.
const STORE_WITHIN: Duration = Duration::from_secs(5);

/// What an answer may have around its body.
const AROUND_THE_BODY: usize = 64 << 10;

/// Asks the service of one route.
pub(super) struct Reconciler<S> {
    store: S,
    service: Arc<Service>,
    askings: Arc<Askings>,
}

/// The service, as it is asked.
struct Service {
    template: Template,
    upstream: Upstream,
    host: Option<HeaderValue>,
    timeout: Duration,
    body_max: usize,
}

impl Template {
    /// Whether what is needed to ask there can be read.
    pub(super) fn check(&self, options: &ProxyOptions) -> Result<(), String> {
        Upstream::check(self.address(), &options.tls)
    }
}

impl<S: Operate + Clone> Reconciler<S> {
    pub(super) fn new(
        template: Template,
        options: &ProxyOptions,
        store: S,
    ) -> Result<Self, String> {
        let address = template.address().clone();
        let host = address.host_field();
        let upstream = Upstream::new(address, &options.tls, options.deadlines.connect_timeout)?;
        let (timeout, body_max) = (options.reconcile.timeout, options.serving.max_response);
        let service = Arc::new(Service { template, upstream, host, timeout, body_max });
        Ok(Self { store, service, askings: Askings::new(options.reconcile.pause) })
    }

    /// Whether something may have become known of a key whose outcome is unknown, so that it is worth
    /// while to look at it again.
    pub(super) async fn settled(&self, key: &IdempotencyKey) -> bool {
        // That of all routes.
        let id = RecordId::new(self.store.secret(), &Scope::default(), key);
        let mut told = match self.askings.next(id) {
            Next::NotNow => return false,
            Next::Wait(told) => told,
            Next::Ask(asking) => {
                let told = asking.told();
                let span = tracing::debug_span!("reconcile", %id);
                let asking =
                    ask(self.store.clone(), Arc::clone(&self.service), asking, key.clone());
                // Whoever came first may go away, and others wait for the same.
                tokio::spawn(asking.instrument(span));
                told
            }
        };
        told.wait_for(|settled| *settled).await.is_ok()
    }
}

async fn ask<S: Operate>(store: S, service: Arc<Service>, asking: Asking, key: IdempotencyKey) {
    let id = asking.id();
    let within = service.timeout + 2 * STORE_WITHIN;
    match tokio::time::timeout(within, look(&store, &service, id, &key)).await {
        Ok(Ok(())) => asking.settled(),
        Ok(Err(why)) => tracing::warn!(%id, why, "an unknown outcome stays unknown"),
        Err(_) => tracing::warn!(%id, why = "no end in time", "an unknown outcome stays unknown"),
    }
}

/// Asks, and tells the store. An error means that all is as it was, as far as is known here.
async fn look<S: Operate>(
    store: &S,
    service: &Service,
    id: RecordId,
    key: &IdempotencyKey,
) -> Result<(), String> {
    let failed = |error: StoreError| error.to_string();
    let Some(Record { token, state: State::Indeterminate { .. }, .. }) =
        store.show(id).await.map_err(failed)?
    else {
        return Ok(());
    };
    let resolution = service.asked(key).await?;
    let as_done = matches!(resolution, Resolution::Done(_));
    match store.resolve(id, token, resolution).await.map_err(failed)? {
        ResolveOutcome::Resolved => {
            tracing::warn!(%id, as_done, "an unknown outcome was resolved as the service says");
        }
        ResolveOutcome::Stands(_) => {
            tracing::warn!(%id, as_done, "what the service says of an outcome came too late");
        }
    }
    Ok(())
}

impl Service {
    /// Asks once.
    async fn asked(&self, key: &IdempotencyKey) -> Result<Resolution, String> {
        let target = self.template.filled(key).ok_or("the key does not go into a path")?;
        let mut request = Request::get(target).header(ACCEPT, "application/json");
        if let Some(host) = &self.host {
            request = request.header(HOST, host);
        }
        let nothing = WholeBody::new(Bytes::new(), HeaderMap::new());
        let request = request.body(Made::Here(nothing)).map_err(|error| error.to_string())?;
        let deadline = Instant::now() + self.timeout;
        let answer = self.upstream.send(request, deadline).await;
        let answer = answer.map_err(|failed| failed.to_string())?;
        if answer.status() != StatusCode::OK {
            return Err(format!("it answers {}", answer.status().as_u16()));
        }
        // A byte of a body may take six of JSON.
        let limit = self.body_max.saturating_mul(6).saturating_add(AROUND_THE_BODY);
        let whole = Limited::new(answer.into_body(), limit).collect();
        let whole = tokio::time::timeout_at(deadline, whole).await;
        let whole = whole.map_err(|_| "its answer did not end in time")?;
        let whole = whole.map_err(|error| format!("its answer cannot be read: {error}"))?;
        said::read(&whole.to_bytes(), self.body_max)
    }
}
