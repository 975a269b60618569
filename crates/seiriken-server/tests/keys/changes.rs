//! What changes a key is agreed to, written down, and done once.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::orders::Orders;
use crate::program::Keys;
use crate::victim;

/// A SQLite file in a folder of its own.
struct Place {
    folder: TempDir,
    store: String,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = format!("sqlite:{}", folder.path().join("orders.db").display());
        Self { folder, store }
    }

    fn keys(&self) -> Keys<'_> {
        Keys { store: &self.store, folder: self.folder.path() }
    }

    fn audit(&self) -> Vec<Value> {
        let log = std::fs::read_to_string(self.folder.path().join("orders.db.audit"));
        let line = |line| serde_json::from_str(line).expect("a line of JSON");
        log.unwrap_or_default().lines().map(line).collect()
    }
}

/// Which execution it is.
fn token(key: &Value) -> Value {
    key["token"].clone()
}

#[tokio::test]
async fn what_was_not_done_runs_at_the_next_request() {
    let place = Place::new();
    victim::killed_at_work(&place.store, "k").await;
    let resolved = place.keys().run("resolve", &["k", "--not-done", "--yes"]).await;
    assert_eq!((resolved.status, place.keys().show("k").await), (0, None), "{resolved:?}");
    let orders = Orders::start(&place.store).await;
    let answer = orders.order("k").await;
    assert_eq!(answer.status(), 201);
    assert_eq!(answer.headers()["Idempotent-Replayed"], "false", "it ran");
}

#[tokio::test]
async fn a_deleted_key_is_new() {
    let place = Place::new();
    let orders = Orders::start(&place.store).await;
    let first = orders.order("k").await.text().await.expect("a body");
    let deleted = place.keys().run("delete", &["k", "--yes"]).await;
    assert_eq!(deleted.status, 0, "{deleted:?}");
    let second = orders.order("k").await;
    assert_eq!(second.headers()["Idempotent-Replayed"], "false", "it ran again");
    assert_ne!(second.text().await.expect("a body"), first);
}

#[tokio::test]
async fn without_a_yes_nothing_is_changed_or_written_down() {
    let place = Place::new();
    victim::killed_at_work(&place.store, "k").await;
    let before = place.keys().show("k").await.as_ref().map(token);
    assert!(before.is_some(), "it stands");
    for typed in ["", "\n", "no\n", "y\n"] {
        for (verb, options) in [("resolve", &["k", "--not-done"][..]), ("delete", &["k"])] {
            let ended = place.keys().answered(verb, options, typed).await;
            assert_eq!(ended.status, 1, "{typed:?}: {ended:?}");
            assert!(ended.err.contains("Type yes"), "it asks: {ended:?}");
            assert!(ended.err.contains("nothing was changed"), "{ended:?}");
        }
    }
    assert_eq!(place.keys().show("k").await.as_ref().map(token), before);
    assert_eq!(place.audit(), [] as [Value; 0]);
    let ended = place.keys().answered("resolve", &["k", "--not-done"], "yes\n").await;
    assert_eq!((ended.status, place.keys().show("k").await), (0, None), "{ended:?}");
}

#[tokio::test]
async fn it_is_written_down_who_settled_what() {
    let place = Place::new();
    victim::killed_at_work(&place.store, "k").await;
    let key = place.keys().show("k").await.expect("it stands");
    place.keys().run("resolve", &["k", "--done", "--status", "204", "--yes"]).await;
    place.keys().run("delete", &["k", "--yes"]).await;
    let audit = place.audit();
    let event = |line: &Value| {
        let told = line["told"].as_str().unwrap_or_default();
        format!("{} {} {told}", line["event"].as_str().unwrap_or_default(), line["verb"])
    };
    assert_eq!(
        audit.iter().map(event).collect::<Vec<_>>(),
        [
            "asked \"resolve\" ",
            "told \"resolve\" done",
            "asked \"delete\" ",
            "told \"delete\" done",
        ]
    );
    let asked = &audit[0];
    assert_eq!((&asked["key"]["id"], &asked["key"]["token"]), (&key["id"], &key["token"]));
    assert_eq!(asked["key"]["state"], "indeterminate", "as it stood");
    assert_eq!((&asked["outcome"], &asked["status"]), (&json!("done"), &json!(204)));
    assert_eq!(asked["user"], "night-shift");
    assert!(asked["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{asked}");
    let file = std::fs::metadata(place.folder.path().join("orders.db.audit")).expect("it is there");
    assert_eq!(file.permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let place = Place::new();
    victim::killed_at_work(&place.store, "k").await;
    let nowhere = place.folder.path().join("no/such/folder");
    let nowhere = nowhere.to_str().expect("a path");
    for (verb, options) in
        [("resolve", &["k", "--not-done", "--yes"][..]), ("delete", &["k", "--yes"])]
    {
        let ended = place.keys().run(verb, &[options, &["--audit", nowhere]].concat()).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.err.contains("nothing was changed: the audit log"), "{ended:?}");
    }
    assert!(place.keys().show("k").await.is_some(), "it stands as before");
}

#[tokio::test]
async fn an_answer_is_not_resolved_and_nothing_is_not_found() {
    let place = Place::new();
    let orders = Orders::start(&place.store).await;
    let first = orders.order("k").await.text().await.expect("a body");
    let ended = place.keys().run("resolve", &["k", "--not-done", "--yes"]).await;
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.err.contains("k has its answer, which never changes"), "{ended:?}");
    let ended = place.keys().run("delete", &["another", "--yes"]).await;
    assert_eq!(ended.status, 1, "{ended:?}");
    assert!(ended.err.contains("nothing is known of this key"), "{ended:?}");
    let ended = place.keys().run("show", &["k", "--scope", "another"]).await;
    assert_eq!(ended.status, 1, "{ended:?}");
    let again = orders.order("k").await;
    assert_eq!(again.headers()["Idempotent-Replayed"], "true");
    assert_eq!(again.text().await.expect("a body"), first);
    assert_eq!(place.audit(), [] as [Value; 0]);
}

#[tokio::test]
async fn what_makes_no_sense_is_bad_use() {
    let place = Place::new();
    let orders = Orders::start(&place.store).await;
    orders.order("k").await;
    for (verb, options) in [
        ("show", &[][..]),
        ("show", &["k", "--id", "0123456789abcdef"]),
        ("show", &["--id", "0123456"]),
        ("show", &["not a\u{1f} key"]),
        ("resolve", &["k"]),
        ("resolve", &["k", "--done", "--not-done"]),
        ("resolve", &["k", "--done"]),
        ("resolve", &["k", "--not-done", "--status", "201"]),
        ("resolve", &["k", "--done", "--status", "100"]),
        ("resolve", &["k", "--done", "--status", "200", "--header", "Set-Cookie: a=b"]),
        ("resolve", &["k", "--done", "--status", "204", "--body", "x"]),
        ("list", &["--state", "lost"]),
        ("list", &["--prefix", "xyz"]),
        ("list", &["--limit", "0"]),
        ("forget", &["k"]),
    ] {
        let ended = place.keys().run(verb, options).await;
        assert_eq!(ended.status, 64, "{verb} {options:?}: {ended:?}");
        assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
    }
    let memory = Keys { store: "memory:", ..place.keys() };
    assert_eq!(memory.run("list", &[]).await.status, 64);
}
