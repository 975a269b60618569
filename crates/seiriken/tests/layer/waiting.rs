//! Requests of one key while the first of them is held half-way.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Response;
use seiriken::OnConcurrent;
use seiriken::http::{NotProcessed, ProblemKind};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::guarded::{Guarded, in_memory, says};

/// Two gates: the service says that it has begun, and waits until it may end.
#[derive(Clone)]
struct Gates {
    begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
}

impl Gates {
    fn new() -> Self {
        Self { begun: Arc::new(Semaphore::new(0)), may_end: Arc::new(Semaphore::new(0)) }
    }

    async fn pass(&self) {
        self.begun.add_permits(1);
        self.may_end.acquire().await.expect("open").forget();
    }

    async fn until_begun(&self) {
        soon(self.begun.acquire()).await.expect("open").forget();
    }
}

/// Fails rather than hang. Never waited for in a test that passes.
async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("it comes")
}

fn refusing() -> Response<Body> {
    let mut answer = says(400, "no");
    answer.extensions_mut().insert(NotProcessed);
    answer
}

#[tokio::test]
async fn a_request_of_a_running_key_is_refused_and_does_not_run() {
    let gates = Gates::new();
    let inside = gates.clone();
    let service = Guarded::new(&in_memory(), move |_| {
        let gates = inside.clone();
        async move {
            gates.pass().await;
            says(201, "done")
        }
    });
    let first = tokio::spawn({
        let service = service.clone();
        async move { service.post("k").await }
    });
    gates.until_begun().await;
    let second = service.post("k").await;
    second.assert_refused(ProblemKind::RequestInProgress);
    assert!(second.values("retry-after")[0].parse::<u64>().unwrap() >= 1);
    gates.may_end.add_permits(1);
    let first = first.await.unwrap();
    first.assert_executed();
    service.post("k").await.assert_replays(&first);
    assert_eq!(service.runs(), 1);
}

#[tokio::test]
async fn a_freed_key_goes_to_one_of_those_who_wait_and_the_rest_get_its_answer() {
    let gates = Gates::new();
    let inside = gates.clone();
    let layer = in_memory().on_concurrent(OnConcurrent::Wait(Duration::from_hours(1)));
    let refused_once = Arc::new(Semaphore::new(1));
    let service = Guarded::new(&layer, move |_| {
        let (gates, refused_once) = (inside.clone(), Arc::clone(&refused_once));
        async move {
            gates.pass().await;
            match refused_once.try_acquire() {
                Ok(once) => {
                    once.forget();
                    refusing()
                }
                Err(_) => says(201, "done"),
            }
        }
    });
    let mut requests = JoinSet::new();
    for _ in 0..9 {
        let service = service.clone();
        requests.spawn(async move { service.post("k").await });
    }
    // One is refused and frees the key; one of the eight that wait is run.
    gates.until_begun().await;
    gates.may_end.add_permits(1);
    gates.until_begun().await;
    assert_eq!(service.runs(), 2);
    gates.may_end.add_permits(1);

    let answers = soon(requests.join_all()).await;
    let done =
        answers.iter().find(|answer| answer.status == 201 && answer.marker() == Some("false"));
    let done = done.expect("one was run");
    let mut replays = 0;
    for answer in &answers {
        match (answer.status.as_u16(), answer.marker()) {
            (400, _) => answer.assert_not_recorded(),
            (_, Some("false")) => answer.assert_executed(),
            _ => {
                answer.assert_replays(done);
                replays += 1;
            }
        }
    }
    assert_eq!((replays, service.runs()), (7, 2));
}

#[tokio::test]
async fn no_more_than_1024_requests_wait_for_one_key() {
    let gates = Gates::new();
    let inside = gates.clone();
    let layer = in_memory().on_concurrent(OnConcurrent::Wait(Duration::from_hours(1)));
    let service = Guarded::new(&layer, move |_| {
        let gates = inside.clone();
        async move {
            gates.pass().await;
            says(201, "done")
        }
    });
    let mut requests = JoinSet::new();
    for _ in 0..1 + 1024 + 10 {
        let service = service.clone();
        requests.spawn(async move { service.post("k").await });
    }
    // Those who find no place are told so while the first one runs.
    for _ in 0..10 {
        let refused = soon(requests.join_next()).await.unwrap().unwrap();
        refused.assert_refused(ProblemKind::RequestInProgress);
    }
    gates.may_end.add_permits(1);
    let answers = soon(requests.join_all()).await;
    assert!(answers.iter().all(|answer| answer.status == 201));
    assert_eq!((answers.len(), service.runs()), (1025, 1));
}
