//! A collector that is not there, that hangs, or that comes back.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use tokio::net::TcpListener;

use crate::collector::Collector;
use crate::process::{ENDPOINT, Running};

/// Soon enough that several batches fail while a test runs.
const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "20");

const DOWN: &str = "the collector takes no traces";
const BACK: &str = "the collector takes traces again";

fn how_often(log: &[String], text: &str) -> usize {
    log.iter().filter(|line| line.contains(text)).count()
}

/// A port on which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

#[tokio::test]
async fn one_that_is_not_there_is_told_of_once_and_hinders_nobody() {
    let mut service = Running::orders(&[(ENDPOINT, &nobody().await), SOON], &[]).await;
    assert_eq!(service.order("first").await, 201);
    service.says(DOWN).await;
    for key in ["first", "second", "third"] {
        assert_eq!(service.order(key).await, 201);
    }
    let log = service.stop().await;
    assert_eq!(how_often(&log, DOWN), 1, "{log:#?}");
    // Four requests, each with two spans.
    assert_eq!(how_often(&log, "some spans did not reach the collector lost=8"), 1, "{log:#?}");
}

#[tokio::test]
async fn one_that_never_answers_is_not_waited_for_at_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    // Longer than any test waits.
    let patient = ("OTEL_EXPORTER_OTLP_TIMEOUT", "86400000");
    let service = Running::orders(&[(ENDPOINT, &url), patient, SOON], &[]).await;
    assert_eq!(service.order("k").await, 201);
    let (_connection, _) = silent.accept().await.expect("it is asked");
    assert_eq!(service.order("k").await, 201);
    let log = service.stop().await;
    assert_eq!(how_often(&log, "some spans did not reach the collector lost=4"), 1, "{log:#?}");
}

/// What goes with the spans may be a credential, which is meant for nobody else.
#[tokio::test]
async fn one_that_sends_elsewhere_is_not_followed() {
    let other = Collector::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let there = format!("{}/v1/traces", other.url);
    let elsewhere = move || async move { (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, there)]) };
    let app = Router::new().fallback(elsewhere);
    tokio::spawn(async move { axum::serve(listener, app).await });
    let mut service = Running::orders(&[(ENDPOINT, &url), SOON], &[]).await;
    assert_eq!(service.order("k").await, 201);
    service.says(DOWN).await;
    service.stop().await;
    assert!(other.spans().is_empty());
}

#[tokio::test]
async fn one_that_comes_back_is_told_of_as_well() {
    let collector = Collector::start().await;
    collector.take(false);
    let mut service = Running::orders(&[(ENDPOINT, &collector.url), SOON], &[]).await;
    assert_eq!(service.order("lost").await, 201);
    service.says(DOWN).await;
    collector.take(true);
    assert_eq!(service.order("kept").await, 201);
    service.says(BACK).await;
    assert!(!collector.at_least(1).await.is_empty());
    let log = service.stop().await;
    assert_eq!((how_often(&log, DOWN), how_often(&log, BACK)), (1, 1), "{log:#?}");
}
