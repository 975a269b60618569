//! Which differences make it another request.

use axum::body::Body;
use http::Request;
use seiriken::http::ProblemKind;

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
