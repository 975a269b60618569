//! One key that a thousand requests wait for: what that costs the store. In this process, without
//! HTTP: what is counted is what the store is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use seiriken::IssuingSecrets;
use seiriken::engine::{Decision, Ending, Engine, Operation};
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use seiriken::record::{EffectClass, RecordedResponse, Token};
use seiriken::store::{MemoryStore, Store, StoreError};
use seiriken::{IdempotencyKey, KeySyntax, OnConcurrent, Policy, RecordId, Scope, StoreSecret};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::failure::{Failure, While};
use crate::spread::number;

/// What waiting cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// Claims until everybody waited, the owner's included.
    pub(super) claims: f64,
    /// Claims each second from then on.
    pub(super) polls_per_s: f64,
}

/// Longer than all of this takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Where the owner is that everybody waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    SameNode,
    /// On the same store, told of by nobody.
    OtherNode,
}

/// Lets so many requests wait for one key, and counts what the store is asked, for so long.
pub(super) async fn waited_for(
    waiters: usize,
    owner: Owner,
    watched: Duration,
) -> Result<Cost, Failure> {
    let store = Arc::new(Counting {
        store: MemoryStore::new().while_doing("making a store")?,
        claims: AtomicU64::new(0),
    });
    let node = || {
        let mut policy = Policy::default();
        policy.on_concurrent = OnConcurrent::Wait(PATIENCE);
        Engine::new(Arc::clone(&store), policy).while_doing("making an engine")
    };
    let first = node()?;
    let waiting_node = if owner == Owner::SameNode { first.clone() } else { node()? };
    let (running, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let mut requests = JoinSet::new();
    requests.spawn(first.run(operation(&store)?, {
        let (running, go_on) = (Arc::clone(&running), Arc::clone(&go_on));
        move |_| async move {
            running.notify_one();
            go_on.notified().await;
            answer()
        }
    }));
    running.notified().await;
    for _ in 0..waiters {
        let operation = operation(&store)?;
        // Nobody else may run it: an answer of another kind would be a second effect.
        requests.spawn(waiting_node.run(operation, |_| async { Ending::NotProcessed(()) }));
    }
    // On one thread: whoever can go on has gone on, to the store and back, when it is our turn.
    for _ in 0..waiters {
        tokio::task::yield_now().await;
    }
    let arrived = store.claims.load(Ordering::Relaxed);
    tokio::time::sleep(watched).await;
    let polled = store.claims.load(Ordering::Relaxed) - arrived;
    go_on.notify_one();
    let mut executed = 0;
    while let Some(ended) = requests.join_next().await {
        match ended.while_doing("waiting for a key")? {
            Decision::Executed { .. } => executed += 1,
            Decision::Replayed(_) => {}
            other => return Err(Failure::new(format!("one who waited: {}", other.name()))),
        }
    }
    if executed != 1 {
        return Err(Failure::new(format!("{executed} executions of one key")));
    }
    let polls_per_s = number(polled) / watched.as_secs_f64();
    Ok(Cost { claims: number(arrived), polls_per_s })
}

fn operation(
    store: &Counting,
) -> Result<
    Operation<impl Fn(seiriken::FingerprintKind) -> seiriken::Fingerprint + Send + use<>>,
    Failure,
> {
    let key = IdempotencyKey::parse(b"a-key-that-all-want", KeySyntax::Lenient);
    let key = key.while_doing("making a key")?;
    Ok(Operation::of_work(store.secret(), &Scope::new("hot"), &key, "work", b"the same"))
}

fn answer() -> Ending<()> {
    match RecordedResponse::new(201, &[], &[], b"done") {
        Ok(response) => Ending::Answered(response, ()),
        Err(_) => Ending::Unknown(()),
    }
}

/// A memory store that counts claims.
#[derive(Debug)]
struct Counting {
    store: MemoryStore,
    claims: AtomicU64,
}

#[deny(clippy::missing_trait_methods)]
impl Store for Counting {
    fn secret(&self) -> &StoreSecret {
        self.store.secret()
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        self.store.issuing_secrets()
    }

    fn carries(&self, class: EffectClass) -> bool {
        self.store.carries(class)
    }

    fn keeps_quotas(&self) -> bool {
        self.store.keeps_quotas()
    }

    fn promise(&self) -> Option<String> {
        self.store.promise()
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.claims.fetch_add(1, Ordering::Relaxed);
        self.store.claim(id, claim).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.store.renew(id, token, lease).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.store.complete(id, token, response).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.store.release(id, token, ended).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATCHED: Duration = Duration::from_millis(600);

    #[tokio::test]
    async fn all_who_wait_get_the_one_answer_and_every_claim_is_counted() {
        let cost = waited_for(10, Owner::SameNode, WATCHED).await.unwrap();
        assert!(cost.claims >= 1.0, "{cost:?}");
        // Nobody tells another node: it can only ask.
        let cost = waited_for(10, Owner::OtherNode, WATCHED).await.unwrap();
        assert!(cost.claims >= 2.0 && cost.polls_per_s > 0.0, "{cost:?}");
    }
}
