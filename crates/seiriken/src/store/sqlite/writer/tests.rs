//! What ends the writer, and what those are told who wait for it.

use std::path::{Path, PathBuf};
use std::sync::mpsc;

use rusqlite::ffi;

use super::*;
use crate::store::sqlite::SqliteStore;

/// A job that says when it is in its group, waits to be let on and then does something.
struct Breaking {
    enter: Option<oneshot::Sender<()>>,
    may_go_on: mpsc::Receiver<()>,
    then: fn(&Connection),
    reply: oneshot::Sender<Result<(), StoreError>>,
}

impl Job for Breaking {
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        if let Some(enter) = self.enter.take() {
            enter.send(()).expect("the test waits");
        }
        // The end of the channel is what it waits for.
        let _ = self.may_go_on.recv();
        (self.then)(group.connection);
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        self.reply.send(group).expect("the test waits");
    }
}

/// What was told of a group that broke the writer, and of a write that waited behind it.
struct Told {
    broken: StoreError,
    behind: StoreError,
}

async fn broken_by(then: fn(&Connection), store: &SqliteStore) -> Told {
    let (let_on, may_go_on) = mpsc::channel::<()>();
    let (enter, entered) = oneshot::channel();
    let first = store.clone();
    let breaking = tokio::spawn(async move {
        let job = |reply| Breaking { enter: Some(enter), may_go_on, then, reply };
        first.shared.writer.submit(job).await.and_then(|told| told)
    });
    // From now on nothing joins its group.
    entered.await.expect("the writer has come to it");
    let behind = store.write(|_| Ok::<_, ()>(()));
    let release = async { drop(let_on) };
    let (behind, ()) = tokio::join!(biased; behind, release);
    let broken = breaking.await.expect("it ends").expect_err("its group is broken");
    Told { broken, behind: behind.expect_err("nothing is written after it") }
}

/// Nothing is served from the file: not by this store, nor by one that would be opened now.
async fn assert_halted(store: &SqliteStore, path: &Path) {
    store.halted().await;
    let refused = store.write(|_| Ok::<_, ()>(())).await.expect_err("it has halted");
    assert!(!refused.may_have_been_applied(), "{refused}");
    assert!(format!("{store:?}").contains("phase: Halted"), "{store:?}");
    match SqliteStore::open(path).await {
        Err(OpenError::InUse { .. }) => {}
        other => panic!("nobody knows what is on the disk, and it is opened: {other:?}"),
    }
}

async fn opened(folder: &tempfile::TempDir) -> (SqliteStore, PathBuf) {
    let path = folder.path().join("test.db");
    (SqliteStore::open(&path).await.expect("a new file"), path)
}

#[tokio::test]
async fn a_commit_that_fails_halts_the_store_and_what_waits_was_not_done() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, path) = opened(&folder).await;
    assert!(format!("{store:?}").contains("phase: Open"), "{store:?}");
    // The transaction is ended behind the writer's back. Its COMMIT then fails, and whether anything
    // of the group is on the disk that error does not say.
    let end = |connection: &Connection| {
        connection.execute_batch("COMMIT").expect("the transaction is open");
    };
    let told = broken_by(end, &store).await;
    assert!(told.broken.may_have_been_applied(), "{}", told.broken);
    assert!(!told.behind.may_have_been_applied(), "{}", told.behind);
    assert_halted(&store, &path).await;
}

#[tokio::test]
async fn a_writer_that_panics_halts_the_store_and_keeps_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, path) = opened(&folder).await;
    let told = broken_by(|_| panic!("an invariant is broken, for this test"), &store).await;
    assert!(told.broken.may_have_been_applied(), "{}", told.broken);
    assert_halted(&store, &path).await;
}

#[test]
fn only_a_refusal_that_leaves_the_transaction_open_has_written_nothing() {
    let failure = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    let connection = Connection::open_in_memory().expect("a database");
    let refused = |code| refused_before_writing(&connection, &failure(code));
    assert!(!refused(ffi::SQLITE_CONSTRAINT), "there is no transaction");
    connection.execute_batch("BEGIN").expect("a transaction");
    assert!(refused(ffi::SQLITE_CONSTRAINT), "its content was refused");
    assert!(refused(ffi::SQLITE_BUSY), "it had no turn");
    assert!(!refused(ffi::SQLITE_IOERR), "something may have been written");
    assert!(!refused(ffi::SQLITE_FULL), "something may have been written");
}
