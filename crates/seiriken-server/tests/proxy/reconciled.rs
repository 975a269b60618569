//! The service is asked what became of a request whose outcome is not known.

use reqwest::Method;
use tokio::task::{JoinHandle, JoinSet};

use crate::asked::Service;
use crate::client::{Answer, Client};
use crate::process::Proxy;
use crate::upstream::Upstream;
use crate::wire::Wire;

pub(crate) const NEVER: &str = r#"{"outcome":"never"}"#;
pub(crate) const DONE: &str = r#"{"outcome":"done","status":201,"body":"paid",
    "headers":{"Content-Type":"text/plain","Link":["</a>","</b>"],"Set-Cookie":"a=1"}}"#;

/// A request whose connection breaks: nobody knows what it did.
pub(crate) async fn lost(client: &Client, key: &str) {
    client.post("/close", key, "{}").await.assert_problem(500, "outcome-unknown");
}

/// Sends the same once more, and waits for the answer elsewhere.
pub(crate) fn retried(
    client: &Client,
    target: &'static str,
    key: &'static str,
) -> JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { client.post(target, key, "{}").await })
}

#[tokio::test]
async fn what_the_service_says_was_done_is_the_answer_from_then_on() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let proxy = Proxy::before(&upstream.url, &["--reconcile", &at]).await;
    let client = proxy.client();
    let first = Answer::to(quoted(&client)).await;
    first.assert_problem(500, "outcome-unknown");
    client.post("/half", "half", "{}").await.assert_problem(500, "outcome-unknown");
    // The first caller is told at once: the service may still be at it.
    service.assert_not_asked();

    let again = quoted(&client);
    let again = tokio::spawn(async move { Answer::to(again).await });
    let asked = service.asked().await;
    assert!(asked.head.starts_with("GET /outcomes/k%201 HTTP/1.1\r\n"), "{}", asked.head);
    let fields = asked.head.to_lowercase();
    assert!(fields.contains("\r\nhost: 127.0.0.1:") && !fields.contains("secret"), "{fields}");
    asked.answer(DONE).await;
    let told = again.await.unwrap();
    assert_eq!((told.status.as_u16(), told.text(), told.marker()), (201, "paid", Some("true")));
    assert_eq!(told.field("link"), ["</a>", "</b>"]);
    assert_eq!(told.field("content-type"), ["text/plain"]);

    // Nobody has to be asked any more, and nobody else is told.
    Answer::to(quoted(&client)).await.assert_replays(&told);
    let other = client.request(Method::POST, "/close").header("Idempotency-Key", "\"k 1\"");
    Answer::to(other.body("{}")).await.assert_problem(422, "credential-changed");
    service.assert_not_asked();
    assert_eq!(upstream.seen().await.len(), 2);
}

fn quoted(client: &Client) -> reqwest::RequestBuilder {
    let request = client.request(Method::POST, "/close").header("Idempotency-Key", "\"k 1\"");
    request.bearer_auth("secret").body("{}")
}

#[tokio::test]
async fn what_can_never_happen_any_more_frees_the_key_and_the_retry_runs() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes?key={key}");
    let proxy = Proxy::before(&upstream.url, &["--reconcile", &at]).await;
    let client = proxy.client();
    let lost = client.post("/lost-once", "k", "{}").await;
    lost.assert_problem(500, "outcome-unknown");
    let again = retried(&client, "/lost-once", "k");
    let asked = service.asked().await;
    assert!(asked.head.starts_with("GET /outcomes?key=k HTTP/1.1\r\n"), "{}", asked.head);
    asked.answer(NEVER).await;
    let ran = again.await.unwrap();
    ran.assert_executed(201);
    client.post("/lost-once", "k", "{}").await.assert_replays(&ran);
    let seen = upstream.seen().await;
    let bodies: Vec<&str> = seen.iter().map(|seen| seen.body.as_str()).collect();
    assert_eq!(bodies, ["{}", "{}"], "the second one has the body of the first one");
    service.assert_not_asked();
}

#[tokio::test]
async fn whatever_else_it_says_the_outcome_stays_unknown() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let options = ["--reconcile", &at, "--reconcile-pause", "0s", "--max-response", "1KiB"];
    let proxy = Proxy::before(&upstream.url, &options).await;
    let client = proxy.client();
    lost(&client, "k").await;
    let long = format!(r#"{{"outcome":"done","status":200,"body":"{}"}}"#, "x".repeat(1025));
    let longer = format!("{}{NEVER}", " ".repeat(1 << 20));
    for (status, body) in [
        ("404 Not Found", NEVER),
        ("500 Internal Server Error", NEVER),
        ("204 No Content", ""),
        ("202 Accepted", NEVER),
        ("302 Found\r\nLocation: /outcomes/other", NEVER),
        ("200 OK", "not yet"),
        ("200 OK", r#"{"outcome":"unknown"}"#),
        ("200 OK", r#"{"outcome":"never","status":201}"#),
        ("200 OK", &long),
        ("200 OK", &longer),
    ] {
        let again = retried(&client, "/close", "k");
        service.asked().await.answer_with(status, body).await;
        again.await.unwrap().assert_problem(500, "outcome-unknown");
    }
    // It breaks off.
    let again = retried(&client, "/close", "k");
    let broken = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"outcome\":\"never\"}";
    service.asked().await.send(broken).await;
    again.await.unwrap().assert_problem(500, "outcome-unknown");
    assert_eq!(upstream.seen().await.len(), 1, "nothing ran again");

    let again = retried(&client, "/close", "k");
    service.asked().await.answer(DONE).await;
    assert_eq!(again.await.unwrap().text(), "paid");
}

#[tokio::test]
async fn a_service_that_says_nothing_is_waited_for_only_so_long() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let options = ["--reconcile", &at, "--reconcile-timeout", "200ms"];
    let proxy = Proxy::before(&upstream.url, &options).await;
    lost(&proxy.client(), "k").await;
    let again = retried(&proxy.client(), "/close", "k");
    let silent = service.asked().await;
    again.await.unwrap().assert_problem(500, "outcome-unknown");
    drop(silent);
    assert_eq!(upstream.seen().await.len(), 1);
}

/// A client may choose a key that is a path.
#[tokio::test]
async fn a_key_that_could_become_another_path_is_not_asked_about() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let proxy = Proxy::before(&upstream.url, &["--reconcile", &at]).await;
    for key in ["../admin", "..", "a%2f..", "a?b"] {
        for _ in 0..2 {
            lost(&proxy.client(), key).await;
        }
    }
    service.assert_not_asked();
}

#[tokio::test]
async fn a_request_that_runs_is_not_asked_about() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let mut proxy = Proxy::before(&upstream.url, &["--reconcile", &at]).await;
    let first = retried(&proxy.client(), "/held", "k");
    proxy.executions_begun(1).await;
    let second = proxy.client().post("/held", "k", "{}").await;
    second.assert_problem(409, "request-in-progress");
    let other = proxy.client().post("/held", "k", "[]").await;
    other.assert_problem(422, "key-reused");
    while upstream.seen().await.is_empty() {
        tokio::task::yield_now().await;
    }
    upstream.release().await;
    first.await.unwrap().assert_executed(201);
    service.assert_not_asked();
}

#[tokio::test]
async fn many_that_meet_one_unknown_outcome_ask_once() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let options = ["--reconcile", &at, "--admin", "127.0.0.1:0", "--reconcile-pause", "0s"];
    let mut proxy = Proxy::before(&upstream.url, &options).await;
    let client = proxy.client();
    lost(&client, "k").await;
    let mut all = JoinSet::new();
    for _ in 0..8 {
        let client = client.clone();
        all.spawn(async move { client.post("/close", "k", "{}").await });
    }
    let asked = service.asked().await;
    let metrics = format!("{}/metrics", proxy.admin().await);
    let met = "seiriken_decisions_total{decision=\"indeterminate\"} 8";
    while !reqwest::get(&metrics).await.unwrap().text().await.unwrap().contains(met) {
        tokio::task::yield_now().await;
    }
    asked.answer(DONE).await;
    for told in all.join_all().await {
        assert_eq!((told.status.as_u16(), told.text()), (201, "paid"), "{told:?}");
    }
    service.assert_not_asked();
}

#[tokio::test]
async fn a_service_that_cannot_tell_is_not_asked_again_at_once() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let options = ["--reconcile", &at, "--reconcile-pause", "1h"];
    let proxy = Proxy::before(&upstream.url, &options).await;
    let client = proxy.client();
    lost(&client, "k").await;
    lost(&client, "other").await;
    let again = retried(&client, "/close", "k");
    service.asked().await.answer_with("404 Not Found", "").await;
    again.await.unwrap().assert_problem(500, "outcome-unknown");
    for _ in 0..3 {
        lost(&client, "k").await;
    }
    service.assert_not_asked();
    let other = retried(&client, "/close", "other");
    service.asked().await.answer(DONE).await;
    assert_eq!(other.await.unwrap().text(), "paid");
}

#[tokio::test]
async fn who_asks_and_goes_away_has_asked_for_all() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let options = ["--reconcile", &at, "--reconcile-pause", "1h"];
    let proxy = Proxy::before(&upstream.url, &options).await;
    let client = proxy.client();
    lost(&client, "k").await;
    let mut wire = Wire::connect(proxy.authority()).await;
    wire.send(
        "POST /close HTTP/1.1\r\nHost: shop.example\r\nIdempotency-Key: k\r\n\
         Content-Length: 2\r\n\r\n{}",
    )
    .await;
    let asked = service.asked().await;
    drop(wire);
    // Of another connection, so that the proxy has had the time to see the end of that one.
    client.get("/orders").await;
    asked.answer(DONE).await;
    let told = client.post("/close", "k", "{}").await;
    assert_eq!((told.status.as_u16(), told.text()), (201, "paid"), "{told:?}");
    service.assert_not_asked();
}
