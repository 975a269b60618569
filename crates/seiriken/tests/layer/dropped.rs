//! The caller goes away at any point: its future is dropped after 0, 1, 2, … polls.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Request, Response};
use seiriken::http::{IdempotencyLayer, Once};
use seiriken::store::Store;
use seiriken::store::sqlite::SqliteStore;
use tokio::task::yield_now;
use tower::{Layer, Service, ServiceExt};

use crate::guarded::{Answer, in_memory, says};
use crate::shelf::{Shelf, put};

/// Never waited for in a test that passes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Polls `future` so often, each time when it asks for it, and drops it. `Some` if it had ended.
async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        if polls == times {
            return Poll::Ready(None);
        }
        polls += 1;
        match future.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if polls == times => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A request whose body takes some polls to arrive.
fn request(key: &str) -> Request<Body> {
    let slowly = stream::unfold(0, |piece| async move {
        yield_now().await;
        let data = Ok::<_, std::io::Error>(Bytes::from("piece"));
        (piece < 2).then_some((data, piece + 1))
    });
    let request = Request::post("/").header("Idempotency-Key", key);
    request.body(Body::from_stream(slowly)).expect("a request")
}

/// Drops the caller at every point there is; answers in how many cases it was already running.
async fn dropped_everywhere<S, V, B>(
    layer: &IdempotencyLayer<S>,
    service: &V,
    runs: &AtomicUsize,
) -> usize
where
    S: Store,
    V: Service<Request<Body>, Response = Response<B>, Error: std::fmt::Debug> + Clone,
    B: http_body::Body<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
{
    let mut begun = 0;
    for polls in 0.. {
        let key = format!("k{polls}");
        runs.store(0, Ordering::SeqCst);
        let ended = polled(service.clone().oneshot(request(&key)), polls).await;
        assert!(layer.engine().drain(PATIENCE).await, "what was left behind is finished");
        let ran = runs.load(Ordering::SeqCst);

        let retried = service.clone().oneshot(request(&key)).await.expect("an answer");
        let retried = Answer::read(retried.map(Body::new)).await;
        assert_eq!((retried.status.as_u16(), &retried.body[..]), (201, &b"done"[..]));
        let replayed = if ran == 1 { "true" } else { "false" };
        assert_eq!(retried.marker(), Some(replayed), "after {polls} polls");
        assert_eq!(runs.load(Ordering::SeqCst), 1, "after {polls} polls");
        begun += ran;
        if ended.is_some() {
            return begun;
        }
    }
    unreachable!("the request ends after some polls")
}

#[tokio::test]
async fn wherever_the_caller_leaves_the_work_is_done_once() {
    for layer in [in_memory(), in_memory().keyed()] {
        let layer = layer.layer();
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let service = layer.layer(tower::service_fn(move |_| {
            let counted = Arc::clone(&counted);
            async move {
                for _ in 0..3 {
                    yield_now().await;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                for _ in 0..3 {
                    yield_now().await;
                }
                Ok::<_, std::convert::Infallible>(says(201, "done"))
            }
        }));
        let begun = dropped_everywhere(&layer, &service, &runs).await;
        assert!(begun >= 6, "it was dropped at each of the handler's awaits: {begun}");
    }
}

#[tokio::test]
async fn wherever_the_caller_leaves_the_effect_is_committed_once() {
    let shelf = Shelf::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let route = shelf.route(move |once: Once<SqliteStore>| async move {
        yield_now().await;
        let committed = once
            .commit(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                put(tx).map(|()| (http::StatusCode::CREATED, "done"))
            })
            .await
            .map_err(|error| error.to_string());
        yield_now().await;
        committed
    });
    let things = shelf.things().await;
    let begun = dropped_everywhere(&route.layer, &route.service(), &runs).await;
    assert!(begun >= 3, "it was dropped before, in and after the commit: {begun}");
    // One thing for each key, and there was one key for each point to drop at.
    assert!(shelf.things().await > things + 3);
}
