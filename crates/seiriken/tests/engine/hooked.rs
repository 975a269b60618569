//! A store with hooks: it loses acknowledgements, fails, waits, and counts, as a test says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use seiriken::record::{EffectClass, RecordedResponse, Token};
use seiriken::store::{Store, StoreError};
use seiriken::{IssuingSecrets, RecordId, StoreSecret};
use tokio::sync::Semaphore;

/// What happens to the next verbs of one kind.
#[derive(Debug, Default)]
pub(super) struct Hook {
    /// So many are not applied.
    pub(super) not_applied: AtomicU32,
    /// So many are applied, and their acknowledgements are lost.
    pub(super) ack_lost: AtomicU32,
    /// How many came here, and how many were answered by the store behind.
    pub(super) asked: AtomicU32,
    pub(super) answered: AtomicU32,
    /// While it is closed nobody is told what the store answered.
    gate: Mutex<Option<std::sync::Arc<Semaphore>>>,
}

#[derive(Debug)]
pub(super) struct Hooked<S> {
    pub(super) inner: S,
    pub(super) claim: Hook,
    pub(super) renew: Hook,
    pub(super) complete: Hook,
    pub(super) release: Hook,
}

impl Hook {
    /// Holds back what the store answers from now on, until the semaphore gives permits.
    pub(super) fn close_gate(&self) -> std::sync::Arc<Semaphore> {
        let gate = std::sync::Arc::new(Semaphore::new(0));
        *self.gate.lock().expect("no panic holds it") = Some(std::sync::Arc::clone(&gate));
        gate
    }

    /// Lets everybody pass who comes from now on.
    pub(super) fn open_gate(&self) {
        *self.gate.lock().expect("no panic holds it") = None;
    }

    pub(super) fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Waits until the store behind has answered so many.
    pub(super) async fn answered(&self, count: u32) {
        while self.answered.load(Ordering::SeqCst) < count {
            tokio::task::yield_now().await;
        }
    }

    async fn around<O>(
        &self,
        verb: impl Future<Output = Result<O, StoreError>>,
    ) -> Result<O, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        // As a store far away: its caller is polled more than once.
        tokio::task::yield_now().await;
        if take_one(&self.not_applied) {
            return Err(StoreError::NotApplied {
                store: "hooked",
                source: "as the test says".into(),
            });
        }
        let told = time_stands_still(verb).await;
        let gate = self.gate.lock().expect("no panic holds it").clone();
        self.answered.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = gate {
            gate.acquire().await.expect("the gate is not thrown away").forget();
        }
        tokio::task::yield_now().await;
        if take_one(&self.ack_lost) {
            return Err(StoreError::InDoubt { store: "hooked", source: "as the test says".into() });
        }
        told
    }
}

/// A paused runtime that has nothing to do lets time jump. While a thread of the store is busy,
/// there is something to do: the runtime sees it by a thread of its own that waits along.
async fn time_stands_still<V: Future>(verb: V) -> V::Output {
    let (ended, wait) = std::sync::mpsc::channel::<()>();
    tokio::task::spawn_blocking(move || wait.recv());
    let output = verb.await;
    drop(ended);
    output
}

fn take_one(left: &AtomicU32) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl<S> Hooked<S> {
    pub(super) fn new(inner: S) -> Self {
        let hook = Hook::default;
        Self { inner, claim: hook(), renew: hook(), complete: hook(), release: hook() }
    }
}

impl<S: Store> Store for Hooked<S> {
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

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.claim.around(self.inner.claim(id, claim)).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.renew.around(self.inner.renew(id, token, lease)).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.complete.around(self.inner.complete(id, token, response)).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.release.around(self.inner.release(id, token, ended)).await
    }
}
