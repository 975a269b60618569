//! A service of somebody else's: its effect is opaque, and it is killed while it works.

use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use seiriken::Policy;
use seiriken::http::{Idempotency, Identity};
use seiriken::store::Store;
use seiriken::store::postgres::PostgresStore;
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::orders;
use crate::program::PATIENCE;

/// Set for the other process: its store.
const STORE: &str = "SEIRIKEN_TEST_STORE_OF_THE_VICTIM";
const LISTENING: &str = "the victim listens on ";
const WORKING: &str = "the victim works";

/// Sends one request to a service on this store, and kills that in the middle of it.
pub(crate) async fn killed_at_work(store: &str, key: &str) {
    let mut child = Command::new(std::env::current_exe().expect("the test knows its program"))
        .args(["victim::the_service_that_is_killed", "--exact", "--nocapture"])
        .env(STORE, store)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut said = async |what: &str| loop {
        let line = tokio::time::timeout(PATIENCE, out.next_line()).await;
        let line = line.expect("it goes on").expect("readable").expect("it runs");
        if let Some(rest) = line.strip_prefix(what) {
            return rest.to_owned();
        }
    };
    let url = said(LISTENING).await;
    let key = key.to_owned();
    let asked = tokio::spawn(async move { orders::order(&url, &key).await.map(drop) });
    said(WORKING).await;
    child.kill().await.expect("a process of ours");
    asked.await.expect("no panic").expect_err("it was never answered");
}

/// Run by [`killed_at_work`] in a process of its own; on its own it has nothing to do.
#[tokio::test]
async fn the_service_that_is_killed() {
    let Ok(url) = std::env::var(STORE) else { return };
    match url.split_once(':') {
        Some(("sqlite", path)) => serve(SqliteStore::open(path).await.expect("a file")).await,
        Some(("postgres", _)) => serve(PostgresStore::connect(&url).await.expect("a server")).await,
        Some(("redis", _)) => {
            serve(Arc::new(RedisStore::connect(&url).await.expect("a server"))).await;
        }
        _ => panic!("{url} is no store"),
    }
}

/// The rules of the order service, and work that never ends.
async fn serve<S: Store + Clone>(store: S) {
    let layer = Idempotency::new(store, Identity::credentials().ignoring_cookies())
        .require_key()
        .canonical_json()
        .retention(Duration::from_hours(24))
        .lease(Policy::LEASE_MIN)
        .layer();
    let work = || async {
        say(WORKING);
        std::future::pending::<()>().await;
    };
    let app = Router::new().route("/orders", post(work)).layer(layer);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    say(&format!("{LISTENING}http://{}", listener.local_addr().expect("its address")));
    axum::serve(listener, app).await.expect("it serves until it is killed");
}

/// On a line of its own, past whatever the test's frame has written.
fn say(what: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{what}").and_then(|()| out.flush()).expect("somebody reads it");
}
