//! What the server says about itself, and how old an intent may become.

use std::time::{Duration, SystemTime};

use seiriken_client::verdict::Why;
use seiriken_client::{Key, NothingSent, Outcome, Outside, System, Unknown};

use crate::script::{Act, Server, answer};
use crate::{builder, created, definite, order};

const PAGE: &str = "/.well-known/idempotency";

fn page(retention_seconds: u64) -> Act {
    let page = serde_json::json!({"retentionSeconds": retention_seconds});
    Act::Say(answer(200, &[("content-type", "application/json")], &page.to_string()))
}

/// Like [`builder`], and the server is asked for its policy.
fn asking() -> seiriken_client::ClientBuilder {
    seiriken_client::Client::builder()
        .http(reqwest::Client::builder().no_proxy())
        .without_certificates()
}

#[tokio::test]
async fn the_policy_page_is_read_once_and_without_the_key() {
    let server = Server::start([page(7200), created("1"), created("2")]).await;
    let client = asking().build().unwrap();
    for _ in 0..2 {
        let order = order(&server).header("Authorization", "Bearer secret").unwrap();
        let mut intent = client.intent(order).unwrap();
        definite(client.send(&mut intent).await);
    }
    let received = server.received();
    let asked: Vec<&str> = received.iter().map(|it| it.head.lines().next().unwrap()).collect();
    assert_eq!(asked[0], format!("GET {PAGE} HTTP/1.1"));
    assert!(asked[1..].iter().all(|line| *line == "POST /orders HTTP/1.1"), "{asked:?}");
    for field in ["idempotency-key", "authorization"] {
        assert_eq!(received[0].field(field), None, "{field}");
    }
}

#[tokio::test]
async fn a_server_without_a_page_is_taken_to_keep_answers_for_a_day() {
    for missing in [answer(404, &[], ""), answer(200, &[], "<html>"), answer(200, &[], "{}")] {
        let server = Server::start([Act::Say(missing), created("")]).await;
        let client = asking().build().unwrap();
        let mut intent = client.intent(order(&server)).unwrap();
        assert_eq!(definite(client.send(&mut intent).await).status, 201);
    }
}

/// The deadline of an hour is cut to one second, so a wait of two is not begun.
#[tokio::test]
async fn the_deadline_is_cut_to_half_the_retention() {
    let wait = Act::Say(answer(429, &[("retry-after", "2")], ""));
    let server = Server::start([page(2), wait]).await;
    let client = asking().deadline(Duration::from_hours(1)).build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    assert_eq!(definite(client.send(&mut intent).await).status, 429);
    assert_eq!(server.received().len(), 2);
}

#[tokio::test]
async fn where_answers_are_not_kept_at_all_nothing_is_sent() {
    let server = Server::start([]).await;
    let client = builder().retention(Duration::ZERO).build().unwrap();
    let mut intent = client.intent(order(&server)).unwrap();
    let result = client.send(&mut intent).await;
    assert!(matches!(result, Err(NothingSent::Retention)), "{result:?}");
    assert!(server.received().is_empty());
}

/// A clock that is ahead of the other one.
#[derive(Debug)]
struct Later(Duration);

impl Outside for Later {
    fn now(&self) -> SystemTime {
        System.now() + self.0
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        System.random(bytes)
    }
}

/// The server may have forgotten such a key, and would do it again.
#[tokio::test]
async fn an_intent_older_than_half_the_retention_is_not_sent_again() {
    let server = Server::start([created("in time")]).await;
    let made = builder().build().unwrap().intent(order(&server)).unwrap();
    let resume = |hours: u64| {
        let client = builder().outside(Later(Duration::from_hours(hours))).build().unwrap();
        let key = Key::new(made.key().as_str()).unwrap();
        (client.resume(key, order(&server)).unwrap(), client)
    };
    let (mut late, client) = resume(12);
    let result = client.send(&mut late).await;
    let Ok(Outcome::Unknown(Unknown { why: Why::TooOld, .. })) = result else {
        panic!("{result:?}");
    };
    assert!(server.received().is_empty());
    let (mut in_time, client) = resume(11);
    assert_eq!(definite(client.send(&mut in_time).await).body, "in time");
}
