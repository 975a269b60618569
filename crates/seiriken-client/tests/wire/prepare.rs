//! The two-step flow: a key that the server makes.

use seiriken_client::NothingSent;

use crate::script::{Act, Server, answer, losses};
use crate::{builder, created, definite, order};

fn issued(key: &str) -> Act {
    let body = serde_json::json!({"idempotencyKey": key, "expiresAt": "2030-01-01T00:00:00Z"});
    Act::Say(answer(201, &[], &body.to_string()))
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_asked_for_again() {
    for (how, loss) in losses() {
        let server = Server::start([loss, issued("issued-2"), Act::Lose, created("")]).await;
        let client = builder().build().unwrap();
        let prepare = server.url("/orders/prepare");
        let mut intent = client.prepare(order(&server), &prepare).await.unwrap();
        definite(client.send(&mut intent).await);
        let received = server.received();
        assert_eq!(received.len(), 4, "{how}");
        for asked in &received[..2] {
            assert!(asked.head.starts_with("POST /orders/prepare "), "{how}: {}", asked.head);
            assert_eq!((asked.field("idempotency-key"), asked.body.len()), (None, 0), "{how}");
        }
        assert!(received[2..].iter().all(|it| it.key() == "issued-2"), "{how}");
    }
}

#[tokio::test]
async fn a_refused_key_is_the_end_and_nothing_was_sent() {
    for refusal in [answer(401, &[], ""), answer(404, &[], ""), answer(200, &[], "{}")] {
        let server = Server::start([Act::Say(refusal)]).await;
        let client = builder().build().unwrap();
        let refused = client.prepare(order(&server), &server.url("/orders/prepare")).await;
        assert!(matches!(refused, Err(NothingSent::NoKey(_))), "{refused:?}");
        assert_eq!(server.received().len(), 1);
    }
}

#[tokio::test]
async fn credentials_go_to_the_server_of_the_request_alone() {
    let order = |server| order(server).header("Authorization", "Bearer secret").unwrap();
    let server = Server::start([issued("k")]).await;
    let elsewhere = Server::start([issued("k")]).await;
    let client = builder().build().unwrap();
    client.prepare(order(&server), &server.url("/orders/prepare")).await.unwrap();
    client.prepare(order(&server), &elsewhere.url("/orders/prepare")).await.unwrap();
    assert_eq!(server.received()[0].field("authorization"), Some("Bearer secret"));
    assert_eq!(elsewhere.received()[0].field("authorization"), None);
}
