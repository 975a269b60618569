//! What counts as an answer, and what does not.

use std::time::Duration;

use seiriken_client::verdict::Why;
use seiriken_client::{Client, NothingSent, Outcome, Unknown};

use crate::script::{Act, Server, answer};
use crate::{builder, created, definite, order};

#[tokio::test]
async fn an_answer_that_is_repeated_is_not_the_answer_to_the_next_request() {
    let marked = [("idempotent-replayed", "false")];
    let twice = answer(201, &marked, "first").repeat(2);
    let server = Server::start([Act::SayAndStay(twice), created("second")]).await;
    let client = builder().build().unwrap();
    for expected in ["first", "second"] {
        let mut intent = client.intent(order(&server)).unwrap();
        assert_eq!(definite(client.send(&mut intent).await).body, expected);
    }
    let keys: Vec<String> = server.received().iter().map(|it| it.key().to_owned()).collect();
    assert_ne!(keys[0], keys[1], "two intents, two keys");
}

#[tokio::test]
async fn an_interim_answer_is_not_the_answer() {
    let early = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_owned();
    let text = early + &answer(201, &[("idempotent-replayed", "true")], "real");
    let server = Server::start([Act::Say(text)]).await;
    let client = builder().build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    assert_eq!(definite(client.send(&mut intent).await).body, "real");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_a_lost_one() {
    let server = Server::start([Act::Hang, created("after all")]).await;
    let client = builder().attempt_timeout(Duration::from_millis(100)).build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    assert_eq!(definite(client.send(&mut intent).await).body, "after all");
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn when_no_answer_comes_before_the_deadline_the_outcome_is_unknown() {
    let server = Server::start([Act::Hang, Act::Hang]).await;
    let client = builder().deadline(Duration::from_millis(100)).build().unwrap();
    // Also where there is no body that could be half sent.
    for request in [order(&server), order(&server).body("")] {
        let mut intent = client.intent(request).unwrap();
        let result = client.send(&mut intent).await;
        let Ok(Outcome::Unknown(Unknown { why: Why::Deadline, key, .. })) = result else {
            panic!("{result:?}");
        };
        assert_eq!(key, *intent.key());
        assert!(intent.may_have_run());
    }
}

/// The peer takes the connection and says nothing, so the handshake of TLS never ends.
#[tokio::test]
async fn when_no_connection_comes_about_before_the_deadline_nothing_was_sent() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/orders", silent.local_addr().unwrap());
    for body in ["", "{}"] {
        let client = builder().deadline(Duration::from_millis(100)).build().unwrap();
        let request = seiriken_client::Request::post(&url).unwrap().body(body);
        let mut intent = client.intent(request).unwrap();
        let result = client.send(&mut intent).await;
        assert!(matches!(result, Err(NothingSent::NoConnection(_))), "{result:?}");
        assert!(!intent.may_have_run());
    }
}

#[tokio::test]
async fn an_intent_remembers_that_it_may_have_run() {
    let refused = || Act::Say(answer(401, &[], ""));
    let server = Server::start([Act::Hang, refused(), refused()]).await;
    let client = builder().build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    // Whoever sends it goes away in the middle.
    tokio::select! {
        result = client.send(&mut intent) => panic!("{result:?}"),
        () = server.has_received(1) => {}
    }
    assert!(intent.may_have_run());
    let result = client.send(&mut intent).await;
    let Ok(Outcome::Unknown(Unknown { why: Why::RefusedAfterMaybe(401), .. })) = result else {
        panic!("{result:?}");
    };
    // Of one that was never sent before, the same answer proves that nothing ran.
    let mut other = client.intent(order(&server)).unwrap();
    assert_eq!(definite(client.send(&mut other).await).status, 401);
}

#[tokio::test]
async fn a_redirection_is_not_followed_and_the_key_goes_to_nobody_else() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Server::start([created("stolen")]).await;
        let place = elsewhere.url("/orders");
        let server = Server::start([Act::Say(answer(status, &[("location", &place)], ""))]).await;
        let client = builder().build().unwrap();
        let mut intent = client.intent(order(&server)).unwrap();
        let answer = definite(client.send(&mut intent).await);
        assert_eq!(answer.status.as_u16(), status);
        assert_eq!(answer.headers["location"], place);
        assert_eq!((server.received().len(), elsewhere.received().len()), (1, 0), "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_was_not_kept_has_its_status_its_place_and_no_body() {
    let problem = serde_json::json!({
        "type": "/p#response-not-kept", "recordedStatus": 201, "location": "/orders/7",
    });
    let fields = [("content-type", "application/problem+json")];
    let told = Act::Say(answer(500, &fields, &problem.to_string()));
    let server = Server::start([Act::Lose, told]).await;
    let client = builder().build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    let answer = definite(client.send(&mut intent).await);
    assert_eq!((answer.status.as_u16(), answer.kept), (201, false));
    assert_eq!(answer.headers["location"], "/orders/7");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn an_empty_body_and_a_long_one_go_out_as_they_are() {
    let long = "x".repeat(3_000_000);
    for body in [String::new(), long] {
        let server = Server::start([Act::Lose, created("")]).await;
        let client: Client = builder().build().unwrap();
        let mut intent = client.intent(order(&server).body(body.clone())).unwrap();
        definite(client.send(&mut intent).await);
        let received = server.received();
        assert_eq!(received.len(), 2);
        for request in received {
            assert_eq!(request.field("content-length"), Some(body.len().to_string().as_str()));
            assert!(request.body == body.as_bytes());
        }
    }
}

#[tokio::test]
async fn a_key_is_sent_quoted_where_that_is_asked_for_and_under_the_name_that_is() {
    let server = Server::start([created("")]).await;
    let name = http::HeaderName::from_static("x-request-key");
    let client = builder().quoted_keys().key_field(name).build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    definite(client.send(&mut intent).await);
    let expected = format!("\"{}\"", intent.key().as_str());
    let received = server.received();
    assert_eq!(received[0].field("x-request-key"), Some(expected.as_str()));
    assert_eq!(received[0].field("idempotency-key"), None);
    let own = order(&server).header("X-Request-Key", "mine").unwrap();
    assert!(client.intent(own).is_err(), "the key has one place");
}

#[tokio::test]
async fn the_marker_may_have_another_name() {
    let name = http::HeaderName::from_static("x-again");
    let server =
        Server::start([Act::Lose, Act::Say(answer(402, &[("x-again", "true")], ""))]).await;
    let client = builder().replay_marker(name).build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    assert_eq!(definite(client.send(&mut intent).await).status, 402);
}
