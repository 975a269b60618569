//! Three in the morning: a key was left indeterminate by a kill. It is found, explained, resolved as
//! done with an answer, and its client's retry gets that answer.

use private_servers::PrivatePostgres;
use private_servers::redis::{RedisServer, RedisSettings};
use serde_json::{Value, json};

use crate::orders::Orders;
use crate::program::{Keys, PATIENCE};
use crate::victim;

const KEY: &str = "night-1";
const ANSWER: &str = r#"{"by":"a person"}"#;

/// Finds the key by its state alone.
async fn found(keys: Keys<'_>) -> Value {
    let looking = async {
        loop {
            // Where nobody knows that the owner is gone, its lease has to pass.
            let listed = keys.json("list", &["--state", "indeterminate"]).await;
            if let Some(key) = listed.into_iter().next() {
                return key;
            }
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.expect("its lease passes")
}

/// Of one that nobody has settled: without the time that it is kept from now on.
fn lasting(mut key: Value) -> Value {
    key.as_object_mut().expect("a key").remove("kept_until");
    key
}

async fn found_explained_and_resolved(keys: Keys<'_>) {
    let key = found(keys).await;
    assert_eq!((&key["class"], &key["why"]), (&json!("opaque"), &json!("owner-vanished")));
    let id = key["id"].as_str().expect("an id");
    assert_eq!(id.len(), 32, "programs are told the whole id: {key}");

    let list = keys.run("list", &[]).await;
    let short = format!("{}  indeterminate  opaque ", &id[..8]);
    assert!(list.out.lines().any(|line| line.starts_with(&short)), "{list:?}");
    assert!(!list.out.contains(id), "not in full: {list:?}");
    let full = keys.run("list", &["--full"]).await;
    assert!(full.out.contains(id), "{full:?}");

    let shown = keys.run("show", &[KEY]).await;
    assert_eq!(shown.status, 0, "{shown:?}");
    for said in [
        &format!("id          {}\n", &id[..8]),
        "whoever ran it vanished",
        "nobody knows whether it was done",
        "seiriken keys resolve night-1 --done",
        "seiriken keys resolve night-1 --not-done",
    ] {
        assert!(shown.out.contains(said), "{said} is not in {}", shown.out);
    }
    let by_key = keys.show(KEY).await.expect("it stands");
    let by_prefix = keys.json("show", &["--id", &id[..8]]).await.remove(0);
    for found in [by_key, by_prefix] {
        assert_eq!(lasting(found), lasting(key.clone()), "by the key as by the state");
    }

    let header = "Content-Type: application/json";
    let answer = ["--done", "--status", "201", "--header", header, "--body", ANSWER];
    let resolved = keys.run("resolve", &[&[KEY, "--yes"], &answer[..]].concat()).await;
    assert_eq!(resolved.status, 0, "{resolved:?}");
    assert!(resolved.out.starts_with("resolved: every retry gets this answer"), "{resolved:?}");
    let key = keys.show(KEY).await.expect("it stands");
    assert_eq!((&key["state"], &key["answer"]["status"]), (&json!("completed"), &json!(201)));
}

async fn the_retry_gets_the_answer(orders: &Orders) {
    let answer = orders.order(KEY).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["Idempotent-Replayed"], "true");
    assert_eq!(answer.headers()["Content-Type"], "application/json");
    assert_eq!(answer.text().await.expect("a body"), ANSWER);
}

#[tokio::test]
async fn a_key_left_by_a_kill_is_settled_in_a_sqlite_file_that_nobody_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    victim::killed_at_work(&store, KEY).await;
    found_explained_and_resolved(Keys { store: &store, folder: folder.path() }).await;
    the_retry_gets_the_answer(&Orders::start(&store).await).await;
}

#[tokio::test]
async fn a_key_left_by_a_kill_is_settled_by_the_process_that_has_the_sqlite_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    victim::killed_at_work(&store, KEY).await;
    let orders = Orders::start(&store).await;
    let before = orders.order(KEY).await;
    assert_eq!(before.status(), 500, "its outcome is not known");
    found_explained_and_resolved(Keys { store: &store, folder: folder.path() }).await;
    the_retry_gets_the_answer(&orders).await;
}

#[tokio::test]
async fn a_key_left_by_a_kill_is_settled_on_postgres() {
    let server = PrivatePostgres::start(&["fsync=on"]).expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let store = server.url();
    victim::killed_at_work(&store, KEY).await;
    found_explained_and_resolved(Keys { store: &store, folder: folder.path() }).await;
    the_retry_gets_the_answer(&Orders::start(&store).await).await;
}

#[tokio::test]
async fn a_key_left_by_a_kill_is_settled_on_redis() {
    let server = RedisServer::start(RedisSettings::new()).expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let store = server.url();
    victim::killed_at_work(&store, KEY).await;
    found_explained_and_resolved(Keys { store: &store, folder: folder.path() }).await;
    the_retry_gets_the_answer(&Orders::start(&store).await).await;
}
