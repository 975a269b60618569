//! Others settle a key, or run it, while the service is asked what became of it.

use private_servers::redis::{RedisServer, RedisSettings};
use tokio::task::JoinHandle;

use crate::asked::Service;
use crate::client::{Answer, Client};
use crate::process::Proxy;
use crate::reconciled::{DONE, NEVER, lost, retried};
use crate::upstream::Upstream;

#[tokio::test]
async fn what_a_kill_cut_off_is_settled_by_asking() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let options = ["--lease", "500ms", "--reconcile", &at];
    let mut proxy = Proxy::before(&upstream.url, &options).await;
    let cut = proxy.client().keyed("/held", "k", "{}");
    let cut = tokio::spawn(async move { cut.send().await });
    proxy.executions_begun(1).await;
    while upstream.seen().await.is_empty() {
        tokio::task::yield_now().await;
    }
    proxy.kill().await;
    cut.await.unwrap().expect_err("it was never answered");
    let proxy = proxy.again(&upstream.url, &options).await;
    let again = until_not_running(&proxy.client(), "k");
    service.asked().await.answer(DONE).await;
    assert_eq!(again.await.unwrap().text(), "paid");
    assert_eq!(upstream.seen().await.len(), 1);
}

/// Sends it again until the lease of its owner has ended.
fn until_not_running(client: &Client, key: &'static str) -> JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move {
        loop {
            let told = client.post("/held", key, "{}").await;
            if told.status.as_u16() != 409 {
                return told;
            }
        }
    })
}

/// An operator was faster. What the service says then changes nothing.
#[tokio::test]
async fn an_answer_that_comes_after_a_persons_changes_nothing() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let at = service.at("/outcomes/{key}");
    let proxy = Proxy::before(&upstream.url, &["--reconcile", &at]).await;
    let client = proxy.client();
    for (key, said) in [("a", NEVER), ("b", DONE)] {
        lost(&client, key).await;
        let again = retried(&client, "/close", key);
        let asked = service.asked().await;
        let answer = ["--status", "202", "--body", "by hand"];
        proxy.keys("resolve", &[&[key, "--yes", "--done"], &answer[..]].concat()).await;
        asked.answer(said).await;
        let told = again.await.unwrap();
        assert_eq!((told.status.as_u16(), told.text()), (202, "by hand"), "{told:?}");
    }
    assert_eq!(upstream.seen().await.len(), 2);
}

/// The owner was stopped for longer than its lease, and goes on: its answer stands.
#[tokio::test]
async fn an_owner_that_was_only_late_goes_before_what_the_service_says() {
    let (upstream, mut service) = (Upstream::node().await, Service::start().await);
    let store = RedisServer::start(RedisSettings::default()).expect("a server");
    let at = service.at("/outcomes/{key}");
    let options = ["--lease", "500ms", "--reconcile", &at];
    let mut owner = Proxy::with_store(&store.url(), &upstream.url, &options).await;
    let other = Proxy::with_store(&store.url(), &upstream.url, &options).await;
    for (before, (key, said)) in [("a", NEVER), ("b", DONE)].into_iter().enumerate() {
        let first = retried(&owner.client(), "/held", key);
        owner.executions_begun(before + 1).await;
        while upstream.seen().await.len() == before {
            tokio::task::yield_now().await;
        }
        owner.signal("STOP").await;
        let again = until_not_running(&other.client(), key);
        let asked = service.asked().await;
        owner.signal("CONT").await;
        upstream.release().await;
        let first = first.await.unwrap();
        first.assert_executed(201);
        asked.answer(said).await;
        again.await.unwrap().assert_replays(&first);
        assert_eq!(upstream.seen().await.len(), before + 1);
    }
}

/// What is said of an execution holds for that one. Another proxy was told the same, and has begun
/// the next one.
#[tokio::test]
async fn what_is_said_of_one_execution_frees_no_other() {
    let upstream = Upstream::node().await;
    let store = RedisServer::start(RedisSettings::default()).expect("a server");
    let (mut quick, mut slow) = (Service::start().await, Service::start().await);
    let at = [&quick, &slow].map(|service| service.at("/outcomes/{key}"));
    let one = Proxy::with_store(&store.url(), &upstream.url, &["--reconcile", &at[0]]).await;
    let other = Proxy::with_store(&store.url(), &upstream.url, &["--reconcile", &at[1]]).await;
    lost(&one.client(), "k").await;
    let late = retried(&other.client(), "/close", "k");
    let asked = slow.asked().await;
    let freed = retried(&one.client(), "/close", "k");
    quick.asked().await.answer(NEVER).await;
    freed.await.unwrap().assert_problem(500, "outcome-unknown");
    assert_eq!(upstream.seen().await.len(), 2, "it was run again, and lost again");
    asked.answer(NEVER).await;
    late.await.unwrap().assert_problem(500, "outcome-unknown");
    assert_eq!(upstream.seen().await.len(), 2, "the second one may have happened");
}
