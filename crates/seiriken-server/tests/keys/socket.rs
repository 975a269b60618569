//! The socket beside a SQLite file.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::orders::Orders;
use crate::program::Keys;

#[tokio::test]
async fn it_is_its_owners_alone_and_goes_with_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    let socket = folder.path().join("orders.db.socket");
    let orders = Orders::start(&store).await;
    let found = std::fs::metadata(&socket).expect("it is there");
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(!folder.path().join("orders.db.socket.d").exists(), "what it was made in is gone");
    orders.stop().await;
    assert!(!socket.exists(), "nobody answers there any more");
}

#[tokio::test]
async fn one_that_a_killed_service_left_is_in_nobodys_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    let keys = Keys { store: &store, folder: folder.path() };
    let orders = Orders::start(&store).await;
    orders.order("k").await;
    orders.kill().await;
    assert!(folder.path().join("orders.db.socket").exists(), "a kill removes nothing");
    assert!(keys.show("k").await.is_some(), "the file itself is opened");
    let orders = Orders::start(&store).await;
    assert!(keys.show("k").await.is_some(), "over a socket of its own");
    orders.stop().await;
}

/// Whatever comes over the socket: it is refused, and the service goes on.
#[tokio::test]
async fn what_is_not_understood_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = format!("sqlite:{}", folder.path().join("orders.db").display());
    let orders = Orders::start(&store).await;
    for asked in
        ["\n", "{}\n", "\"forget-everything\"\n", "{\"delete\":{\"id\":\"1\",\"token\":\"1\"}}\n"]
    {
        let mut stream =
            UnixStream::connect(folder.path().join("orders.db.socket")).await.expect("it listens");
        stream.write_all(asked.as_bytes()).await.expect("it reads");
        stream.shutdown().await.expect("it reads on");
        let mut told = String::new();
        stream.read_to_string(&mut told).await.expect("it answers");
        assert!(told.starts_with("{\"failed\":"), "{asked:?}: {told}");
    }
    assert_eq!(orders.order("k").await.status(), 201);
}

/// A path that no socket can have costs the socket, not the service.
#[tokio::test]
async fn where_there_can_be_no_socket_the_service_runs_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep: PathBuf = folder.path().join("a".repeat(100)).join("b".repeat(100));
    std::fs::create_dir_all(&deep).expect("folders");
    let store = format!("sqlite:{}", deep.join("orders.db").display());
    let keys = Keys { store: &store, folder: folder.path() };
    let orders = Orders::start(&store).await;
    assert_eq!(orders.order("k").await.status(), 201);
    let refused = keys.run("list", &[]).await;
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.err.contains("is in use by a process that has no socket"), "{refused:?}");
    orders.stop().await;
    assert!(keys.show("k").await.is_some(), "the file itself is opened");
}
