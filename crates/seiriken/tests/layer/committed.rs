//! Transactional routes: after a commit the committed answer is the answer.

use std::sync::{Arc, Mutex, mpsc};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use seiriken::http::{NotProcessed, Once, ProblemKind};
use seiriken::store::sqlite::SqliteStore;
use tokio::sync::Notify;

use crate::guarded::{Answer, Guarded};
use crate::shelf::{Route, Shelf, put};

/// What a handler does once it has committed.
#[derive(Debug, Clone, Copy)]
enum Then {
    ReturnsIt,
    AnswersOtherwise(StatusCode),
    SaysThatItDidNothing,
    Panics,
    CommitsAgain,
}

async fn commit(once: Once<SqliteStore>) -> Response {
    let made = once
        .commit(|tx| put(tx).map(|()| (StatusCode::CREATED, [(LOCATION, "/things/1")], "a thing")));
    made.await.expect("it commits")
}

fn route(shelf: &Shelf, then: Then) -> Route {
    shelf.route(move |once: Once<SqliteStore>| async move {
        let committed = commit(once.clone()).await;
        match then {
            Then::ReturnsIt => committed,
            Then::AnswersOtherwise(status) => (status, "something else").into_response(),
            Then::SaysThatItDidNothing => (NotProcessed, StatusCode::BAD_REQUEST).into_response(),
            Then::Panics => panic!("on purpose: after the commit"),
            Then::CommitsAgain => commit(once).await,
        }
    })
}

fn assert_a_thing(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (201, &b"a thing"[..]), "{answer:?}");
    assert_eq!(answer.values("location"), ["/things/1"]);
}

#[tokio::test]
async fn whatever_the_handler_does_after_its_commit_the_committed_answer_is_the_answer() {
    for then in [
        Then::ReturnsIt,
        Then::AnswersOtherwise(StatusCode::CREATED),
        Then::AnswersOtherwise(StatusCode::BAD_REQUEST),
        Then::AnswersOtherwise(StatusCode::TOO_MANY_REQUESTS),
        Then::AnswersOtherwise(StatusCode::INTERNAL_SERVER_ERROR),
        Then::AnswersOtherwise(StatusCode::GATEWAY_TIMEOUT),
        Then::SaysThatItDidNothing,
        Then::Panics,
        Then::CommitsAgain,
    ] {
        let shelf = Shelf::new().await;
        let route = route(&shelf, then);
        let first = route.post("k").await;
        first.assert_executed();
        assert_a_thing(&first);
        for _ in 0..2 {
            route.post("k").await.assert_replays(&first);
        }
        assert_eq!(shelf.things().await, 1, "{then:?}");
    }
}

#[tokio::test]
async fn a_handler_that_leaves_its_commit_on_the_way_is_answered_with_what_it_comes_to() {
    let shelf = Shelf::new().await;
    let (may_commit, gate) = mpsc::channel();
    let (gate, returning) = (Arc::new(Mutex::new(gate)), Arc::new(Notify::new()));
    let returns = Arc::clone(&returning);
    let route = shelf.route(move |once: Once<SqliteStore>| async move {
        let committing = once.commit(move |tx| {
            gate.lock().expect("nobody panicked").recv().expect("the test runs");
            put(tx).map(|()| (StatusCode::CREATED, [(LOCATION, "/things/1")], "a thing"))
        });
        // Asked for, and dropped: as a timeout around the commit does.
        assert!(committing.now_or_never().is_none());
        returns.notify_one();
        StatusCode::GATEWAY_TIMEOUT
    });
    let asked = route.clone();
    let first = tokio::spawn(async move { asked.post("k").await });
    returning.notified().await;
    may_commit.send(()).unwrap();
    let first = first.await.unwrap();
    first.assert_executed();
    assert_a_thing(&first);
    route.post("k").await.assert_replays(&first);
    assert_eq!(shelf.things().await, 1);
}

#[tokio::test]
async fn a_cookie_set_after_the_commit_reaches_the_first_caller_alone() {
    let shelf = Shelf::new().await;
    let route = shelf.route(|once: Once<SqliteStore>| async {
        let mut answer = commit(once).await;
        answer.headers_mut().append(SET_COOKIE, HeaderValue::from_static("a=1"));
        answer.headers_mut().append(SET_COOKIE, HeaderValue::from_static("b=2"));
        answer.headers_mut().insert("x-late", HeaderValue::from_static("not recorded"));
        answer
    });
    let first = route.post("k").await;
    first.assert_executed();
    assert_eq!(first.values("set-cookie"), ["a=1", "b=2"]);
    assert_eq!(first.values("x-late"), Vec::<&str>::new(), "both callers get what was committed");
    let retried = route.post("k").await;
    assert_eq!(retried.values("set-cookie"), Vec::<&str>::new());
    assert_a_thing(&retried);
}

#[tokio::test]
async fn a_cookie_set_in_the_commit_reaches_the_first_caller_alone() {
    let shelf = Shelf::new().await;
    let route = shelf.route(|once: Once<SqliteStore>| async {
        let made = once.commit(|tx| put(tx).map(|()| ([(SET_COOKIE, "a=1")], "a thing")));
        made.await.map_err(|error| error.to_string())
    });
    let first = route.post("k").await;
    assert_eq!(first.values("set-cookie"), ["a=1"]);
    let retried = route.post("k").await;
    assert_eq!((retried.values("set-cookie"), retried.marker()), (vec![], Some("true")));
}

#[tokio::test]
async fn a_committed_answer_that_is_too_long_reaches_the_first_caller_alone() {
    let shelf = Shelf::new().await;
    let layer = shelf.idempotency().transactional().response_body_bytes_max(8);
    let route = Route::new(&layer, |once: Once<SqliteStore>| async {
        let made = once.commit(|tx| {
            put(tx).map(|()| (StatusCode::CREATED, [(LOCATION, "/things/1")], "more than eight"))
        });
        made.await.map_err(|error| error.to_string())
    });
    let first = route.post("k").await;
    first.assert_executed();
    assert_eq!((first.status.as_u16(), &first.body[..]), (201, &b"more than eight"[..]));
    let retried = route.post("k").await;
    retried.assert_refused(ProblemKind::ResponseNotKept);
    assert_eq!(
        (retried.json()["recordedStatus"].as_u64(), &retried.json()["location"]),
        (Some(201), &"/things/1".into())
    );
    assert_eq!(shelf.things().await, 1);
}

#[tokio::test]
async fn a_refusal_without_a_commit_is_recorded() {
    let shelf = Shelf::new().await;
    for status in [303, 400, 402, 404, 409] {
        let route = shelf.route(move |_: Once<SqliteStore>| async move {
            (StatusCode::from_u16(status).unwrap(), "no")
        });
        let key = status.to_string();
        let first = route.post(&key).await;
        first.assert_executed();
        assert_eq!(first.status.as_u16(), status);
        route.post(&key).await.assert_replays(&first);
    }
    assert_eq!(shelf.things().await, 0);
}

#[tokio::test]
async fn a_commit_on_a_route_that_is_not_transactional_is_refused_before_any_effect() {
    let shelf = Shelf::new().await;
    for layer in [shelf.idempotency(), shelf.idempotency().keyed()] {
        let route = Route::new(&layer, |once: Once<SqliteStore>| async {
            let made = once.commit(|tx| put(tx).map(|()| (StatusCode::CREATED, "a thing")));
            made.await.map_err(|error| error.to_string())
        });
        let refused = route.post("k").await;
        assert_eq!(refused.status, StatusCode::INTERNAL_SERVER_ERROR);
        // What else the handler did is not known, so its answer is recorded and its key stays used.
        route.post("k").await.assert_replays(&refused);
    }
    assert_eq!(shelf.things().await, 0);
}

#[tokio::test]
async fn a_handler_that_needs_an_execution_says_so_where_there_is_none() {
    let shelf = Shelf::new().await;
    let route = route(&shelf, Then::ReturnsIt);
    let without_key = http::Request::post("/").body(Body::empty()).unwrap();
    let answer = route.call(without_key).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(shelf.things().await, 0);
}

#[tokio::test]
async fn a_store_that_carries_the_class_is_needed() {
    let layer = crate::guarded::in_memory().transactional();
    layer.try_layer().expect_err("memory cannot commit an effect");
}

#[tokio::test]
async fn on_sqlite_every_class_keeps_its_answers() {
    let shelf = Shelf::new().await;
    for (key, layer) in [("opaque", shelf.idempotency()), ("keyed", shelf.idempotency().keyed())] {
        let service = Guarded::answering(&layer, || crate::guarded::says(201, "done"));
        let first = service.post(key).await;
        first.assert_executed();
        service.post(key).await.assert_replays(&first);
        assert_eq!(service.runs(), 1, "{key}");
    }
}
