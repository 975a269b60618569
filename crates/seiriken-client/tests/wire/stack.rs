//! The middleware: the same rules, behind the interface of reqwest.

use reqwest_middleware::Error;
use seiriken_client::NothingSent;
use seiriken_client::middleware::{StreamedBody, UnknownOutcome, with_keys};

use crate::script::{Act, Server, answer};
use crate::{builder, created};

fn stack() -> reqwest_middleware::ClientWithMiddleware {
    with_keys(builder().build().expect("as the test sets it up")).build()
}

fn failure<E: std::error::Error + Send + Sync + 'static>(
    result: Result<reqwest::Response, Error>,
) -> E {
    match result {
        Err(Error::Middleware(error)) => error.downcast().expect("the expected error"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_post_is_sent_again_with_its_key_and_a_get_has_none() {
    let server =
        Server::start([Act::Lose, created("done"), Act::Say(answer(200, &[], "seen"))]).await;
    let done = stack().post(server.url("/orders")).body("cake").send().await.unwrap();
    assert_eq!((done.status().as_u16(), done.text().await.unwrap().as_str()), (201, "done"));
    let seen = stack().get(server.url("/orders")).send().await.unwrap();
    assert_eq!(seen.text().await.unwrap(), "seen");
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert_eq!(received[0], received[1]);
    assert!(!received[0].key().is_empty());
    assert_eq!(received[2].field("idempotency-key"), None);
}

#[tokio::test]
async fn an_unknown_outcome_is_an_error_of_its_own_that_holds_the_key() {
    let refused = || Act::Say(answer(401, &[], ""));
    let server = Server::start([Act::Lose, refused(), refused()]).await;
    let sent = stack().post(server.url("/orders")).body("cake").send().await;
    let UnknownOutcome(unknown) = failure(sent);
    assert_eq!(unknown.key.as_str(), server.received()[0].key());
    // A key of the caller's own is one that may have been sent before.
    let again = stack().post(server.url("/orders")).header("Idempotency-Key", "known").body("cake");
    let UnknownOutcome(unknown) = failure(again.send().await);
    assert_eq!(unknown.key.as_str(), "known");
}

#[tokio::test]
async fn nothing_sent_is_another_one() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = builder().deadline(std::time::Duration::from_millis(20)).build().unwrap();
    let sent = with_keys(client).build().post(format!("http://{free}/")).body("cake").send().await;
    assert!(matches!(failure(sent), NothingSent::NoConnection(_)));
}

#[tokio::test]
async fn a_redirection_is_an_answer_here_too() {
    let elsewhere = Server::start([]).await;
    let place = elsewhere.url("/orders");
    let server = Server::start([Act::Say(answer(307, &[("location", &place)], ""))]).await;
    let sent = stack().post(server.url("/orders")).body("cake").send().await.unwrap();
    assert_eq!(sent.status(), 307);
    assert!(elsewhere.received().is_empty());
}

#[tokio::test]
async fn a_body_that_can_be_sent_only_once_is_refused() {
    let server = Server::start([]).await;
    let stream = reqwest::Body::wrap(http_body_util::Full::new(bytes::Bytes::from("cake")));
    let sent = stack().post(server.url("/orders")).body(stream).send().await;
    let StreamedBody = failure(sent);
    assert!(server.received().is_empty());
}
