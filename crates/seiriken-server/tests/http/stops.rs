//! A clean end: what has begun is finished, what was answered is answered again afterwards.

use crate::service::Service;
use crate::shop::CAKE;
use crate::wire::{Wire, post_orders};

#[tokio::test]
async fn answers_survive_a_stop_and_a_start() {
    let mut service = Service::start(&[]).await;
    let first = service.shop().order("k", CAKE).await;
    first.assert_ordered();
    assert!(service.stop().await.success());
    service.start_again(&[]).await;
    let shop = service.shop();
    shop.order("k", CAKE).await.assert_replays(&first);
    assert_eq!(shop.all_orders().await, [first.json()]);
}

#[tokio::test]
async fn a_stop_that_is_asked_for_as_soon_as_the_port_is_open_is_a_clean_one() {
    let mut service = Service::start(&[]).await;
    for _ in 0..20 {
        let status = service.stop().await;
        assert!(status.success(), "{status}");
        service.start_again(&[]).await;
    }
}

#[tokio::test]
async fn a_stop_waits_for_the_order_that_is_being_processed() {
    let mut service = Service::start(&["--processing-time", "1s"]).await;
    let shop = service.shop();
    let first = tokio::spawn(async move { shop.order("k", CAKE).await });
    service.executions_begun(1).await;
    assert!(service.stop().await.success());
    let first = first.await.unwrap();
    first.assert_ordered();

    service.start_again(&[]).await;
    service.shop().order("k", CAKE).await.assert_replays(&first);
    assert_eq!(service.shop().total().await, 1);
}

#[tokio::test]
async fn a_stop_waits_for_the_order_whose_client_has_gone() {
    let mut service = Service::start(&["--processing-time", "1s"]).await;
    let mut wire = Wire::connect(service.shop().address()).await;
    wire.send(post_orders(b"Idempotency-Key: k\r\n", CAKE)).await;
    service.executions_begun(1).await;
    wire.reset();
    assert!(service.stop().await.success());

    service.start_again(&[]).await;
    let retried = service.shop().order("k", CAKE).await;
    assert_eq!((retried.status.as_u16(), retried.marker()), (201, Some("true")), "{retried:?}");
    assert_eq!(service.shop().total().await, 1);
}
