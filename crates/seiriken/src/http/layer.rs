//! See the [module's rules](super).

use std::sync::Arc;

use tower_layer::Layer;

use super::config::Rules;
use super::policy_page::PolicyPage;
use super::service::IdempotencyService;
use crate::engine::Engine;
use crate::identity::IdentityDigest;
use crate::scope::ScopeDigest;
use crate::secret::StoreSecret;
use crate::store::Store;

/// Guards a service; see the [module's rules](super). Made by
/// [`Idempotency::layer`](super::Idempotency::layer).
#[derive(Debug)]
pub struct IdempotencyLayer<S> {
    pub(super) gate: Arc<Gate<S>>,
}

/// What all requests share. Each holds on to it with one count.
#[derive(Debug)]
pub(super) struct Gate<S> {
    pub(super) engine: Engine<S>,
    pub(super) rules: Rules,
    /// Of the rules' scope, which is the same for all requests.
    pub(super) scope: ScopeDigest,
    /// Of a request that says nothing about whose it is.
    pub(super) nobody: IdentityDigest,
}

impl<S: Store> Gate<S> {
    pub(super) fn secret(&self) -> &StoreSecret {
        self.engine.store().secret()
    }
}

impl<S: Store> IdempotencyLayer<S> {
    pub(super) fn new(engine: Engine<S>, rules: Rules) -> Self {
        let secret = engine.store().secret();
        let scope = ScopeDigest::new(secret, &rules.scope);
        let nobody = rules.identity.nobody(secret);
        Self { gate: Arc::new(Gate { engine, rules, scope, nobody }) }
    }

    /// What it enforces, as a page to serve, and what its store promises now: that may change while
    /// a service runs.
    pub fn policy_page(&self) -> PolicyPage {
        let engine = &self.gate.engine;
        PolicyPage::new(engine.policy(), &self.gate.rules, engine.store().promise())
    }

    /// The engine behind it: to wait for its work at the end
    /// ([`Engine::drain`](crate::engine::Engine::drain)).
    pub fn engine(&self) -> &Engine<S> {
        &self.gate.engine
    }
}

impl<S> Clone for IdempotencyLayer<S> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<S, I> Layer<I> for IdempotencyLayer<S> {
    type Service = IdempotencyService<I, S>;

    fn layer(&self, inner: I) -> Self::Service {
        IdempotencyService::new(inner, Arc::clone(&self.gate))
    }
}
