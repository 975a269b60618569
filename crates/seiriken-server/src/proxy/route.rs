//! What holds for the requests of some paths.

use std::time::Duration;

use axum::http::Method;
use seiriken::http::{Idempotency, Recording};
use seiriken::store::Store;
use seiriken::{OnConcurrent, Quota};

use super::options::ProxyOptions;
use super::paths::Pattern;
use super::preset::Preset;
use super::reconcile::Template;
use crate::identity::IdentityOption;

/// Where the policy of a proxy is published.
pub(super) const PAGE: &str = "/.well-known/idempotency";

/// The rules of a route.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    /// The paths; none means all that no other route has.
    pub(crate) paths: Vec<Pattern>,
    pub(crate) methods: Vec<Method>,
    pub(crate) required: bool,
    pub(crate) retention: Duration,
    pub(crate) on_concurrent: OnConcurrent,
    pub(crate) record: RecordRule,
    pub(crate) identity: IdentityOption,
    pub(crate) canonical_json: bool,
    pub(crate) ignored_members: Vec<String>,
    pub(crate) preset: Preset,
    /// Where the service is asked what became of a request.
    pub(crate) reconcile: Option<Template>,
    /// Where its policy is published, without the host.
    pub(crate) page: String,
}

/// Which answers are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum RecordRule {
    /// Those whose status does not say that nothing was processed.
    #[default]
    Usual,
    /// All of them.
    All,
    /// As usual; and 500 and 503 leave the outcome unknown, for a service that answers them
    /// half-way.
    Definite,
}

impl Route {
    /// What the options alone say, for all paths.
    pub(crate) fn usual(options: &ProxyOptions) -> Self {
        Self {
            paths: Vec::new(),
            methods: vec![Method::POST, Method::PATCH],
            required: false,
            retention: options.serving.retention,
            on_concurrent: options.serving.on_concurrent,
            record: RecordRule::default(),
            identity: options.identity.clone(),
            canonical_json: options.canonical_json,
            ignored_members: Vec::new(),
            preset: Preset::default(),
            reconcile: options.reconcile.at.clone(),
            page: PAGE.to_owned(),
        }
    }

    /// The route of `--require`, if there is one.
    fn required(options: &ProxyOptions) -> Option<Self> {
        (!options.require.is_empty()).then(|| Self {
            paths: options.require.clone(),
            required: true,
            page: format!("{PAGE}/required"),
            ..Self::usual(options)
        })
    }

    /// All routes: those of the file, the required one, and the one that has all else.
    pub(crate) fn all(options: &ProxyOptions) -> Result<Vec<Self>, String> {
        let mut routes = options.file.routes(options)?;
        routes.extend(Self::required(options));
        routes.push(Self::usual(options));
        Ok(routes)
    }

    /// Whether a request is one of this route's.
    pub(super) fn has(&self, method: &Method, path: &str) -> bool {
        self.methods.contains(method)
            && (self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path)))
    }

    /// The layer's rules, on a store. The class is that of any service that nobody can look into.
    pub(super) fn idempotency<S: Store + Clone>(
        &self,
        options: &ProxyOptions,
        store: S,
    ) -> Idempotency<S> {
        let base = options.serving.public_url.as_deref().unwrap_or_default();
        let mut idempotency = Idempotency::new(store, self.identity.identity())
            .methods(self.methods.clone())
            // One proxy may stand in front of services of several hosts.
            .comparing_host()
            .retention(self.retention)
            .skew(options.serving.skew)
            .lease(options.serving.lease)
            .quota(Quota { keys: options.serving.quota, bytes: None })
            .on_concurrent(self.on_concurrent)
            .request_body_bytes_max(options.max_body)
            .response_body_bytes_max(options.serving.max_response)
            .policy_page(format!("{base}{}", self.page));
        if self.required {
            idempotency = idempotency.require_key();
        }
        if self.canonical_json {
            idempotency = idempotency.canonical_json();
        }
        for pointer in &self.ignored_members {
            idempotency = idempotency.ignoring_json(pointer.clone());
        }
        match self.record {
            RecordRule::Usual => idempotency,
            RecordRule::All => idempotency.record_all(),
            RecordRule::Definite => idempotency.recording(|answer| {
                matches!(answer.status.as_u16(), 500 | 503).then_some(Recording::Unknown)
            }),
        }
    }
}
