//! A store whose calls come late: they are applied after a lease, also when nobody waits for them
//! any more. So does a network.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Resolution, ResolveOutcome,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, Token};
use seiriken::store::{Cursor, Filter, Operate, Page, Store, StoreError, Verb};
use seiriken::{IssuingSecrets, RecordId, StoreSecret};

use super::timed::Timed;
use super::world::LEASE;

/// So late.
const DELAY: Duration = LEASE.saturating_add(Duration::from_secs(5));

/// Hands every call on, some of them late.
#[derive(Debug)]
pub(super) struct Late<S> {
    inner: Arc<Timed<S>>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    late: Vec<LateCalls>,
    calls: [u64; 6],
}

/// Which calls of a verb are late, 1 for the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct LateCalls {
    pub(super) verb: Verb,
    pub(super) first: u64,
    pub(super) last: u64,
}

impl<S> Late<S> {
    pub(super) fn new(inner: Arc<Timed<S>>, late: Vec<LateCalls>) -> Self {
        Self { inner, state: Mutex::new(State { late, ..State::default() }) }
    }

    pub(super) fn inner(&self) -> &Timed<S> {
        &self.inner
    }

    /// Calls are on time from now on.
    pub(super) fn heal(&self) {
        self.state().late.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_late(&self, verb: Verb) -> bool {
        let mut state = self.state();
        state.calls[verb as usize] += 1;
        let call = state.calls[verb as usize];
        let concerns =
            |late: &LateCalls| late.verb == verb && late.first <= call && call <= late.last;
        state.late.iter().any(concerns)
    }

    async fn call<T: Send + 'static>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        if !self.is_late(verb) {
            return call.await;
        }
        let sent = tokio::spawn(async {
            tokio::time::sleep(DELAY).await;
            call.await
        });
        let gone = |_| StoreError::InDoubt { store: "late", source: "it was shut down".into() };
        sent.await.map_err(gone)?
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Late<S> {
    fn secret(&self) -> &StoreSecret {
        self.inner.secret()
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        self.inner.issuing_secrets()
    }

    fn carries(&self, class: EffectClass) -> bool {
        self.inner.carries(class)
    }

    fn keeps_quotas(&self) -> bool {
        self.inner.keeps_quotas()
    }

    fn promise(&self) -> Option<String> {
        self.inner.promise()
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        let store = Arc::clone(&self.inner);
        self.call(Verb::Claim, async move { store.claim(id, claim).await }).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        let store = Arc::clone(&self.inner);
        self.call(Verb::Renew, async move { store.renew(id, token, lease).await }).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        let store = Arc::clone(&self.inner);
        self.call(Verb::Complete, async move { store.complete(id, token, response).await }).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        let store = Arc::clone(&self.inner);
        self.call(Verb::Release, async move { store.release(id, token, ended).await }).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Operate> Operate for Late<S> {
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        self.inner.show(id).await
    }

    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        self.inner.list(filter, from, at_most).await
    }

    async fn about_how_many(&self) -> Result<u64, StoreError> {
        self.inner.about_how_many().await
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        let store = Arc::clone(&self.inner);
        let resolving = async move { store.resolve(id, token, resolution).await };
        self.call(Verb::Resolve, resolving).await
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        let store = Arc::clone(&self.inner);
        self.call(Verb::Delete, async move { store.delete(id, token).await }).await
    }
}
