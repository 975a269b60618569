//! What the store promises of what it has acknowledged: the policy page has it, and the log.

use std::process::Stdio;

use private_servers::redis::{Persistence, RedisServer, RedisSettings};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::time::timeout;

use crate::place::Kind;
use crate::service::{PATIENCE, on_each_store, program};
use crate::shop::Shop;

async fn published(shop: &Shop) -> String {
    let policy = shop.get("/.well-known/idempotency").await.json();
    policy["durability"].as_str().expect("the page has it").to_owned()
}

#[tokio::test]
async fn each_store_says_on_the_policy_page_what_it_promises() {
    on_each_store(&[], async |service| {
        let words = match service.kind() {
            Kind::Memory => "has forgotten every key",
            Kind::Sqlite => "a restart forgets nothing",
            Kind::Postgres => "unless commits wait for that standby",
            Kind::Redis => "no replica to take a server's place",
        };
        let told = published(&service.shop()).await;
        assert!(told.contains(words), "{told}");
    })
    .await;
}

async fn next_line(lines: &mut Lines<BufReader<impl AsyncRead + Unpin>>) -> String {
    let line = timeout(PATIENCE, lines.next_line()).await.expect("it says more");
    line.expect("text").expect("the service runs")
}

async fn until_it_says(words: &str, log: &mut Lines<BufReader<impl AsyncRead + Unpin>>) {
    while !next_line(log).await.contains(words) {}
}

/// Redis promises what it is set to, and can be set otherwise at any time.
#[tokio::test]
async fn what_redis_promises_now_is_in_the_log_and_on_the_policy_page() {
    const AT_FIRST: &str = "a restart forgets nothing";
    const LATER: &str = "may forget the last second or two";
    let settings = RedisSettings::new().persistence(Persistence::Always);
    let server = RedisServer::start(settings).expect("a Redis");
    let mut service = program()
        .args(["--listen", "127.0.0.1:0", "--store", &server.url()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut log = BufReader::new(service.stderr.take().expect("a pipe")).lines();
    until_it_says(AT_FIRST, &mut log).await;
    let mut out = BufReader::new(service.stdout.take().expect("a pipe")).lines();
    let line = next_line(&mut out).await;
    let shop = Shop::new(line.strip_prefix("listening on ").expect("the address"));
    let told = published(&shop).await;
    assert!(told.contains(AT_FIRST), "{told}");

    server.cli(&["CONFIG", "SET", "appendfsync", "everysec"]).expect("it is set");
    until_it_says(LATER, &mut log).await;
    let told = published(&shop).await;
    assert!(told.contains(LATER) && !told.contains(AT_FIRST), "{told}");
}
