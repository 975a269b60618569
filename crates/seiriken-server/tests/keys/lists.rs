//! Lists, and what an answer holds.

use serde_json::Value;

use crate::orders::Orders;
use crate::program::Keys;

#[tokio::test]
async fn a_list_has_every_key_and_says_when_there_may_be_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    let keys = Keys { store: &store, folder: folder.path() };
    let orders = Orders::start(&store).await;
    // More than there are on a page.
    for number in 0..120 {
        assert_eq!(orders.order(&format!("k{number}")).await.status(), 201);
    }
    let ids = |listed: Vec<Value>| {
        let id = |key: Value| key["id"].as_str().expect("an id").to_owned();
        let mut ids: Vec<String> = listed.into_iter().map(id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let all = ids(keys.json("list", &["--limit", "1000"]).await);
    assert_eq!(all.len(), 120);
    assert_eq!(ids(keys.json("list", &["--limit", "120"]).await), all);
    let some = keys.run("list", &["--limit", "7"]).await;
    assert_eq!(some.out.lines().count(), 8, "a heading and seven: {some:?}");
    assert!(some.err.contains("there may be more than 7"), "{some:?}");
    let alike = keys.json("list", &["--prefix", &all[0][..8]]).await;
    assert_eq!(ids(alike), &all[..1]);
    assert_eq!(keys.json("list", &["--state", "completed"]).await.len(), 50, "the usual limit");
    assert!(keys.json("list", &["--state", "indeterminate"]).await.is_empty());
    assert!(keys.json("list", &["--scope", "another"]).await.is_empty());
    assert_eq!(keys.json("list", &["--scope", "", "--limit", "1000"]).await.len(), 120);

    orders.stop().await;
    assert_eq!(ids(keys.json("list", &["--limit", "1000"]).await), all, "also when nobody has it");
}

#[tokio::test]
async fn what_an_answer_holds_is_shown_where_that_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    let keys = Keys { store: &store, folder: folder.path() };
    let orders = Orders::start(&store).await;
    let body = orders.order("k").await.text().await.expect("a body");
    for options in [&["k"][..], &["k", "--json"]] {
        let shown = keys.run("show", options).await;
        assert_eq!(shown.status, 0, "{shown:?}");
        assert!(!shown.out.contains(&body) && !shown.out.contains("location"), "{shown:?}");
    }
    let shown = keys.run("show", &["k", "--answer"]).await;
    assert!(shown.out.contains(&body) && shown.out.contains("location: "), "{shown:?}");
    let shown = keys.json("show", &["k", "--answer"]).await;
    assert_eq!(shown[0]["answer"]["body"], body);
}
