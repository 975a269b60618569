//! Every second answer is lost, and yet each operation is done once and every client knows it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use seiriken_client::{Backoff, Budget, Client, Outcome, Request};
use tokio::task::JoinSet;

use crate::relay::Relay;
use crate::service::Service;

const OPERATIONS: usize = 10_000;
const AT_A_TIME: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_operations_each_is_one_order_and_every_result_is_right() {
    let service = Service::start(&[]).await;
    let relay = Relay::to(service.shop().address()).await;
    let backoff = Backoff { first: Duration::from_millis(5), longest: Duration::from_millis(100) };
    let client = Client::builder()
        .backoff(backoff)
        // As many retries as first attempts, and more: half of all answers are lost.
        .budget(Budget::new(1_000, 3.0))
        .without_certificates()
        .build()
        .expect("a client");
    let next = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (client, next, url) = (client.clone(), Arc::clone(&next), relay.url.clone());
        workers.spawn(async move {
            let mut told = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::SeqCst);
                if number >= OPERATIONS {
                    return told;
                }
                told.push((user(number), ordered(&client, &url, number).await));
            }
        });
    }
    let told: BTreeMap<String, String> = workers.join_all().await.into_iter().flatten().collect();
    assert_eq!(told.len(), OPERATIONS);

    let orders = service.shop().all_orders().await;
    assert_eq!(orders.len(), OPERATIONS);
    let text = |order: &serde_json::Value, name: &str| order[name].as_str().unwrap().to_owned();
    let made: BTreeMap<String, String> =
        orders.iter().map(|order| (text(order, "userId"), text(order, "orderId"))).collect();
    assert_eq!(made, told, "user by user, the order that the client was told");
    // About half of 20 000 answers.
    assert!(relay.lost() >= OPERATIONS * 9 / 10, "{} answers were lost", relay.lost());
}

fn user(number: usize) -> String {
    format!("user-{number:05}")
}

/// The id that the client was told.
async fn ordered(client: &Client, url: &str, number: usize) -> String {
    let order = serde_json::json!({
        "userId": user(number), "items": [{"sku": "cake-001", "qty": 1}],
    });
    let request = Request::post(&format!("{url}/orders")).expect("an address");
    let mut intent = client.intent(request.json(&order).expect("JSON")).expect("a key");
    match client.send(&mut intent).await {
        Ok(Outcome::Definite(answer)) if answer.status == 201 => {
            let order: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
            order["orderId"].as_str().expect("an id").to_owned()
        }
        other => panic!("{number}: {other:?}"),
    }
}
