//! Bodies of requests: too long, cut off, announced, ambiguous.

use crate::service::Service;
use crate::shop::{CAKE, Shop};
use crate::wire::{RawAnswer, Wire, post_orders};

const MIB: usize = 1 << 20;

/// The head of an order under the key `k`, with these further field lines.
fn head(field_lines: &str) -> String {
    format!(
        "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\
         Idempotency-Key: k\r\n{field_lines}\r\n"
    )
}

async fn wire_to(shop: &Shop) -> Wire {
    Wire::connect(shop.address()).await
}

fn assert_too_large(answer: &RawAnswer) {
    assert_eq!(answer.status, 413, "{answer:?}");
    assert_eq!(answer.problem_type(), "/.well-known/idempotency#body-too-large");
    assert!(!answer.has_field("Idempotent-Replayed"), "{answer:?}");
}

#[tokio::test]
async fn a_body_of_more_than_1_mib_is_refused_before_its_key_is_claimed() {
    for mut service in [Service::start(&[]).await, Service::in_memory(&[]).await] {
        let shop = service.shop();

        // Counted: the head is enough to know.
        let mut counted = wire_to(&shop).await;
        counted.send(head(&format!("Content-Length: {}\r\n", MIB + 1))).await;
        assert_too_large(&counted.answer().await);

        // In chunks: refused at the first byte too many, before the end.
        let mut chunked = wire_to(&shop).await;
        chunked.send(head("Transfer-Encoding: chunked\r\n")).await;
        for _ in 0..16 {
            chunked.send(format!("{:x}\r\n{}\r\n", MIB / 16, " ".repeat(MIB / 16))).await;
        }
        chunked.send("1\r\n \r\n").await;
        assert_too_large(&chunked.answer().await);

        assert_eq!(shop.total().await, 0);
        shop.order("k", CAKE).await.assert_ordered();
        service.executions_begun(1).await;
    }
}

#[tokio::test]
async fn a_body_of_1_mib_is_taken() {
    let service = Service::start(&[]).await;
    let shop = service.shop();
    let padded = format!("{CAKE}{}", " ".repeat(MIB - CAKE.len()));
    let first = shop.order("k", &padded).await;
    first.assert_ordered();
    shop.order("k", CAKE).await.assert_replays(&first);
}

#[tokio::test]
async fn half_a_body_orders_nothing_and_claims_nothing() {
    for service in [Service::start(&[]).await, Service::in_memory(&[]).await] {
        let shop = service.shop();
        for ending in ["close", "reset"] {
            let mut wire = wire_to(&shop).await;
            // The service has read the head and waits for the body once it says 100.
            // What is there of it looks like an order; that it is one the end alone would say.
            let length = CAKE.len() + 1;
            let length = format!("Expect: 100-continue\r\nContent-Length: {length}\r\n");
            wire.send(head(&length)).await;
            assert_eq!(wire.answer().await.status, 100);
            wire.send(CAKE).await;
            match ending {
                "close" => drop(wire),
                _ => wire.reset(),
            }
        }
        let first = shop.order("k", CAKE).await;
        first.assert_ordered();
        assert_eq!(shop.all_orders().await, [first.json()]);
    }
}

#[tokio::test]
async fn a_key_is_claimed_only_once_the_whole_body_is_there() {
    let service = Service::start(&[]).await;
    let shop = service.shop();
    let mut slow = wire_to(&shop).await;
    let expect = format!("Expect: 100-continue\r\nContent-Length: {}\r\n", CAKE.len());
    slow.send(head(&expect)).await;
    assert_eq!(slow.answer().await.status, 100);
    slow.send(&CAKE[..5]).await;

    let first = shop.order("k", CAKE).await;
    first.assert_ordered();
    slow.send(&CAKE[5..]).await;
    let replayed = slow.answer().await;
    assert_eq!((replayed.status, replayed.body), (201, first.body));
    assert_eq!(shop.total().await, 1);
}

#[tokio::test]
async fn a_bad_key_is_refused_before_the_announced_body_is_asked_for() {
    let service = Service::start(&[]).await;
    let shop = service.shop();
    for (key, problem) in [("Idempotency-Key: a,b\r\n", "key-invalid"), ("", "key-missing")] {
        let mut wire = wire_to(&shop).await;
        let announced = [key, "Expect: 100-continue\r\n"].concat();
        let request = post_orders(announced.as_bytes(), CAKE);
        wire.send(&request[..request.len() - CAKE.len()]).await;
        let refused = wire.answer().await;
        assert_eq!(refused.status, 400, "{refused:?}");
        assert_eq!(refused.problem_type(), format!("/.well-known/idempotency#{problem}"));
    }
}

#[tokio::test]
async fn a_member_that_is_there_twice_is_refused() {
    let service = Service::start(&[]).await;
    let shop = service.shop();
    for body in [
        r#"{"itemId":"cake-001","qty":1,"qty":1}"#,
        r#"{"itemId":"cake-001","itemId":"tea","qty":1}"#,
        r#"{"itemId":"cake-001","qty":1,"\u0071ty":2}"#,
        r#"{"userId":"u","items":[{"sku":"a","sku":"b","qty":1}]}"#,
    ] {
        shop.order("k", body).await.assert_problem(400, "order-invalid");
    }
    shop.order("k", CAKE).await.assert_ordered();
    // Under a key that is used it is another request, whatever a lenient reader makes of it.
    let twice = r#"{"itemId":"tea","itemId":"cake-001","qty":1}"#;
    shop.order("k", twice).await.assert_refused(422, "key-reused");
    assert_eq!(shop.total().await, 1);
}

/// The framework has a limit of its own, of 2 MiB: it would answer in the layer's place, and its
/// answer would stand under the key.
#[tokio::test]
async fn a_longer_body_is_taken_where_the_service_is_told_to() {
    let service = Service::start(&["--max-body", "4MiB"]).await;
    let shop = service.shop();
    let spaced = format!("{}{CAKE}", " ".repeat(3 * MIB));
    shop.order("k", &spaced).await.assert_ordered();
}
