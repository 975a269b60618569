//! What a clause works with: one store, and requests to ask it with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::harness::{Harness, Stop, Time};
use crate::fingerprint::{Fingerprint, FingerprintKind, RequestParts};
use crate::identity::IdentityDigest;
use crate::policy::Quota;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, Grant, Granted, ReleaseOutcome, RenewOutcome,
};
use crate::record::{AttemptId, EffectClass, RecordedResponse, Token};
use crate::scope::{RecordId, Scope, ScopeDigest};
use crate::store::Store;

/// One store under test. Its verbs expect that the store can be asked.
pub(super) struct Trial<S> {
    pub(super) store: Arc<S>,
    pub(super) time: Time,
    made: AtomicU64,
}

impl<S: Store> Trial<S> {
    pub(super) async fn begin<H: Harness<Store = S>>(harness: &H) -> Self {
        let store = Arc::new(harness.fresh().await);
        Self { store, time: harness.time(), made: AtomicU64::new(1) }
    }

    /// The same trial after a restart.
    pub(super) async fn restarted<H: Harness<Store = S>>(self, harness: &H, stop: Stop) -> Self {
        let store = Arc::into_inner(self.store).expect("the clause gave all other handles back");
        Self { store: Arc::new(harness.restart(store, stop).await), ..self }
    }

    // --- what to ask with ---

    /// A key that was not used before.
    pub(super) fn key(&self) -> RecordId {
        RecordId::from_bytes(self.number().to_be_bytes())
    }

    /// A claim of another attempt at the same operation.
    pub(super) fn ask(&self, class: EffectClass) -> Claim {
        Claim {
            attempt: AttemptId::from_random(self.number()),
            identity: self.identity(b"alice"),
            fingerprint: self.request(FingerprintKind::Bytes, b"[1]"),
            scope: ScopeDigest::new(self.store.secret(), &Scope::default()),
            date: None,
            class,
            lease: self.time.lease(),
            retention: self.time.retention(),
            quota: Quota::default(),
        }
    }

    pub(super) fn identity(&self, who: &[u8]) -> IdentityDigest {
        IdentityDigest::new(self.store.secret(), &[Some(who)])
    }

    pub(super) fn request(&self, kind: FingerprintKind, body: &[u8]) -> Fingerprint {
        let request = RequestParts {
            method: b"POST",
            path: b"/payments",
            query: None,
            content_type: Some(b"application/json"),
            body,
        };
        Fingerprint::new(self.store.secret(), kind, &request)
    }

    fn number(&self) -> u128 {
        let number = u128::from(self.made.fetch_add(1, Ordering::Relaxed));
        // Spread over all bytes, as the digests and random numbers are that it stands for.
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }

    // --- the verbs ---

    pub(super) async fn claim(&self, id: RecordId, claim: Claim) -> ClaimOutcome {
        self.store.claim(id, claim).await.expect("a claim is answered")
    }

    /// A claim that must be granted.
    pub(super) async fn granted(&self, id: RecordId, claim: Claim) -> Grant {
        match self.claim(id, claim).await {
            ClaimOutcome::Granted(grant) => grant,
            other => panic!("the claim should be granted, and was told {other:?}"),
        }
    }

    /// The token of a first claim.
    pub(super) async fn owner(&self, id: RecordId, class: EffectClass) -> Token {
        let grant = self.granted(id, self.ask(class)).await;
        assert_eq!(grant.how, Granted::First, "a new key");
        grant.token
    }

    pub(super) async fn renew(&self, id: RecordId, token: Token, lease: Duration) -> RenewOutcome {
        self.store.renew(id, token, lease).await.expect("a renewal is answered")
    }

    pub(super) async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: &RecordedResponse,
    ) -> CompleteOutcome {
        let completed = self.store.complete(id, token, response.clone()).await;
        completed.expect("a completion is answered")
    }

    pub(super) async fn release(&self, id: RecordId, token: Token, ended: Ended) -> ReleaseOutcome {
        self.store.release(id, token, ended).await.expect("a release is answered")
    }

    // --- longer steps ---

    /// Makes the key indeterminate: its owner says that it cannot say.
    pub(super) async fn indeterminate(&self, id: RecordId) -> Token {
        let token = self.owner(id, EffectClass::Opaque).await;
        let released = self.release(id, token, Ended::EffectUnknown).await;
        assert_eq!(released, ReleaseOutcome::Indeterminate);
        token
    }

    /// Lets every lease that was given until now end.
    pub(super) async fn leases_end(&self) {
        self.time.pass(self.time.lease()).await;
    }

    /// What a retry of the same operation is told.
    pub(super) async fn retry(&self, id: RecordId, class: EffectClass) -> ClaimOutcome {
        self.claim(id, self.ask(class)).await
    }

    pub(super) async fn assert_replayed(
        &self,
        id: RecordId,
        class: EffectClass,
        answer: &RecordedResponse,
    ) {
        match self.retry(id, class).await {
            ClaimOutcome::Completed(told) => {
                assert!(told == *answer, "the answer that was recorded is given, and no other");
            }
            other => panic!("a retry is given the answer, and was told {other:?}"),
        }
    }
}

/// An answer that is like no other.
pub(super) fn answer(body: &str) -> RecordedResponse {
    RecordedResponse::of_work(body.as_bytes())
}
