//! Timeout layers, outside and inside.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use http::{Request, Response};
use seiriken::http::{Once, ProblemKind, Reason};
use seiriken::store::sqlite::SqliteStore;
use tokio::sync::Semaphore;
use tower::timeout::TimeoutLayer;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt};

use crate::guarded::{Answer, in_memory, post, says};
use crate::shelf::{Shelf, put};

const SHORT: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_mins(1);

type Timed = BoxCloneSyncService<Request<Body>, Response<Body>, BoxError>;

async fn call(service: &Timed, key: &str) -> Result<Answer, BoxError> {
    let answer = service.clone().oneshot(post(key)).await?;
    Ok(Answer::read(answer).await)
}

#[tokio::test]
async fn a_timeout_outside_cuts_off_the_caller_and_not_the_work() {
    let (layer, runs) = (in_memory().layer(), Arc::new(AtomicUsize::new(0)));
    let may_end = Arc::new(Semaphore::new(0));
    let (counted, gate) = (Arc::clone(&runs), Arc::clone(&may_end));
    let guarded = layer.layer(tower::service_fn(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let gate = Arc::clone(&gate);
        async move {
            gate.acquire().await.expect("open").forget();
            Ok::<_, Infallible>(says(201, "done"))
        }
    }));
    let guarded = guarded.map_response(|answer: Response<_>| answer.map(Body::new));
    let service = Timed::new(TimeoutLayer::new(SHORT).layer(guarded));

    call(&service, "k").await.expect_err("it takes too long");
    may_end.add_permits(1);
    assert!(layer.engine().drain(PATIENCE).await);
    let retried = call(&service, "k").await.expect("it is there already");
    assert_eq!((retried.status.as_u16(), retried.reason), (201, Some(Reason::Replayed)));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_timeout_inside_leaves_the_outcome_unknown_unless_running_again_is_safe() {
    for (idempotency, class) in [(in_memory(), "opaque"), (in_memory().keyed(), "keyed")] {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let handler = tower::service_fn(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<Result<Response<Body>, Infallible>>()
        });
        let inner = TimeoutLayer::new(SHORT).layer(handler);
        let service = idempotency.layer().layer(inner);
        let service = service.map_response(|answer: Response<_>| answer.map(Body::new));
        let service = Timed::new(service);
        call(&service, "k").await.expect_err("the timeout's own error goes to the first caller");
        if class == "opaque" {
            let retried = call(&service, "k").await.expect("an answer");
            retried.assert_refused(ProblemKind::OutcomeUnknown);
            assert_eq!(runs.load(Ordering::SeqCst), 1);
        } else {
            call(&service, "k").await.expect_err("it takes too long again");
            assert_eq!(runs.load(Ordering::SeqCst), 2);
        }
    }
}

#[tokio::test]
async fn a_timeout_inside_after_the_commit_changes_nothing_about_the_answer() {
    let shelf = Shelf::new().await;
    let inner = axum::Router::new().route(
        "/",
        axum::routing::post(|once: Once<SqliteStore>| async {
            let committed = once.commit(|tx| put(tx).map(|()| (http::StatusCode::CREATED, "done")));
            committed.await.expect("it commits");
            std::future::pending::<&'static str>().await
        }),
    );
    let inner = inner.map_request(|request: Request<_>| request.map(Body::new));
    let layer = shelf.idempotency().transactional().layer();
    // However slow the commit: the layer waits for what has been asked for.
    let service = layer.layer(TimeoutLayer::new(SHORT).layer(inner));
    let service = service.map_response(|answer: Response<_>| answer.map(Body::new));
    let service = Timed::new(service);
    let first = call(&service, "k").await.expect("the committed answer");
    first.assert_executed();
    assert_eq!((first.status.as_u16(), &first.body[..]), (201, &b"done"[..]));
    call(&service, "k").await.expect("a replay").assert_replays(&first);
    assert_eq!(shelf.things().await, 1);
}
