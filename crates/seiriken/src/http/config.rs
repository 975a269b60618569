//! Building the layer: what is guarded, how a request is recognised, what is kept.

use std::time::Duration;

use http::response::Parts;
use http::{HeaderName, Method};

use super::identity::Identity;
use super::layer::IdempotencyLayer;
use super::verdict::{RecordPolicy, Recording};
use crate::dated_key::AcceptedKeys;
use crate::engine::Engine;
use crate::fingerprint::{FingerprintKind, IgnoredMembers};
use crate::key::KeySyntax;
use crate::policy::{OnConcurrent, Policy, PolicyError, Quota};
use crate::record::EffectClass;
use crate::scope::Scope;
use crate::store::Store;

/// Builds an [`IdempotencyLayer`].
#[derive(Debug, Clone)]
pub struct Idempotency<S> {
    store: S,
    policy: Policy,
    ignored: Vec<String>,
    rules: Rules,
}

/// Whether a guarded request must carry a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyRequirement {
    /// A request without one passes unguarded.
    #[default]
    Optional,
    /// A request without one is refused (400).
    Required,
}

/// What the HTTP side does, beside the engine's policy.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) identity: Identity,
    pub(super) scope: Scope,
    pub(super) requirement: KeyRequirement,
    pub(super) syntax: KeySyntax,
    pub(super) accepted_keys: AcceptedKeys,
    pub(super) field: HeaderName,
    pub(super) marker: HeaderName,
    pub(super) methods: Vec<Method>,
    pub(super) fingerprint: FingerprintKind,
    pub(super) host_compared: bool,
    pub(super) ignored: IgnoredMembers,
    pub(super) request_body_bytes_max: usize,
    pub(super) response_body_bytes_max: usize,
    pub(super) record_policy: RecordPolicy,
    pub(super) page: String,
}

impl<S: Store + Clone> Idempotency<S> {
    /// Guards with `store`; `identity` says whose request one is.
    ///
    /// Everything else has a default: POST and PATCH with a key are guarded, as
    /// [`EffectClass::Opaque`], for 24 hours.
    pub fn new(store: S, identity: Identity) -> Self {
        let rules = Rules {
            identity,
            scope: Scope::default(),
            requirement: KeyRequirement::default(),
            syntax: KeySyntax::default(),
            accepted_keys: AcceptedKeys::default(),
            field: HeaderName::from_static("idempotency-key"),
            marker: HeaderName::from_static("idempotent-replayed"),
            methods: vec![Method::POST, Method::PATCH],
            fingerprint: FingerprintKind::default(),
            host_compared: false,
            ignored: IgnoredMembers::default(),
            request_body_bytes_max: 1 << 20,
            response_body_bytes_max: 1 << 20,
            record_policy: RecordPolicy::default(),
            page: "/.well-known/idempotency".to_owned(),
        };
        Self { store, policy: Policy::default(), ignored: Vec::new(), rules }
    }

    /// Every handler commits its effect and its answer in one transaction of this store, and has
    /// no effect outside it ([`EffectClass::Transactional`]): *exactly once*.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.policy.class = EffectClass::Transactional;
        self
    }

    /// Everything downstream deduplicates by the key, or the work is idempotent by nature
    /// ([`EffectClass::Keyed`]): work whose owner vanished is run again.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.policy.class = EffectClass::Keyed;
        self
    }

    /// Refuses guarded requests without a key (400). Defaults to letting them pass unguarded.
    #[must_use]
    pub fn require_key(mut self) -> Self {
        self.rules.requirement = KeyRequirement::Required;
        self
    }

    /// Takes keys in this syntax. Defaults to [`KeySyntax::Lenient`].
    #[must_use]
    pub fn key_syntax(mut self, syntax: KeySyntax) -> Self {
        self.rules.syntax = syntax;
        self
    }

    /// Takes these keys alone. Defaults to [`AcceptedKeys::Any`].
    #[must_use]
    pub fn accepted_keys(mut self, keys: AcceptedKeys) -> Self {
        self.rules.accepted_keys = keys;
        self
    }

    /// Refuses new keys (429) while as much as this is kept for the scope. Defaults to no limit.
    #[must_use]
    pub fn quota(mut self, quota: Quota) -> Self {
        self.policy.quota = quota;
        self
    }

    /// Reads the key from this field. Defaults to `Idempotency-Key`.
    #[must_use]
    pub fn field_name(mut self, field: HeaderName) -> Self {
        self.rules.field = field;
        self
    }

    /// Marks answers with this field. Defaults to `Idempotent-Replayed`.
    #[must_use]
    pub fn marker_name(mut self, marker: HeaderName) -> Self {
        self.rules.marker = marker;
        self
    }

    /// Guards requests of these methods. Defaults to POST and PATCH, the two that are not
    /// idempotent by definition (RFC 9110 section 9.2.2). GET, HEAD and OPTIONS are never guarded.
    #[must_use]
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        let safe = |method: &Method| [Method::GET, Method::HEAD, Method::OPTIONS].contains(method);
        self.rules.methods = methods.into_iter().filter(|method| !safe(method)).collect();
        self
    }

    /// Looks keys up in this scope. Defaults to one scope for all.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.rules.scope = scope;
        self
    }

    /// Compares JSON bodies in canonical form. Defaults to comparing byte by byte.
    #[must_use]
    pub fn canonical_json(mut self) -> Self {
        self.rules.fingerprint = FingerprintKind::CanonicalJson;
        self
    }

    /// Compares JSON bodies in canonical form without the member that this JSON Pointer (RFC 6901)
    /// names: `/sentAt`, `/client/version`, `/items/0/note`. Defaults to leaving nothing out.
    ///
    /// For what may change between the tries of one operation. A request that differs in nothing
    /// else gets the first one's answer, so never name what the operation depends on.
    ///
    /// A body that does not have the member is compared as it is. Of an array the element counts as
    /// `null`; its neighbours keep their places. A body with a name twice in one object, or with a
    /// number that a double would change, counts by its bytes, and then nothing is left out. After
    /// a change of the list, requests that were recorded under another list have no retries (422).
    #[must_use]
    pub fn ignoring_json(mut self, pointer: impl Into<String>) -> Self {
        self.ignored.push(pointer.into());
        self
    }

    /// Counts the host that a request names as a part of what makes it the same request. For one
    /// layer in front of services of several hosts. Defaults to not looking at it.
    #[must_use]
    pub fn comparing_host(mut self) -> Self {
        self.rules.host_compared = true;
        self
    }

    /// Keeps answers for this long after they were recorded. Defaults to 24 hours.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.policy.retention.answers = retention;
        self
    }

    /// Adds this to the retention before a key is forgotten: how far clocks may disagree. Defaults
    /// to 5 minutes.
    #[must_use]
    pub fn skew(mut self, skew: Duration) -> Self {
        self.policy.retention.skew = skew;
        self
    }

    /// Believes an owner to be alive for this long without a sign of life. Defaults to 30 seconds.
    #[must_use]
    pub fn lease(mut self, lease: Duration) -> Self {
        self.policy.lease = lease;
        self
    }

    /// What a request is told while the first one is running. Defaults to
    /// [`OnConcurrent::Reject`].
    #[must_use]
    pub fn on_concurrent(mut self, on_concurrent: OnConcurrent) -> Self {
        self.policy.on_concurrent = on_concurrent;
        self
    }

    /// Takes request bodies up to this many bytes; longer ones are refused (413) before anything
    /// runs. Defaults to 1 MiB.
    #[must_use]
    pub fn request_body_bytes_max(mut self, bytes: usize) -> Self {
        self.rules.request_body_bytes_max = bytes;
        self
    }

    /// Keeps response bodies up to this many bytes. A longer one reaches the first caller alone;
    /// a retry is told so and nothing runs again. Defaults to 1 MiB.
    #[must_use]
    pub fn response_body_bytes_max(mut self, bytes: usize) -> Self {
        self.rules.response_body_bytes_max = bytes;
        self
    }

    /// Records every answer, also those whose status says that nothing was processed (401, 405,
    /// 413, 415, 425, 429 of an opaque handler). Defaults to freeing the key at those.
    #[must_use]
    pub fn record_all(self) -> Self {
        self.recording(|answer| {
            matches!(answer.status.as_u16(), 401 | 405 | 413 | 415 | 425 | 429)
                .then_some(Recording::Record)
        })
    }

    /// Decides by a rule of your own which answers are recorded; `None` leaves an answer to the
    /// usual rule. Not asked after a commit, and not where the handler said
    /// [`NotProcessed`](super::NotProcessed).
    ///
    /// ```
    /// # use seiriken::http::{Idempotency, Identity, Recording};
    /// # let store = std::sync::Arc::new(seiriken::store::MemoryStore::new()?);
    /// // This service answers 503 before it has begun anything.
    /// let idempotency = Idempotency::new(store, Identity::credentials())
    ///     .recording(|answer| (answer.status == 503).then_some(Recording::NotProcessed));
    /// # let _ = idempotency;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn recording(
        mut self,
        rule: impl Fn(&Parts) -> Option<Recording> + Send + Sync + 'static,
    ) -> Self {
        self.rules.record_policy = RecordPolicy::new(rule);
        self
    }

    /// The address of the page that describes the policy; problem types are it plus a fragment.
    /// Defaults to `/.well-known/idempotency`.
    #[must_use]
    pub fn policy_page(mut self, address: impl Into<String>) -> Self {
        self.rules.page = address.into();
        self
    }

    /// The layer.
    ///
    /// # Panics
    /// When the policy cannot be kept; [`Idempotency::try_layer`] reports it instead.
    pub fn layer(&self) -> IdempotencyLayer<S> {
        match self.try_layer() {
            Ok(layer) => layer,
            Err(error) => panic!("the idempotency layer cannot be built: {error}"),
        }
    }

    /// The layer, or why it cannot be built.
    pub fn try_layer(&self) -> Result<IdempotencyLayer<S>, PolicyError> {
        let engine = Engine::new(self.store.clone(), self.policy.clone())?;
        let mut rules = self.rules.clone();
        if !self.ignored.is_empty() {
            rules.ignored = IgnoredMembers::new(self.ignored.iter().cloned())?;
            rules.fingerprint = FingerprintKind::PartialJson;
        }
        Ok(IdempotencyLayer::new(engine, rules))
    }
}
