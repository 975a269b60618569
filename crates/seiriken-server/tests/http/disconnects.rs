//! A client that goes away in the middle: its order is finished and its retry finds the answer.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::Request;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::service::{Service, on_each_store};
use crate::shop::{CAKE, Shop};
use crate::wire::{Wire, post_orders};

/// Orders on a connection of its own, and answers that connection once the work has begun.
async fn begun(service: &mut Service) -> Wire {
    let mut wire = Wire::connect(service.shop().address()).await;
    wire.send(post_orders(b"Idempotency-Key: k\r\n", CAKE)).await;
    service.executions_begun(1).await;
    wire
}

/// A retry waits for the work that its first attempt left behind, and nothing runs again.
async fn assert_finished_once(service: &mut Service, shop: &Shop) {
    let retried = shop.order("k", CAKE).await;
    assert_eq!((retried.status.as_u16(), retried.marker()), (201, Some("true")), "{retried:?}");
    shop.order("k", CAKE).await.assert_replays(&retried);
    let orders = shop.all_orders().await;
    assert_eq!(orders, [retried.json()]);
    // A new key is the second execution: the first order was executed once.
    shop.order("another", CAKE).await.assert_ordered();
    service.executions_begun(2).await;
    assert_eq!(shop.total().await, 2);
}

const OPTIONS: [&str; 4] = ["--processing-time", "1s", "--on-concurrent", "wait=20s"];

#[tokio::test]
async fn a_client_that_resets_its_connection_finds_the_answer_at_its_retry() {
    on_each_store(&OPTIONS, async |mut service| {
        let shop = service.shop();
        begun(&mut service).await.reset();
        assert_finished_once(&mut service, &shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_closes_its_connection_finds_the_answer_at_its_retry() {
    on_each_store(&OPTIONS, async |mut service| {
        let shop = service.shop();
        drop(begun(&mut service).await);
        assert_finished_once(&mut service, &shop).await;
    })
    .await;
}

#[tokio::test]
async fn a_client_that_retries_while_its_first_attempt_runs_on_is_told_so() {
    on_each_store(&["--processing-time", "2s"], async |mut service| {
        let shop = service.shop();
        begun(&mut service).await.reset();
        shop.order("k", CAKE).await.assert_refused(409, "request-in-progress");
        // The service may have seen the reset by now or not: it must not matter.
        let retried = loop {
            let retried = shop.order("k", CAKE).await;
            if retried.status != 409 {
                break retried;
            }
            // Time is what this is about: asking faster would keep the machine from the first one.
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert_eq!((retried.status.as_u16(), retried.marker()), (201, Some("true")), "{retried:?}");
        assert_eq!(shop.all_orders().await, [retried.json()]);
    })
    .await;
}

#[tokio::test]
async fn over_http2_a_client_that_resets_its_stream_finds_the_answer_at_its_retry() {
    on_each_store(&OPTIONS, async |mut service| {
        let shop = service.shop();
        let stream = TcpStream::connect(shop.address()).await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post(format!("{}/orders", shop.url()))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", "k")
            .body(Full::new(Bytes::from(CAKE)))
            .unwrap();
        let mut first = Box::pin(sender.send_request(request));
        tokio::select! {
            biased;
            _ = &mut first => panic!("it was answered too early"),
            () = service.executions_begun(1) => {}
        }
        drop(first);
        assert_finished_once(&mut service, &shop).await;
        // The stream was reset and not the connection.
        sender.ready().await.unwrap();
    })
    .await;
}
