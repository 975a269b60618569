//! The process is killed (SIGKILL) and started again on the same store.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::place::{Kind, THAT_LASTS};
use crate::service::{Service, on_each_of};
use crate::shop::{Answer, CAKE, Shop};

/// Where several processes may share a store, one that was killed is waited for: its lease may not
/// have ended, and the database may not know yet that its connection has.
const RETRIES_WAIT: [&str; 4] = ["--lease", "1s", "--on-concurrent", "wait=20s"];

/// How it is started again. A SQLite file has one process: whoever was killed keeps nobody waiting.
fn again(service: &Service) -> &'static [&'static str] {
    if service.kind() == Kind::Sqlite { &[] } else { &RETRIES_WAIT }
}

#[tokio::test]
async fn an_answer_that_was_given_is_given_again_after_a_crash() {
    on_each_of(&THAT_LASTS, &[], async |mut service| {
        let first = service.shop().order("k", CAKE).await;
        service.kill().await;
        first.assert_ordered();

        service.start_again(&[]).await;
        let shop = service.shop();
        shop.order("k", CAKE).await.assert_replays(&first);
        assert_eq!(shop.all_orders().await, [first.json()]);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_a_crash_cut_off_before_its_commit_is_made_by_its_retry() {
    let options = [&["--processing-time", "1h"], &RETRIES_WAIT[..]].concat();
    on_each_of(&THAT_LASTS, &options, async |mut service| {
        let shop = service.shop();
        let first = tokio::spawn(async move { shop.try_order("k", CAKE).await });
        service.executions_begun(1).await;
        service.kill().await;
        first.await.unwrap().expect_err("it was never answered");

        service.start_again(again(&service)).await;
        let shop = service.shop();
        assert_eq!(shop.total().await, 0);
        let retried = shop.order("k", CAKE).await;
        retried.assert_ordered();
        assert_eq!(shop.all_orders().await, [retried.json()]);
    })
    .await;
}

/// Every key that was sent, with its answer where one came.
type Sent = BTreeMap<String, Option<Answer>>;

/// An order that can be told from all others by its item.
fn order_of(key: &str) -> String {
    format!(r#"{{"itemId":"{key}","qty":1}}"#)
}

/// Orders under one new key after another until the service vanishes.
async fn order_on(shop: Shop, client: String, answered: mpsc::UnboundedSender<()>) -> Sent {
    let mut sent = Sent::new();
    loop {
        let key = format!("{client}-{}", sent.len());
        let Ok(answer) = shop.try_order(&key, &order_of(&key)).await else {
            sent.insert(key, None);
            return sent;
        };
        answer.assert_ordered();
        sent.insert(key, Some(answer));
        // The other end has gone once enough were answered.
        let _ = answered.send(());
    }
}

/// Eight clients order until so many orders were answered; then the service is killed.
async fn killed_under_load(service: &mut Service, round: usize, answers: usize) -> Sent {
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut clients = JoinSet::new();
    for client in 0..8 {
        clients.spawn(order_on(service.shop(), format!("r{round}-c{client}"), tell.clone()));
    }
    for _ in 0..answers {
        told.recv().await.expect("the clients go on");
    }
    service.kill().await;
    clients.join_all().await.into_iter().flatten().collect()
}

/// Sends every key again: an answer that was given stands, and all else is made now or was made.
async fn assert_every_retry_is_answered(shop: &Shop, sent: &Sent) {
    let mut requests = JoinSet::new();
    for (key, first) in sent.clone() {
        let shop = shop.clone();
        requests.spawn(async move {
            let retried = shop.order(&key, &order_of(&key)).await;
            match first {
                Some(first) => retried.assert_replays(&first),
                None => assert_eq!(retried.status.as_u16(), 201, "{retried:?}"),
            }
        });
    }
    requests.join_all().await;
}

async fn assert_one_order_each(shop: &Shop, sent: &Sent) {
    let orders = shop.all_orders().await;
    let item = |order: &Value| order["itemId"].as_str().expect("an item").to_owned();
    let mut ordered: Vec<String> = orders.iter().map(item).collect();
    ordered.sort_unstable();
    let keys: Vec<String> = sent.keys().cloned().collect();
    assert_eq!(ordered, keys);
}

#[tokio::test]
async fn under_load_a_crash_loses_no_answer_and_makes_no_order_twice() {
    on_each_of(&THAT_LASTS, &RETRIES_WAIT, async |mut service| {
        // On Redis the retries of a round wait for the leases of those who were killed in it.
        let rounds = if service.kind() == Kind::Redis { 5 } else { 20 };
        let mut all_sent = Sent::new();
        for round in 0..rounds {
            let sent = killed_under_load(&mut service, round, 3 + 7 * round % 41).await;
            service.start_again(again(&service)).await;
            assert_every_retry_is_answered(&service.shop(), &sent).await;
            all_sent.extend(sent);
        }
        assert_one_order_each(&service.shop(), &all_sent).await;
    })
    .await;
}
