//! What differs from store to store: tables, sweeping, stores that are not there.

use private_servers::PrivatePostgres;
use private_servers::redis::{RedisServer, RedisSettings};
use serde_json::json;

use crate::orders::Orders;
use crate::program::Keys;

#[tokio::test]
async fn the_tables_of_postgres_are_made_where_that_is_asked_and_never_by_a_look() {
    let server = PrivatePostgres::start(&["fsync=on"]).expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let url = server.url();
    let keys = Keys { store: &url, folder: folder.path() };
    for verb in ["list", "sweep"] {
        let refused = keys.run(verb, &[]).await;
        assert_eq!(refused.status, 1, "{refused:?}");
        assert!(refused.err.contains("seiriken keys migrate does that"), "{refused:?}");
    }
    let made = keys.run("migrate", &[]).await;
    assert_eq!(made.status, 0, "{made:?}");
    assert!(made.out.contains("were brought from version 0 to "), "{made:?}");
    let again = keys.run("migrate", &[]).await;
    assert!(again.status == 0 && again.out.contains("nothing to do"), "{again:?}");
    assert!(keys.json("list", &[]).await.is_empty());
}

#[tokio::test]
async fn other_stores_have_nothing_to_migrate() {
    let folder = tempfile::tempdir().expect("a folder");
    for store in ["sqlite:orders.db", "redis://127.0.0.1:1"] {
        let said = Keys { store, folder: folder.path() }.run("migrate", &[]).await;
        assert!(said.status == 0 && said.out.contains("nothing to do"), "{said:?}");
    }
    assert!(!folder.path().join("orders.db").exists(), "and none is made");
}

#[tokio::test]
async fn a_store_that_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = Keys { store: "sqlite:orders.db", folder: folder.path() };
    for verb in ["list", "sweep"] {
        let ended = keys.run(verb, &[]).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(ended.err.contains("there is no store at orders.db"), "{ended:?}");
    }
    assert!(!folder.path().join("orders.db").exists());
    for store in ["postgres://u:secret@127.0.0.1:1/db", "redis://:secret@127.0.0.1:1"] {
        let ended = Keys { store, ..keys }.run("list", &[]).await;
        assert_eq!(ended.status, 1, "{ended:?}");
        assert!(!ended.err.contains("secret"), "{ended:?}");
    }
}

#[tokio::test]
async fn what_is_due_is_swept_on_demand() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    let keys = Keys { store: &store, folder: folder.path() };
    let orders = Orders::start(&store).await;
    orders.order("k").await;
    let nothing = [json!({"removed": 0, "unresolved_removed": 0, "became_indeterminate": 0})];
    assert_eq!(keys.json("sweep", &[]).await, nothing, "over the socket");
    orders.stop().await;
    assert_eq!(keys.json("sweep", &[]).await, nothing, "in the file");
    assert!(keys.show("k").await.is_some(), "it was not due");

    let server = RedisServer::start(RedisSettings::new()).expect("a server");
    let url = server.url();
    let said = Keys { store: &url, ..keys }.run("sweep", &[]).await;
    assert!(said.status == 0 && said.out.contains("nothing to sweep"), "{said:?}");
}
