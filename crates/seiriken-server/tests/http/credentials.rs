//! The same key from somebody else.

use reqwest::RequestBuilder;

use crate::place::THAT_LASTS;
use crate::service::{Service, on_each_of, on_each_store};
use crate::shop::{Answer, CAKE, Shop, answer};

const TWO_CAKES: &str = r#"{"itemId":"cake-001","qty":2}"#;

fn ordering(shop: &Shop, body: &str, credentials: &[(&str, &str)]) -> RequestBuilder {
    let request = shop.ordering(body).header("Idempotency-Key", "k");
    credentials.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// That it says whose key it is not, and nothing of what was answered.
fn assert_reveals_nothing(refused: &Answer, first: &Answer) {
    refused.assert_refused(422, "credential-changed");
    assert_eq!(refused.field("location"), None);
    let text = String::from_utf8_lossy(&refused.body);
    let order = first.json();
    for hidden in ["orderId", "itemId", "createdAt"] {
        assert!(!text.contains(order[hidden].as_str().expect("text")), "{hidden}: {text}");
    }
}

#[tokio::test]
async fn another_caller_is_refused_and_learns_nothing_of_the_answer() {
    on_each_store(&[], async |service| {
        let shop = service.shop();
        let a = [("Authorization", "Bearer a")];
        let first = answer(ordering(&shop, CAKE, &a)).await;
        first.assert_ordered();
        let nobody: &[(&str, &str)] = &[];
        for caller in [
            &[("Authorization", "Bearer b")],
            nobody,
            &[("X-Api-Key", "a")],
            &[("Authorization", "Bearer a"), ("X-Api-Key", "a")],
        ] {
            // Whether the order is another one too must not show either.
            for body in [CAKE, TWO_CAKES] {
                assert_reveals_nothing(&answer(ordering(&shop, body, caller)).await, &first);
            }
        }
        answer(ordering(&shop, TWO_CAKES, &a)).await.assert_refused(422, "key-reused");
        answer(ordering(&shop, CAKE, &a)).await.assert_replays(&first);
        assert_eq!(shop.total().await, 1);
    })
    .await;
}

#[tokio::test]
async fn another_caller_is_refused_while_the_order_is_processed() {
    on_each_store(&["--processing-time", "2s"], async |mut service| {
        let shop = service.shop();
        let first = tokio::spawn(answer(ordering(&shop, CAKE, &[("X-Api-Key", "a")])));
        service.executions_begun(1).await;
        let other = answer(ordering(&shop, CAKE, &[("X-Api-Key", "b")])).await;
        assert!(!first.is_finished());
        assert_reveals_nothing(&other, &first.await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn who_called_is_remembered_over_a_restart() {
    on_each_of(&THAT_LASTS, &[], async |mut service| {
        let first = answer(ordering(&service.shop(), CAKE, &[("X-Api-Key", "a")])).await;
        service.stop().await;
        service.start_again(&[]).await;
        let shop = service.shop();
        let other = answer(ordering(&shop, CAKE, &[("X-Api-Key", "b")])).await;
        assert_reveals_nothing(&other, &first);
        answer(ordering(&shop, CAKE, &[("X-Api-Key", "a")])).await.assert_replays(&first);
    })
    .await;
}

#[tokio::test]
async fn a_cookie_says_nothing_about_the_caller() {
    let service = Service::start(&[]).await;
    let shop = service.shop();
    let first = answer(ordering(&shop, CAKE, &[("Cookie", "session=1")])).await;
    first.assert_ordered();
    for cookies in [&[("Cookie", "session=2")][..], &[]] {
        answer(ordering(&shop, CAKE, cookies)).await.assert_replays(&first);
    }
}
