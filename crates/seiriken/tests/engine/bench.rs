//! Stores to run on, and operations to run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::poll_fn;
use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::engine::{Decision, Engine, Operation};
use seiriken::record::{EffectClass, RecordedResponse};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Store};
use seiriken::{
    Fingerprint, FingerprintKind, IdentityDigest, OnConcurrent, Policy, RecordId, RequestParts,
    ScopeDigest,
};
use tempfile::TempDir;

use super::hooked::Hooked;

/// A store, whatever it needs to exist, and the hooks at its verbs.
pub(super) struct Bench<S> {
    pub(super) store: Arc<Hooked<S>>,
    clock: Arc<ManualClock>,
    _folder: Option<TempDir>,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

pub(super) fn memory() -> Bench<MemoryStore> {
    let clock = clock();
    let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("the system has randomness");
    Bench { store: Arc::new(Hooked::new(store)), clock, _folder: None }
}

pub(super) async fn sqlite() -> Bench<SqliteStore> {
    let folder = TempDir::new().expect("a folder for the file");
    let path = folder.path().join("test.db");
    let clock = clock();
    let opening = SqliteStore::open_with_clock(path, Arc::clone(&clock));
    let store = opening.await.expect("the file is opened");
    Bench { store: Arc::new(Hooked::new(store)), clock, _folder: Some(folder) }
}

/// Runs a test on both stores: `async fn name<S: Store>(bench: Bench<S>)`.
macro_rules! on_both_stores {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[tokio::test(start_paused = true)]
            async fn memory() {
                crate::bench::to_its_end(super::$name(crate::bench::memory())).await;
            }

            #[tokio::test(start_paused = true)]
            async fn sqlite() {
                crate::bench::to_its_end(super::$name(crate::bench::sqlite().await)).await;
            }
        })+
    };
}
pub(super) use on_both_stores;

/// A test in which everybody waits for somebody fails, at once where time is paused.
pub(super) async fn to_its_end<F: Future>(test: F) -> F::Output {
    tokio::time::timeout(Duration::from_hours(1000), test)
        .await
        .expect("everybody waits for somebody")
}

impl<S: Store> Bench<S> {
    pub(super) fn engine(&self, class: EffectClass) -> Engine<Arc<Hooked<S>>> {
        self.engine_that(class, OnConcurrent::Reject)
    }

    pub(super) fn engine_that(
        &self,
        class: EffectClass,
        on_concurrent: OnConcurrent,
    ) -> Engine<Arc<Hooked<S>>> {
        Engine::new(Arc::clone(&self.store), policy(class, on_concurrent)).expect("a good policy")
    }

    /// Lets time pass, for the store and for the runtime, in steps short enough for whoever waits
    /// for it to be on time.
    pub(super) async fn pass(&self, span: Duration) {
        let step = Duration::from_millis(500);
        let end = self.clock.now().after(span);
        while self.clock.now() < end {
            self.clock.advance(step);
            tokio::time::advance(step).await;
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// The classes that the store carries.
    pub(super) fn classes(&self) -> Vec<EffectClass> {
        let all = [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque];
        all.into_iter().filter(|class| self.store.carries(*class)).collect()
    }
}

pub(super) fn policy(class: EffectClass, on_concurrent: OnConcurrent) -> Policy {
    let mut policy = Policy::default();
    policy.class = class;
    policy.on_concurrent = on_concurrent;
    policy
}

pub(super) fn answer(body: &str) -> RecordedResponse {
    RecordedResponse::of_work(body.as_bytes())
}

/// Alice's operation under this key.
pub(super) fn operation<S: Store>(
    store: &S,
    key: u128,
) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + Send + use<S>> {
    request(store, key, "alice", FingerprintKind::Bytes, br#"{"a":1}"#)
}

/// Somebody's request under this key.
pub(super) fn request<S: Store>(
    store: &S,
    key: u128,
    who: &str,
    kind: FingerprintKind,
    body: &'static [u8],
) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + Send + use<S>> {
    let secret = store.secret().clone();
    Operation {
        id: RecordId::from_bytes(key.to_be_bytes()),
        identity: IdentityDigest::new(&secret, &[Some(who.as_bytes())]),
        scope: ScopeDigest::from_bytes([0; 8]),
        date: None,
        kind,
        fingerprint: move |kind| {
            let request = RequestParts {
                method: b"POST",
                path: b"/payments",
                query: None,
                content_type: Some(b"application/json"),
                body,
            };
            Fingerprint::new(&secret, kind, &request)
        },
    }
}

/// How often the work ran.
#[derive(Debug, Clone, Default)]
pub(super) struct Runs(Arc<AtomicU32>);

impl Runs {
    pub(super) fn one_more(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(super) fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The answer that was given now or earlier.
pub(super) fn answered<T: std::fmt::Debug>(decision: Decision<T>) -> RecordedResponse {
    match decision {
        Decision::Executed { response, .. } | Decision::Replayed(response) => response,
        other => panic!("there should be an answer, and it is {other:?}"),
    }
}

/// Polls a future so many times, whenever it asks to be polled, and drops it. Answers whether it
/// had come to its end by then.
pub(super) async fn polled<F: Future>(times: usize, future: F) -> bool {
    let mut future = std::pin::pin!(future);
    let mut left = times;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if left == 0 => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
