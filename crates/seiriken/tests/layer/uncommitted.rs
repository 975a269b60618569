//! Transactional routes whose effect was not committed: nothing happened and the key is free.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::StatusCode;
use seiriken::http::{Once, Reason};
use seiriken::store::sqlite::SqliteStore;

use crate::guarded::Answer;
use crate::shelf::{Route, Shelf, put};

/// How the first run of a handler fails; the second one commits.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Failing {
    AnswersSuccessWithoutCommit,
    AnswersServerError,
    Panics,
    ClosureRefuses,
    ClosureRefusesAndHandlerAnswersSuccess,
    ClosureAnswersServerError,
    ClosurePanics,
    ClosureAnswersAStream,
}

async fn fail(how: Failing, once: Once<SqliteStore>) -> Response {
    match how {
        Failing::AnswersSuccessWithoutCommit => (StatusCode::CREATED, "a lie").into_response(),
        Failing::AnswersServerError => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Failing::Panics => panic!("on purpose: before any commit"),
        Failing::ClosureRefuses => {
            let refused = once.commit(|tx| {
                put(tx).expect("it is rolled back");
                Err::<(), _>(StatusCode::CONFLICT)
            });
            refused.await.into_response()
        }
        Failing::ClosureRefusesAndHandlerAnswersSuccess => {
            let refused = once.commit(|tx| {
                put(tx).expect("it is rolled back");
                Err::<(), _>(())
            });
            assert!(refused.await.is_err());
            (StatusCode::CREATED, "a lie").into_response()
        }
        Failing::ClosureAnswersServerError => {
            let answered = once.commit(|tx| {
                put(tx).expect("it is rolled back");
                Ok::<_, StatusCode>((StatusCode::SERVICE_UNAVAILABLE, "not now"))
            });
            answered.await.into_response()
        }
        Failing::ClosurePanics => {
            let panicked = once.commit(|tx| -> Result<(), StatusCode> {
                put(tx).expect("it is rolled back");
                panic!("on purpose: inside the transaction")
            });
            panicked.await.into_response()
        }
        Failing::ClosureAnswersAStream => {
            let streamed = once.commit(|tx| {
                put(tx).expect("it is rolled back");
                let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
                let begun = futures_util::stream::iter([Ok(Bytes::from("a begin"))]).chain(never);
                Ok::<_, StatusCode>(Body::from_stream(begun))
            });
            streamed.await.into_response()
        }
    }
}

fn route(shelf: &Shelf, how: Failing) -> (Route, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let route = shelf.route(move |once: Once<SqliteStore>| async move {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            return fail(how, once).await;
        }
        let made = once.commit(|tx| put(tx).map(|()| (StatusCode::CREATED, "a thing")));
        made.await.map_err(|error| error.to_string()).into_response()
    });
    (route, runs)
}

async fn failed_first(how: Failing) -> Answer {
    let shelf = Shelf::new().await;
    let (route, runs) = route(&shelf, how);
    let first = route.post("k").await;
    assert_eq!(shelf.things().await, 0, "{how:?}");

    let second = route.post("k").await;
    second.assert_executed();
    assert_eq!((second.status.as_u16(), &second.body[..]), (201, &b"a thing"[..]), "{how:?}");
    route.post("k").await.assert_replays(&second);
    assert_eq!((shelf.things().await, runs.load(Ordering::SeqCst)), (1, 2), "{how:?}");
    first
}

#[tokio::test]
async fn success_that_was_never_committed_is_an_error() {
    for how in
        [Failing::AnswersSuccessWithoutCommit, Failing::ClosureRefusesAndHandlerAnswersSuccess]
    {
        failed_first(how).await.assert_failed();
    }
}

#[tokio::test]
async fn a_server_error_goes_to_its_caller_and_frees_the_key() {
    let first = failed_first(Failing::AnswersServerError).await;
    first.assert_not_recorded();
    assert_eq!(first.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_panic_frees_the_key() {
    for how in [Failing::Panics, Failing::ClosurePanics] {
        failed_first(how).await.assert_failed();
    }
}

#[tokio::test]
async fn what_the_closure_refuses_is_rolled_back() {
    let first = failed_first(Failing::ClosureRefuses).await;
    first.assert_not_recorded();
    assert_eq!(first.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_server_error_from_the_closure_is_rolled_back() {
    let first = failed_first(Failing::ClosureAnswersServerError).await;
    first.assert_not_recorded();
    assert_eq!((first.status.as_u16(), &first.body[..]), (503, &b"not now"[..]));
}

#[tokio::test]
async fn an_answer_that_is_not_there_in_whole_is_rolled_back() {
    let first = failed_first(Failing::ClosureAnswersAStream).await;
    assert_eq!(first.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!((first.marker(), first.reason), (Some("false"), Some(Reason::NotRecorded)));
}
