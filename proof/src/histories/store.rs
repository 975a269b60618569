//! The store as a process sees it: the shipped store in memory, at the other end of a network that
//! loses, delays and repeats.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use seiriken::engine::{CommitFailed, CommitState};
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, ReleaseOutcome, RenewOutcome,
};
use seiriken::record::{EffectClass, RecordedResponse, Token};
use seiriken::store::{MemoryStore, Store, StoreError};
use seiriken::{IssuingSecrets, RecordId, StoreSecret};
use tokio::time::sleep;

use super::mark::Mark;
use super::plan::StoreFate;
use super::world::{Node, World};

/// One life of one process's way to the store.
#[derive(Debug, Clone)]
pub(super) struct RemoteStore {
    world: Arc<World>,
    node: Node,
    secret: StoreSecret,
    issuing: Arc<IssuingSecrets>,
}

/// So long a caller waits for an answer that got lost.
const LOST_AFTER: Duration = Duration::from_millis(400);

impl RemoteStore {
    pub(super) fn new(world: &Arc<World>, node: Node) -> Self {
        let secret = StoreSecret::from_bytes([7; 32]);
        let issuing = Arc::new(IssuingSecrets::derived_from(&secret));
        Self { world: Arc::clone(world), node, secret, issuing }
    }

    /// One call: there, applied in one moment, and back, unless the plan says otherwise.
    async fn call<T: Send + 'static>(
        &self,
        id: RecordId,
        is_commit: bool,
        apply: impl Fn(&World, &MemoryStore) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let world = &self.world;
        world.gate(self.node).await;
        let (call, may_fail) = world.next_call();
        let fate = world.plan.store_fate(call).filter(|fate| {
            // No driver sends a transaction a second time.
            may_fail && !(is_commit && matches!(fate, StoreFate::Twice(_)))
        });
        if fate.is_some() {
            world.judge().disturbed(self.node, id);
        }
        world.way(&[call, 1]).await;
        let answer = match fate {
            None => Ok(apply(world, &world.store())),
            Some(StoreFate::NotApplied) => Err(not_applied()),
            Some(StoreFate::Lost | StoreFate::Hung) if is_commit => {
                sleep(LOST_AFTER).await;
                Err(in_doubt())
            }
            Some(StoreFate::Lost) => {
                sleep(LOST_AFTER).await;
                Err(in_doubt())
            }
            Some(StoreFate::AckLost) => {
                apply(world, &world.store());
                world.judge().mark(Mark::AckLost);
                sleep(LOST_AFTER).await;
                Err(in_doubt())
            }
            Some(StoreFate::Late(by)) => {
                self.later(by, apply);
                Err(in_doubt())
            }
            Some(StoreFate::Slow(by)) => {
                sleep(Duration::from_millis(by)).await;
                Ok(apply(world, &world.store()))
            }
            Some(StoreFate::Twice(by)) => {
                let answer = apply(world, &world.store());
                self.later(by, apply);
                Ok(answer)
            }
            Some(StoreFate::Hung) => return std::future::pending().await,
        };
        world.way(&[call, 2]).await;
        world.gate(self.node).await;
        answer
    }

    fn later<T: Send + 'static>(
        &self,
        by: u64,
        apply: impl Fn(&World, &MemoryStore) -> T + Send + 'static,
    ) {
        let world = Arc::clone(&self.world);
        let store = world.store();
        tokio::spawn(async move {
            sleep(Duration::from_millis(by)).await;
            // A store that is gone takes nothing any more.
            if Arc::ptr_eq(&store, &world.store()) {
                apply(&world, &store);
            }
        });
    }

    /// Commits the effect of an execution together with its answer.
    pub(super) async fn commit(
        self,
        id: RecordId,
        token: Token,
        execution: u64,
        response: RecordedResponse,
    ) -> CommitState {
        let answer = response.clone();
        let committed = self
            .call(id, true, move |world, store| {
                let told = now(store.complete(id, token, response.clone()));
                if told == CompleteOutcome::Recorded {
                    let mut judge = world.judge();
                    judge.recorded(id, &response, world.now());
                    judge.effect(execution);
                }
                told
            })
            .await;
        CommitState::Failed(match committed {
            Ok(CompleteOutcome::Recorded) => return CommitState::Committed(answer),
            Ok(CompleteOutcome::Stale(_)) => CommitFailed::LeaseLost,
            Err(error) if error.may_have_been_applied() => CommitFailed::InDoubt,
            Err(_) => CommitFailed::NotApplied,
        })
    }
}

impl Store for RemoteStore {
    fn secret(&self) -> &StoreSecret {
        &self.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.issuing
    }

    fn carries(&self, _: EffectClass) -> bool {
        true
    }

    fn keeps_quotas(&self) -> bool {
        true
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        #[cfg(seiriken_proof)]
        if seiriken::planted::planted(seiriken::planted::Mistake::ClaimsInTwoSteps) {
            let write = self.world.store().read_for_claim(id, &claim);
            sleep(Duration::from_millis(2)).await;
            let told = write(&self.world.store());
            self.world.judge().claimed(id, self.node, &claim, &told);
            return Ok(told);
        }
        let node = self.node;
        self.call(id, false, move |world, store| {
            let told = now(store.claim(id, claim));
            world.judge().claimed(id, node, &claim, &told);
            told
        })
        .await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.call(id, false, move |world, store| {
            let told = now(store.renew(id, token, lease));
            if told == RenewOutcome::Renewed {
                world.judge().mark(Mark::Renewed);
            }
            told
        })
        .await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.call(id, false, move |world, store| {
            let told = now(store.complete(id, token, response.clone()));
            let mut judge = world.judge();
            match told {
                CompleteOutcome::Recorded => judge.recorded(id, &response, world.now()),
                CompleteOutcome::Stale(_) => judge.mark(Mark::StaleRefused),
            }
            told
        })
        .await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.call(id, false, move |world, store| {
            let told = now(store.release(id, token, ended));
            world.judge().released(id, told);
            told
        })
        .await
    }
}

/// How a grant is counted.
pub(super) fn mark_of(how: Granted) -> Mark {
    match how {
        Granted::First => Mark::Granted,
        Granted::Yours => Mark::Yours,
        Granted::TakenOver => Mark::TakenOver,
    }
}

/// The store in memory answers at once.
pub(super) fn now<T>(answer: impl Future<Output = Result<T, StoreError>>) -> T {
    let answer = answer.now_or_never().expect("the store in memory never waits");
    answer.expect("the store in memory never fails")
}

fn not_applied() -> StoreError {
    StoreError::NotApplied { store: "simulated", source: "by the plan".into() }
}

fn in_doubt() -> StoreError {
    StoreError::InDoubt { store: "simulated", source: "by the plan".into() }
}
