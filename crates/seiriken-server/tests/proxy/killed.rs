//! The proxy is killed (SIGKILL) in the middle, and several stand in front of one service.

use private_servers::PrivatePostgres;
use private_servers::redis::{RedisServer, RedisSettings};
use tokio::task::JoinSet;

use crate::process::Proxy;
use crate::upstream::Upstream;

#[tokio::test]
async fn a_request_that_a_kill_cut_off_is_an_unknown_outcome_and_never_runs_again() {
    let upstream = Upstream::node().await;
    let options = ["--lease", "500ms"];
    let mut proxy = Proxy::before(&upstream.url, &options).await;
    let client = proxy.client();
    let made = client.post("/orders", "done", "").await;
    let cut = tokio::spawn(async move { client.keyed("/held", "k", "").send().await });
    proxy.executions_begun(2).await;
    while upstream.seen().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    proxy.kill().await;
    let proxy = proxy.again(&upstream.url, &options).await;
    cut.await.unwrap().expect_err("it was never answered");
    let client = proxy.client();
    // The dead owner's lease has to end first: until then it may be alive.
    let retried = loop {
        let retried = client.post("/held", "k", "").await;
        if retried.status.as_u16() != 409 {
            break retried;
        }
    };
    retried.assert_problem(500, "outcome-unknown");
    client.post("/held", "k", "").await.assert_problem(500, "outcome-unknown");
    client.post("/orders", "done", "").await.assert_replays(&made);
    assert_eq!(upstream.seen().await.len(), 2);
}

/// Three in the morning: somebody has looked at the service, and knows what became of the request.
#[tokio::test]
async fn a_key_that_a_kill_left_is_resolved_by_a_person_and_its_retry_gets_that_answer() {
    let upstream = Upstream::node().await;
    let options = ["--lease", "500ms"];
    let mut proxy = Proxy::before(&upstream.url, &options).await;
    let client = proxy.client();
    let cut = tokio::spawn(async move { client.keyed("/held", "k", "").send().await });
    proxy.executions_begun(1).await;
    while upstream.seen().await.is_empty() {
        tokio::task::yield_now().await;
    }
    proxy.kill().await;
    cut.await.unwrap().expect_err("it was never answered");
    let proxy = proxy.again(&upstream.url, &options).await;
    let unknown = loop {
        let listed = proxy.keys("list", &["--state", "indeterminate", "--json"]).await;
        if !listed.is_empty() {
            break listed;
        }
    };
    assert!(unknown.contains("owner-vanished"), "{unknown}");
    assert!(proxy.keys("show", &["k"]).await.contains("nobody knows whether it was done"));
    let answer = ["--status", "201", "--header", "Content-Type: text/plain", "--body", "paid"];
    proxy.keys("resolve", &[&["k", "--yes", "--done"], &answer[..]].concat()).await;
    for _ in 0..2 {
        let told = proxy.client().post("/held", "k", "").await;
        assert_eq!((told.status.as_u16(), &told.body[..]), (201, &b"paid"[..]), "{told:?}");
    }
    assert_eq!(upstream.seen().await.len(), 1, "it never ran again");
}

#[tokio::test]
async fn metrics_and_health_are_on_an_address_of_their_own() {
    let upstream = Upstream::node().await;
    let mut proxy = Proxy::before(&upstream.url, &["--admin", "127.0.0.1:0"]).await;
    let made = proxy.client().post("/orders", "k", "{}").await;
    proxy.client().post("/orders", "k", "{}").await.assert_replays(&made);
    let admin = proxy.admin().await;
    let asked = |path: &str| reqwest::get(format!("{admin}{path}"));
    assert_eq!(asked("/readyz").await.expect("it answers").status(), 200);
    let metrics = asked("/metrics").await.expect("it answers").text().await.expect("a text");
    assert!(metrics.contains("seiriken_keys 1"), "{metrics}");
    let through = proxy.client().get("/metrics").await;
    assert!(!String::from_utf8_lossy(&through.body).contains("seiriken_keys"), "{through:?}");
}

#[tokio::test]
async fn two_proxies_on_one_postgresql_are_one() {
    let server = PrivatePostgres::start(&[]).expect("a server");
    assert_that_two_are_one(&server.url()).await;
}

#[tokio::test]
async fn two_proxies_on_one_redis_are_one() {
    let server = RedisServer::start(RedisSettings::default()).expect("a server");
    assert_that_two_are_one(&server.url()).await;
}

/// Forty requests under five keys, at both at once.
async fn assert_that_two_are_one(store: &str) {
    let upstream = Upstream::node().await;
    let one = Proxy::with_store(store, &upstream.url, &[]).await;
    let other = Proxy::with_store(store, &upstream.url, &[]).await;
    let mut all = JoinSet::new();
    for at in 0..40 {
        let client = if at % 2 == 0 { one.client() } else { other.client() };
        all.spawn(async move { client.post("/orders", &format!("k{}", at / 8), "{}").await });
    }
    for answer in all.join_all().await {
        assert!([201, 409].contains(&answer.status.as_u16()), "{answer:?}");
    }
    for key in 0..5 {
        let key = format!("k{key}");
        let told = one.client().post("/orders", &key, "{}").await;
        other.client().post("/orders", &key, "{}").await.assert_replays(&told);
    }
    assert_eq!(upstream.seen().await.len(), 5);
}
