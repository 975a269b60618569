//! Opening the file: one process at a time, and nothing that this version does not know.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, Granted};
use seiriken::store::Store;
use seiriken::store::sqlite::{OpenError, SqliteStore};

use super::{Bench, answer, ask, granted, key, owner};

/// Set for the other process: the file that it opens.
const HELD: &str = "SEIRIKEN_TEST_HELD_FILE";

#[tokio::test]
async fn a_second_handle_of_the_same_process_is_refused_until_the_first_is_closed() {
    let bench = Bench::new();
    let store = bench.open().await;
    let refused = SqliteStore::open(bench.path()).await.expect_err("it is open already");
    assert!(matches!(&refused, OpenError::InUse { path } if *path == bench.path()), "{refused}");
    owner(&store, key(1), EffectClass::Keyed).await;
    store.close().await;
    bench.open().await;
}

#[tokio::test]
async fn a_handle_that_was_cloned_keeps_nothing_open_after_close() {
    let bench = Bench::new();
    let store = bench.open().await;
    let other = store.clone();
    store.close().await;
    let claim = ask(&other, EffectClass::Keyed, 1);
    let refused = other.claim(key(1), claim).await.expect_err("it is closed");
    assert!(!refused.may_have_been_applied(), "{refused}");
    let again = bench.open().await;
    assert_eq!(granted(&again, key(1), EffectClass::Keyed, 1).await.how, Granted::First);
}

#[tokio::test]
async fn another_process_is_refused_and_a_killed_one_leaves_what_it_acknowledged() {
    let bench = Bench::new();
    let mut other = Other::holding(&bench.path());
    let refused = SqliteStore::open(bench.path()).await.expect_err("another process has it");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    other.kill();

    let store = bench.open().await;
    let told = store.claim(key(1), ask(&store, EffectClass::Keyed, 2)).await;
    assert_eq!(told.expect("it is answered"), ClaimOutcome::Completed(answer("before")));
    // Its lease runs on by the clock; its owner is known to be gone.
    let told = store.claim(key(2), ask(&store, EffectClass::Opaque, 2)).await;
    assert_eq!(told.expect("it is answered"), ClaimOutcome::Indeterminate);
    let grant = granted(&store, key(3), EffectClass::Keyed, 2).await;
    assert_eq!((grant.how, grant.executions), (Granted::TakenOver, 2));
    let grant = granted(&store, key(4), EffectClass::Transactional, 2).await;
    assert_eq!(grant.executions, 1, "nothing of it was written");
}

/// Run by [`Other`] in a process of its own; on its own it has nothing to do.
#[tokio::test]
async fn the_other_process() {
    let Some(path) = std::env::var_os(HELD) else { return };
    let store = SqliteStore::open(Path::new(&path)).await.expect("nobody else has it");
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    store.complete(key(1), token, answer("before")).await.expect("it is recorded");
    owner(&store, key(2), EffectClass::Opaque).await;
    owner(&store, key(3), EffectClass::Keyed).await;
    owner(&store, key(4), EffectClass::Transactional).await;
    println!("\n{READY}");
    // Until it is killed, or the test that started it is gone.
    let _ = std::io::stdin().read(&mut [0]);
}

const READY: &str = "the other process has the file";

/// Another process that has the file open.
struct Other(Child);

impl Other {
    fn holding(path: &Path) -> Self {
        let this = std::env::current_exe().expect("the test knows its own program");
        let mut child = Command::new(this)
            .args(["opening::the_other_process", "--exact", "--nocapture"])
            .env(HELD, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("its output is a pipe"));
        let ready = out.lines().map_while(Result::ok).any(|line| line == READY);
        assert!(ready, "the other process ended before it was ready");
        Self(child)
    }

    fn kill(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }
}

#[tokio::test]
async fn a_file_of_a_later_format_is_refused() {
    let bench = Bench::new();
    bench.open().await.close().await;
    bench
        .raw()
        .execute("UPDATE seiriken_meta SET value = 2 WHERE name = 'format'", [])
        .expect("it is written");
    let refused = SqliteStore::open(bench.path()).await.expect_err("it cannot be read");
    let later = matches!(refused, OpenError::LaterFormat { found: 2, known: 1 });
    assert!(later, "{refused}");
    bench
        .raw()
        .execute("UPDATE seiriken_meta SET value = 1 WHERE name = 'format'", [])
        .expect("it is written");
    bench.open().await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let bench = Bench::new();
    let text = b"Dear diary, this is not a database, and it is long enough to be looked at.";
    std::fs::write(bench.path(), text).expect("it is written");
    let refused = SqliteStore::open(bench.path()).await.expect_err("it is no database");
    assert!(matches!(refused, OpenError::Sqlite(_)), "{refused}");
    assert_eq!(std::fs::read(bench.path()).expect("it is there"), text);
}

#[tokio::test]
async fn dropping_every_handle_closes_the_file_too() {
    let bench = Bench::new();
    let store = bench.open().await;
    let token = owner(&store, key(1), EffectClass::Keyed).await;
    store.complete(key(1), token, answer("kept")).await.expect("it is recorded");
    drop(store);
    // The writer thread ends by itself, soon.
    let store = loop {
        match SqliteStore::open_with_clock(bench.path(), bench.clock.clone()).await {
            Err(OpenError::InUse { .. }) => tokio::task::yield_now().await,
            opened => break opened.expect("the file is opened"),
        }
    };
    let told = store.claim(key(1), ask(&store, EffectClass::Keyed, 2)).await;
    assert_eq!(told.expect("it is answered"), ClaimOutcome::Completed(answer("kept")));
}
