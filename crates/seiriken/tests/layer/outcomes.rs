//! Which answers are recorded, which free the key, and which leave it unknown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use axum::body::Body;
use http::Response;
use seiriken::http::{Idempotency, NotProcessed, ProblemKind, Recording};
use seiriken::store::MemoryStore;

use crate::guarded::{Guarded, in_memory, says};

type Layer = Idempotency<Arc<MemoryStore>>;

/// The two classes that a memory store carries.
fn both_classes() -> [Layer; 2] {
    [in_memory(), in_memory().keyed()]
}

const NOT_PROCESSED: [u16; 6] = [401, 405, 413, 415, 425, 429];
const UNKNOWN: [u16; 3] = [408, 502, 504];

#[tokio::test]
async fn every_answer_that_says_what_happened_is_recorded() {
    for layer in both_classes() {
        for status in
            [200, 201, 202, 204, 301, 303, 304, 400, 402, 403, 404, 409, 410, 422, 500, 501, 503]
        {
            let service = Guarded::answering(&layer, move || says(status, ""));
            let key = status.to_string();
            let first = service.post(&key).await;
            first.assert_executed();
            assert_eq!(first.status, status);
            for _ in 0..2 {
                service.post(&key).await.assert_replays(&first);
            }
            assert_eq!(service.runs(), 1, "{status}");
        }
    }
}

#[tokio::test]
async fn a_redirection_is_replayed_with_its_location() {
    let service = Guarded::answering(&in_memory(), || {
        let answer = Response::builder().status(303).header("Location", "/orders/1");
        answer.body(Body::from("see there")).expect("a response")
    });
    let first = service.post("k").await;
    let retried = service.post("k").await;
    retried.assert_replays(&first);
    assert_eq!((retried.status.as_u16(), retried.values("location")), (303, vec!["/orders/1"]));
}

/// A service whose answer's status the test sets between two requests.
fn switchable(layer: &Layer, first: u16) -> (Guarded, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(first));
    let read = Arc::clone(&status);
    let service = Guarded::answering(layer, move || says(read.load(Ordering::SeqCst), "answer"));
    (service, status)
}

#[tokio::test]
async fn an_answer_that_says_that_nothing_was_processed_frees_the_key() {
    for layer in both_classes() {
        for status in NOT_PROCESSED {
            let (service, says) = switchable(&layer, status);
            let key = status.to_string();
            for runs in 1..=2 {
                let refused = service.post(&key).await;
                refused.assert_not_recorded();
                assert_eq!((refused.status.as_u16(), service.runs()), (status, runs));
            }
            says.store(201, Ordering::SeqCst);
            let done = service.post(&key).await;
            done.assert_executed();
            service.post(&key).await.assert_replays(&done);
        }
    }
}

#[tokio::test]
async fn a_service_whose_statuses_mean_something_else_has_them_all_recorded() {
    let layer = in_memory().record_all();
    for status in NOT_PROCESSED {
        let service = Guarded::answering(&layer, move || says(status, "done after all"));
        let first = service.post(&status.to_string()).await;
        first.assert_executed();
        service.post(&status.to_string()).await.assert_replays(&first);
        assert_eq!(service.runs(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_service_may_have_a_rule_of_its_own() {
    let layer = in_memory().recording(|answer| match answer.status.as_u16() {
        503 => Some(Recording::NotProcessed),
        202 => Some(Recording::Unknown),
        504 => Some(Recording::Record),
        _ => None,
    });
    let (service, says) = switchable(&layer, 503);
    service.post("freed").await.assert_not_recorded();
    says.store(201, Ordering::SeqCst);
    service.post("freed").await.assert_executed();
    says.store(202, Ordering::SeqCst);
    service.post("unknown").await.assert_not_definite();
    service.post("unknown").await.assert_refused(ProblemKind::OutcomeUnknown);
    says.store(504, Ordering::SeqCst);
    let first = service.post("recorded").await;
    first.assert_executed();
    service.post("recorded").await.assert_replays(&first);
    says.store(429, Ordering::SeqCst);
    service.post("usual").await.assert_not_recorded();
}

#[tokio::test]
async fn an_answer_that_cannot_say_is_passed_on_once_and_never_run_again() {
    for layer in [in_memory(), in_memory().record_all()] {
        for status in UNKNOWN {
            let (service, says) = switchable(&layer, status);
            let key = status.to_string();
            let first = service.post(&key).await;
            first.assert_not_definite();
            assert_eq!((first.status.as_u16(), &first.body[..]), (status, &b"answer"[..]));
            says.store(201, Ordering::SeqCst);
            for _ in 0..2 {
                service.post(&key).await.assert_refused(ProblemKind::OutcomeUnknown);
            }
            assert_eq!(service.runs(), 1, "{status}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_cannot_say_is_run_again_where_that_is_safe() {
    let layer = in_memory().keyed();
    for status in UNKNOWN {
        let (service, says) = switchable(&layer, status);
        let key = status.to_string();
        service.post(&key).await.assert_not_definite();
        says.store(201, Ordering::SeqCst);
        let second = service.post(&key).await;
        second.assert_executed();
        service.post(&key).await.assert_replays(&second);
        assert_eq!(service.runs(), 2, "{status}");
    }
}

#[tokio::test]
async fn a_handler_that_says_that_it_did_nothing_is_believed() {
    for status in [200, 400, 404, 500, 503, 504] {
        let service = Guarded::answering(&in_memory(), move || {
            let mut answer = says(status, "nothing was done");
            answer.extensions_mut().insert(NotProcessed);
            answer
        });
        for runs in 1..=2 {
            let answer = service.post("k").await;
            answer.assert_not_recorded();
            assert_eq!((answer.status.as_u16(), service.runs()), (status, runs));
        }
    }
}

#[tokio::test]
async fn a_panic_leaves_the_outcome_unknown_unless_running_again_is_safe() {
    let panicking = |layer: &Layer| {
        Guarded::new(layer, |_| async { panic!("on purpose: half-way through the work") })
    };
    let opaque = panicking(&in_memory());
    for _ in 0..2 {
        opaque.post("k").await.assert_refused(ProblemKind::OutcomeUnknown);
    }
    assert_eq!(opaque.runs(), 1);

    let keyed = panicking(&in_memory().keyed());
    for runs in 1..=2 {
        keyed.post("k").await.assert_refused(ProblemKind::ExecutionFailed);
        assert_eq!(keyed.runs(), runs);
    }
}

#[tokio::test]
async fn a_panic_before_the_first_await_is_caught_too() {
    let service = Guarded::answering(&in_memory(), || panic!("on purpose: in the call itself"));
    service.post("k").await.assert_refused(ProblemKind::OutcomeUnknown);
    service.post("k").await.assert_refused(ProblemKind::OutcomeUnknown);
    assert_eq!(service.runs(), 1);
}
