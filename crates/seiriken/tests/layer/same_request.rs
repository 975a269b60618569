//! Which differences make it another request.

use axum::body::Body;
use http::Request;
use seiriken::http::ProblemKind;
use seiriken::{InvalidPointer, PolicyError};

use crate::guarded::{Guarded, in_memory, says};

fn post(target: &str, body: Vec<u8>) -> Request<Body> {
    let request = Request::post(target).header("Idempotency-Key", "k");
    request.body(body.into()).expect("a request")
}

#[tokio::test]
async fn the_query_counts_as_it_was_sent() {
    for (first, second) in [
        ("/?a=1&a=2", "/?a=2&a=1"),
        ("/?a=%ff", "/?a=%fe"),
        ("/?a=1", "/?a=1&"),
        ("/?", "/"),
        ("/a%2fb", "/a/b"),
        ("/a", "/A"),
    ] {
        let service = Guarded::answering(&in_memory(), || says(201, "made"));
        service.call(post(first, Vec::new())).await.assert_executed();
        let second = service.call(post(second, Vec::new())).await;
        second.assert_refused(ProblemKind::KeyReused);
    }
}

#[tokio::test]
async fn the_last_byte_of_the_longest_body_counts() {
    let service = Guarded::answering(&in_memory(), || says(201, "made"));
    let mut body = vec![b'x'; 1 << 20];
    service.call(post("/", body.clone())).await.assert_executed();
    body[(1 << 20) - 1] = b'y';
    service.call(post("/", body)).await.assert_refused(ProblemKind::KeyReused);
}

#[tokio::test]
async fn what_the_client_would_like_to_get_does_not_make_it_another_request() {
    let service = Guarded::answering(&in_memory(), || says(201, "made"));
    let first = service.call(post("/", Vec::new())).await;
    let mut retry = post("/", Vec::new());
    for (name, value) in [("accept", "text/plain"), ("if-match", "\"1\""), ("user-agent", "b")] {
        retry.headers_mut().insert(name, value.parse().expect("a value"));
    }
    service.call(retry).await.assert_replays(&first);
}

#[tokio::test]
async fn the_host_counts_where_the_layer_is_told_so() {
    let at = |target: &str, host: &str| {
        let mut request = post(target, Vec::new());
        request.headers_mut().insert("host", host.parse().expect("a value"));
        request
    };
    let service = Guarded::answering(&in_memory(), || says(201, "made"));
    let first = service.call(at("/", "a.example")).await;
    first.assert_executed();
    service.call(at("/", "b.example")).await.assert_replays(&first);

    let service = Guarded::answering(&in_memory().comparing_host(), || says(201, "made"));
    let first = service.call(at("/", "a.example")).await;
    first.assert_executed();
    service.call(at("/", "A.example")).await.assert_replays(&first);
    service.call(at("http://a.example/", "ignored")).await.assert_replays(&first);
    for (target, host) in [("/", "b.example"), ("/", "a.example:80"), ("http://b/", "a.example")] {
        service.call(at(target, host)).await.assert_refused(ProblemKind::KeyReused);
    }
    assert_eq!(service.runs(), 1);
}

fn json(body: &'static str) -> Request<Body> {
    let request = Request::post("/").header("Idempotency-Key", "k");
    request.header("Content-Type", "application/json").body(body.into()).expect("a request")
}

#[tokio::test]
async fn a_member_that_is_ignored_makes_it_no_other_request() {
    // The form is canonical, whether that is said or not.
    for said_last in [false, true] {
        let layer = in_memory().ignoring_json("/sentAt").ignoring_json("/client/version");
        let layer = if said_last { layer.canonical_json() } else { layer };
        let service = Guarded::answering(&layer, || says(201, "made"));
        let first =
            service.call(json(r#"{"qty":1,"sentAt":"10:00","client":{"version":1}}"#)).await;
        first.assert_executed();
        for same in
            [r#"{"qty":1,"sentAt":"10:01","client":{"version":2}}"#, r#"{"client":{}, "qty":1.0}"#]
        {
            service.call(json(same)).await.assert_replays(&first);
        }
        for other in [
            r#"{"qty":2,"sentAt":"10:00","client":{"version":1}}"#,
            r#"{"qty":1,"sentAt":"10:00","client":{"name":"a","version":1}}"#,
            r#"{"qty":1,"sentAt":"10:00"}"#,
        ] {
            service.call(json(other)).await.assert_refused(ProblemKind::KeyReused);
        }
        assert_eq!(service.runs(), 1);
    }
}

/// A retry is compared as the first request was, whatever the layer says by now.
#[tokio::test]
async fn beginning_to_ignore_a_member_leaves_earlier_requests_their_retries() {
    let (order, later) = (r#"{"qty":1,"sentAt":"10:00"}"#, r#"{"qty":1,"sentAt":"10:01"}"#);
    let before = in_memory().canonical_json();
    let service = Guarded::answering(&before, || says(201, "made"));
    let first = service.call(json(order)).await;
    first.assert_executed();

    let service = Guarded::answering(&before.ignoring_json("/sentAt"), || says(201, "again"));
    service.call(json(order)).await.assert_replays(&first);
    service.call(json(later)).await.assert_refused(ProblemKind::KeyReused);
    assert_eq!(service.runs(), 0);
}

#[test]
fn what_names_no_member_builds_no_layer() {
    for (pointer, error) in [
        ("", InvalidPointer::WholeBody),
        ("sentAt", InvalidPointer::NoSlash { pointer: "sentAt".into() }),
        ("/a~2", InvalidPointer::BadEscape { pointer: "/a~2".into() }),
    ] {
        let layer = in_memory().ignoring_json("/fine").ignoring_json(pointer).try_layer();
        assert_eq!(layer.map(drop), Err(PolicyError::IgnoredMember(error)), "{pointer:?}");
    }
}

#[test]
#[should_panic(expected = "\"sentAt\" is not a JSON Pointer: it must start with a slash")]
fn a_layer_that_cannot_be_built_says_which_pointer_is_wrong() {
    in_memory().ignoring_json("sentAt").layer();
}
