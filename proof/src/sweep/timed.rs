//! A store that goes by the runtime's clock: where time is paused, leases end as soon as nobody has
//! anything left to do but wait for that.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, DeleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
    Resolution, ResolveOutcome,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, Token};
use seiriken::store::{Cursor, Filter, Operate, Page, Store, StoreError};
use seiriken::{IssuingSecrets, RecordId, StoreSecret};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::Instant;

use super::forgets::Forgets;
use super::there::There;

/// A store and the clock that it was made with.
#[derive(Debug)]
pub(super) struct Timed<S> {
    inner: S,
    clock: Arc<ManualClock>,
    /// Where its connections are, if it has some.
    runtime: Option<Handle>,
    point: Mutex<Option<Point>>,
}

/// The point that is run at the moment: its runtime, and what the clock showed when it began.
#[derive(Debug, Clone)]
struct Point {
    runtime: Handle,
    began: Instant,
    at: Timestamp,
}

impl<S> Timed<S> {
    pub(super) fn new(inner: S, clock: Arc<ManualClock>) -> Self {
        Self { inner, clock, runtime: None, point: Mutex::default() }
    }

    /// A store whose connections are on this runtime.
    pub(super) fn on_a_runtime(inner: S, clock: Arc<ManualClock>, runtime: &Handle) -> Self {
        Self { runtime: Some(runtime.clone()), ..Self::new(inner, clock) }
    }

    /// A new point begins, on the runtime that this is called in.
    pub(super) fn begin(&self) {
        self.clock.advance(Duration::from_secs(1));
        let at = self.clock.now();
        let point = Point { runtime: Handle::current(), began: Instant::now(), at };
        *self.point.lock().unwrap_or_else(PoisonError::into_inner) = Some(point);
    }

    /// Sets the clock to what it is now. A process that has been stopped has a clock of its own,
    /// and asks this store all the same.
    pub(super) fn now(&self) -> Timestamp {
        let Some(point) = self.point() else { return self.clock.now() };
        let _here = point.runtime.enter();
        let now = point.at.after(point.began.elapsed());
        self.clock.set(now);
        now
    }

    fn point(&self) -> Option<Point> {
        self.point.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// As a store far away: its caller is polled more than once.
    async fn verb<V: Future>(&self, verb: V) -> V::Output {
        yield_now().await;
        self.now();
        let told = self.time_stands_still(There::new(self.runtime.clone(), verb)).await;
        yield_now().await;
        told
    }

    /// A paused runtime that has nothing to do lets time jump. While a thread of the store is busy,
    /// or a server, there is something to do: the runtime sees it by a thread of its own that waits
    /// along.
    async fn time_stands_still<V: Future>(&self, verb: V) -> V::Output {
        let mut verb = pin!(verb);
        if let Poll::Ready(told) = poll!(&mut verb) {
            return told;
        }
        let (ended, wait) = std::sync::mpsc::channel::<()>();
        if let Some(point) = self.point() {
            point.runtime.spawn_blocking(move || wait.recv());
        }
        let told = verb.await;
        drop(ended);
        told
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Store> Store for Timed<S> {
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
        self.verb(self.inner.claim(id, claim)).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.verb(self.inner.renew(id, token, lease)).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.verb(self.inner.complete(id, token, response)).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.verb(self.inner.release(id, token, ended)).await
    }
}

impl<S: Forgets> Forgets for Timed<S> {
    async fn forget(&self) -> Result<(), StoreError> {
        self.verb(self.inner.forget()).await
    }
}

#[deny(clippy::missing_trait_methods)]
impl<S: Operate> Operate for Timed<S> {
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        self.verb(self.inner.show(id)).await
    }

    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        self.verb(self.inner.list(filter, from, at_most)).await
    }

    async fn about_how_many(&self) -> Result<u64, StoreError> {
        self.verb(self.inner.about_how_many()).await
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        self.verb(self.inner.resolve(id, token, resolution)).await
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        self.verb(self.inner.delete(id, token)).await
    }
}
