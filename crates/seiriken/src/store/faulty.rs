//! A store that fails on purpose, for the tests of everything that stands on a store.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Cursor, Filter, Operate, Page, Store, StoreError};
use crate::issuing::IssuingSecrets;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Resolution, ResolveOutcome,
};
use crate::record::{EffectClass, Record, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::secret::StoreSecret;

/// Hands every verb on to another store, except where a [`Fault`] says otherwise. What a person only
/// looks at never fails.
///
/// ```
/// use std::sync::Arc;
///
/// use seiriken::store::{Fault, FaultKind, FaultyStore, MemoryStore, Verb};
///
/// // The second completion is applied, and nobody hears of it.
/// let memory = Arc::new(MemoryStore::new()?);
/// let store = FaultyStore::new(memory)
///     .with(Fault::once(Verb::Complete, 2, FaultKind::AcknowledgementLost));
/// # let _ = store;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct FaultyStore<S> {
    inner: S,
    faults: Mutex<Vec<Fault>>,
    calls: [AtomicU64; 6],
}

/// A verb of the store contract, or one of those by which a person changes a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// [`Store::claim`]
    Claim,
    /// [`Store::renew`]
    Renew,
    /// [`Store::complete`]
    Complete,
    /// [`Store::release`]
    Release,
    /// [`Operate::resolve`]
    Resolve,
    /// [`Operate::delete`]
    Delete,
}

/// Which calls fail, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    verb: Verb,
    first: u64,
    last: u64,
    kind: FaultKind,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It is not applied, and says so.
    NotApplied,
    /// It is applied, and the caller hears that it may have been.
    AcknowledgementLost,
    /// It is applied after this long: past a lease, say.
    Delayed(Duration),
    /// It is never applied and never answers.
    Hung,
}

impl Fault {
    /// The `n`-th call of the verb, 1 for the first.
    pub fn once(verb: Verb, n: u64, kind: FaultKind) -> Self {
        Self { verb, first: n, last: n, kind }
    }

    /// The `n`-th call of the verb and every later one.
    pub fn from(verb: Verb, n: u64, kind: FaultKind) -> Self {
        Self { verb, first: n, last: u64::MAX, kind }
    }

    fn concerns(&self, verb: Verb, call: u64) -> bool {
        self.verb == verb && (self.first..=self.last).contains(&call)
    }
}

impl<S> FaultyStore<S> {
    /// Without a fault, so far.
    pub fn new(inner: S) -> Self {
        Self { inner, faults: Mutex::default(), calls: Default::default() }
    }

    /// With one fault more. Where several concern a call, the first one counts.
    #[must_use]
    pub fn with(self, fault: Fault) -> Self {
        self.fail(fault);
        self
    }

    /// Adds a fault to a store in use.
    pub fn fail(&self, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Ends all faults. Calls that hang go on hanging.
    pub fn heal(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How often the verb has been called, faults included.
    pub fn calls(&self, verb: Verb) -> u64 {
        self.calls[verb as usize].load(Ordering::SeqCst)
    }

    /// The store behind it.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    async fn call<T>(
        &self,
        verb: Verb,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let number = self.calls[verb as usize].fetch_add(1, Ordering::SeqCst) + 1;
        match self.kind(verb, number) {
            None => call.await,
            Some(FaultKind::NotApplied) => {
                Err(StoreError::NotApplied { store: "faulty", source: "on purpose".into() })
            }
            Some(FaultKind::AcknowledgementLost) => {
                call.await?;
                Err(StoreError::InDoubt { store: "faulty", source: "on purpose".into() })
            }
            Some(FaultKind::Delayed(delay)) => {
                tokio::time::sleep(delay).await;
                call.await
            }
            Some(FaultKind::Hung) => std::future::pending().await,
        }
    }

    fn kind(&self, verb: Verb, call: u64) -> Option<FaultKind> {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().find(|fault| fault.concerns(verb, call)).map(|fault| fault.kind)
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for FaultyStore<S> {
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
        self.call(Verb::Claim, self.inner.claim(id, claim)).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.call(Verb::Renew, self.inner.renew(id, token, lease)).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.call(Verb::Complete, self.inner.complete(id, token, response)).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.call(Verb::Release, self.inner.release(id, token, ended)).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Operate> Operate for FaultyStore<S> {
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
        self.call(Verb::Resolve, self.inner.resolve(id, token, resolution)).await
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        self.call(Verb::Delete, self.inner.delete(id, token)).await
    }
}
