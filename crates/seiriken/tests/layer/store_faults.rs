//! A store that fails, as a client hears of it.

use std::sync::Arc;

use seiriken::http::{Idempotency, Identity, ProblemKind};
use seiriken::store::{Fault, FaultKind, FaultyStore, MemoryStore, Verb};

use crate::guarded::{Guarded, says};

fn failing(fault: Fault) -> (Arc<FaultyStore<MemoryStore>>, Guarded) {
    let memory = MemoryStore::new().expect("randomness");
    let store = Arc::new(FaultyStore::new(memory).with(fault));
    let layer = Idempotency::new(Arc::clone(&store), Identity::anonymous());
    (store, Guarded::answering(&layer, || says(201, "made")))
}

#[tokio::test]
async fn nothing_runs_while_the_store_cannot_be_asked() {
    let (store, service) = failing(Fault::from(Verb::Claim, 1, FaultKind::NotApplied));
    let refused = service.post("k").await;
    refused.assert_refused(ProblemKind::StoreUnavailable);
    assert_eq!(refused.values("retry-after"), ["1"]);
    assert_eq!(service.runs(), 0, "it fails closed");
    store.heal();
    service.post("k").await.assert_executed();
}

#[tokio::test]
async fn an_answer_that_is_not_durable_is_not_told_and_not_made_twice() {
    let (_, service) = failing(Fault::once(Verb::Complete, 1, FaultKind::AcknowledgementLost));
    let pending = service.post("k").await;
    pending.assert_refused(ProblemKind::OutcomePending);
    assert_eq!(pending.values("retry-after"), ["1"]);
    assert!(!String::from_utf8_lossy(&pending.body).contains("made"));
    let retry = service.post("k").await;
    assert_eq!((retry.marker(), &retry.body[..]), (Some("true"), &b"made"[..]));
    assert_eq!(service.runs(), 1);
}
