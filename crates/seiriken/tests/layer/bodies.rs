//! Bodies of answers: kept whole, too long to keep, broken off.

use axum::body::{Body, Bytes};
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use http_body_util::StreamBody;
use seiriken::http::ProblemKind;

use crate::guarded::{Guarded, in_memory, says};

/// A body that comes in these pieces, so that its length is not known before its end.
fn pieces(pieces: impl IntoIterator<Item = &'static [u8], IntoIter: Send> + 'static) -> Body {
    let pieces = stream::iter(pieces).map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
    Body::from_stream(pieces)
}

#[tokio::test]
async fn bytes_of_every_value_and_none_at_all_are_replayed_as_they_were() {
    let every_byte: Vec<u8> = (0..=255).collect();
    for body in [every_byte, Vec::new(), b"\0".to_vec(), b"\r\n\r\n".to_vec()] {
        let answer = body.clone();
        let service = Guarded::answering(&in_memory(), move || says(200, answer.clone()));
        let first = service.post("k").await;
        let retried = service.post("k").await;
        retried.assert_replays(&first);
        assert_eq!((&first.body[..], &retried.body[..]), (&body[..], &body[..]));
    }
}

#[tokio::test]
async fn a_streamed_answer_is_recorded_whole() {
    let service = Guarded::answering(&in_memory(), || {
        says(200, pieces([b"one ".as_slice(), b"", b"two ", b"three"]))
    });
    let first = service.post("k").await;
    first.assert_executed();
    assert_eq!(first.body, "one two three");
    service.post("k").await.assert_replays(&first);
}

#[tokio::test]
async fn trailers_are_replayed() {
    let service = Guarded::answering(&in_memory(), || {
        let mut trailers = HeaderMap::new();
        trailers.append("checksum", "1f".parse().expect("a value"));
        trailers.append("checksum", "2e".parse().expect("a value"));
        let frames = [Frame::data(Bytes::from("data")), Frame::trailers(trailers)];
        let frames = stream::iter(frames).map(Ok::<_, std::io::Error>);
        says(200, Body::new(StreamBody::new(frames)))
    });
    let first = service.post("k").await;
    assert_eq!(first.trailers.get_all("checksum").iter().count(), 2);
    service.post("k").await.assert_replays(&first);
    // HTTP/1.1 has a place for them only in a body of chunks, and only for those announced.
    assert_eq!(first.values("trailer"), ["checksum"]);
    assert_eq!(service.unread("k").await.body().size_hint().exact(), None);
}

/// What a retry is told whose answer was too long to keep.
async fn assert_not_kept(service: &Guarded) {
    for _ in 0..2 {
        let retried = service.post("k").await;
        retried.assert_refused(ProblemKind::ResponseNotKept);
        let problem = retried.json();
        assert_eq!(problem["recordedStatus"], 201);
        assert_eq!(problem["location"], "/orders/1");
    }
    assert_eq!(service.runs(), 1);
}

fn created(body: Body) -> Response<Body> {
    let answer = Response::builder().status(201).header("Location", "/orders/1");
    answer.header("Set-Cookie", "a=1").body(body).expect("a response")
}

#[tokio::test]
async fn an_answer_at_the_limit_is_kept_and_one_byte_more_is_not() {
    let layer = in_memory().response_body_bytes_max(8);
    let service = Guarded::answering(&layer, || created("12345678".into()));
    let first = service.post("k").await;
    first.assert_executed();
    assert_eq!(service.post("k").await.body, first.body);

    let layer = in_memory().response_body_bytes_max(8);
    let service = Guarded::answering(&layer, || created("123456789".into()));
    let first = service.post("k").await;
    first.assert_executed();
    assert_eq!((first.status.as_u16(), &first.body[..]), (201, &b"123456789"[..]));
    assert_eq!(
        (first.values("location"), first.values("set-cookie")),
        (vec!["/orders/1"], vec!["a=1"])
    );
    assert_not_kept(&service).await;
}

#[tokio::test]
async fn a_streamed_answer_past_the_limit_reaches_the_first_caller_whole() {
    let layer = in_memory().response_body_bytes_max(8);
    let service = Guarded::answering(&layer, || {
        created(pieces([b"12345".as_slice(), b"6789", b"abcde", b"f"]))
    });
    let first = service.post("k").await;
    first.assert_executed();
    assert_eq!((&first.body[..], first.broke_off), (&b"123456789abcdef"[..], false));
    assert_not_kept(&service).await;
}

#[tokio::test]
async fn the_length_of_a_long_answer_is_told_where_it_is_known() {
    let layer = in_memory().response_body_bytes_max(8);
    let service = Guarded::answering(&layer, || created(vec![b'x'; 100_000].into()));
    let answer = service.unread("k").await;
    assert_eq!(answer.body().size_hint().exact(), Some(100_000));
}

#[tokio::test]
async fn a_long_answer_is_recorded_before_its_first_caller_has_read_it() {
    // It never ends, and its caller never reads it: the retry is answered all the same.
    let layer = in_memory().response_body_bytes_max(8);
    let service = Guarded::answering(&layer, || {
        created(pieces(std::iter::repeat(b"more and more ".as_slice())))
    });
    let first = service.unread("k").await;
    assert_not_kept(&service).await;
    drop(first);
    assert_not_kept(&service).await;
}

fn breaking_off() -> Response<Body> {
    let broken = Err(std::io::Error::other("on purpose: the answer breaks off"));
    says(201, Body::from_stream(stream::iter([Ok(Bytes::from("half an ans")), broken])))
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_success_and_is_not_run_again() {
    let service = Guarded::answering(&in_memory(), breaking_off);
    for _ in 0..3 {
        service.post("k").await.assert_refused(ProblemKind::OutcomeUnknown);
    }
    assert_eq!(service.runs(), 1);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_run_again_where_that_is_safe() {
    let service = Guarded::answering(&in_memory().keyed(), breaking_off);
    for runs in 1..=2 {
        service.post("k").await.assert_refused(ProblemKind::ExecutionFailed);
        assert_eq!(service.runs(), runs);
    }
}
