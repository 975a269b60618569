//! See the [module's rules](super).

use std::sync::Arc;

use tower_layer::Layer;

use super::config::Rules;
use super::policy_page::PolicyPage;
use super::service::IdempotencyService;
use crate::engine::Engine;
use crate::scope::ScopeDigest;
use crate::store::Store;

/// Guards a service; see the [module's rules](super). Made by
/// [`Idempotency::layer`](super::Idempotency::layer).
#[derive(Debug)]
pub struct IdempotencyLayer<S> {
    pub(super) engine: Engine<S>,
    pub(super) rules: Arc<Rules>,
    /// Of the rules' scope, which is the same for all requests.
    pub(super) scope: ScopeDigest,
}

impl<S: Store> IdempotencyLayer<S> {
    pub(super) fn new(engine: Engine<S>, rules: Rules) -> Self {
        let scope = ScopeDigest::new(engine.store().secret(), &rules.scope);
        Self { engine, rules: Arc::new(rules), scope }
    }

    /// What it enforces, as a page to serve.
    pub fn policy_page(&self) -> PolicyPage {
        PolicyPage::new(self.engine.policy(), &self.rules)
    }

    /// The engine behind it: to wait for its work at the end
    /// ([`Engine::drain`](crate::engine::Engine::drain)).
    pub fn engine(&self) -> &Engine<S> {
        &self.engine
    }
}

impl<S> Clone for IdempotencyLayer<S> {
    fn clone(&self) -> Self {
        Self { engine: self.engine.clone(), rules: Arc::clone(&self.rules), scope: self.scope }
    }
}

impl<S, I> Layer<I> for IdempotencyLayer<S> {
    type Service = IdempotencyService<I, S>;

    fn layer(&self, inner: I) -> Self::Service {
        IdempotencyService::new(inner, self.clone())
    }
}
