//! Two and more requests of one key at once.

use std::time::Duration;

use tokio::task::JoinSet;

use crate::service::on_each_store;
use crate::shop::{Answer, CAKE, Shop};

const TWO_CAKES: &str = r#"{"itemId":"cake-001","qty":2}"#;

fn ordering(shop: &Shop) -> tokio::task::JoinHandle<Answer> {
    let shop = shop.clone();
    tokio::spawn(async move { shop.order("k", CAKE).await })
}

#[tokio::test]
async fn a_second_request_is_told_that_the_first_one_is_running() {
    on_each_store(&["--processing-time", "2s"], async |mut service| {
        let shop = service.shop();
        let first = ordering(&shop);
        service.executions_begun(1).await;

        let second = shop.order("k", CAKE).await;
        second.assert_refused(409, "request-in-progress");
        let retry_after = second.field("retry-after").expect("when to ask again");
        assert!(retry_after.parse::<u64>().expect("whole seconds") >= 1, "{retry_after}");

        let first = first.await.unwrap();
        first.assert_ordered();
        shop.order("k", CAKE).await.assert_replays(&first);
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn another_order_under_a_running_key_is_told_so_at_once() {
    for waiting in ["reject", "wait=30s"] {
        let options = ["--processing-time", "2s", "--on-concurrent", waiting];
        on_each_store(&options, async |mut service| {
            let shop = service.shop();
            let first = ordering(&shop);
            service.executions_begun(1).await;
            shop.order("k", TWO_CAKES).await.assert_refused(422, "key-reused");
            assert!(!first.is_finished(), "it was told while the first one ran ({waiting})");
            first.await.unwrap().assert_ordered();
            assert_eq!(shop.total().await, 1);
        })
        .await;
    }
}

#[tokio::test]
async fn a_second_request_that_waits_gets_the_same_answer() {
    let options = ["--processing-time", "2s", "--on-concurrent", "wait=20s"];
    on_each_store(&options, async |mut service| {
        let shop = service.shop();
        let first = ordering(&shop);
        service.executions_begun(1).await;
        let second = shop.order("k", CAKE).await;
        let first = first.await.unwrap();
        first.assert_ordered();
        second.assert_replays(&first);
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_order_that_takes_longer_than_its_lease_is_still_running() {
    let options = ["--processing-time", "2500ms", "--lease", "1s"];
    on_each_store(&options, async |mut service| {
        let shop = service.shop();
        let first = ordering(&shop);
        service.executions_begun(1).await;
        let second = loop {
            let first_is_answered = first.is_finished();
            let second = shop.order("k", CAKE).await;
            if second.status != 409 {
                break second;
            }
            second.assert_refused(409, "request-in-progress");
            assert!(!first_is_answered, "nothing runs any more: {second:?}");
            // Time is what this is about: asking faster would keep the machine from renewing.
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let first = first.await.unwrap();
        first.assert_ordered();
        second.assert_replays(&first);
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn who_waits_too_short_is_told_that_it_is_still_running() {
    let options = ["--processing-time", "3s", "--on-concurrent", "wait=200ms"];
    on_each_store(&options, async |mut service| {
        let shop = service.shop();
        let first = ordering(&shop);
        service.executions_begun(1).await;
        shop.order("k", CAKE).await.assert_refused(409, "request-in-progress");
        assert!(!first.is_finished());
        first.await.unwrap().assert_ordered();
    })
    .await;
}

#[tokio::test]
async fn many_bad_orders_at_once_are_each_refused_and_leave_the_key_free() {
    on_each_store(&["--on-concurrent", "wait=20s"], async |service| {
        let shop = service.shop();
        let mut requests = JoinSet::new();
        for _ in 0..16 {
            let shop = shop.clone();
            requests.spawn(async move { shop.order("k", r#"{"itemId":"","qty":1}"#).await });
        }
        for answer in requests.join_all().await {
            answer.assert_problem(400, "order-invalid");
        }
        shop.order("k", CAKE).await.assert_ordered();
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

async fn sixty_four_at_once(shop: &Shop) -> Vec<Answer> {
    let mut requests = JoinSet::new();
    for _ in 0..64 {
        let shop = shop.clone();
        requests.spawn(async move { shop.order("k", CAKE).await });
    }
    requests.join_all().await
}

/// Exactly one was run; answers it.
fn the_one_that_ran(answers: &[Answer]) -> &Answer {
    let mut ran = answers.iter().filter(|answer| answer.marker() == Some("false"));
    let one = ran.next().expect("one of them ran");
    assert!(ran.next().is_none(), "one alone ran");
    one.assert_ordered();
    one
}

#[tokio::test]
async fn of_many_at_once_one_orders_and_the_others_are_told_so() {
    let options = ["--processing-time", "300ms"];
    on_each_store(&options, async |service| {
        let shop = service.shop();
        let answers = sixty_four_at_once(&shop).await;
        let first = the_one_that_ran(&answers);
        for answer in answers.iter().filter(|answer| *answer != first) {
            match answer.status.as_u16() {
                201 => answer.assert_replays(first),
                _ => drop(answer.assert_refused(409, "request-in-progress")),
            }
        }
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_that_wait_all_get_the_same_answer() {
    let options = ["--processing-time", "300ms", "--on-concurrent", "wait=20s"];
    on_each_store(&options, async |service| {
        let shop = service.shop();
        let answers = sixty_four_at_once(&shop).await;
        let first = the_one_that_ran(&answers);
        for answer in answers.iter().filter(|answer| *answer != first) {
            answer.assert_replays(first);
        }
        assert_eq!(shop.total().await, 1);
    })
    .await;
}
