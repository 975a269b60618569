//! The SQLite store between processes: one at a time, and what a killed one leaves.
//!
//! In a program of its own: a process that is being started holds all open files of its parent for
//! a moment, and with them the locks that other tests have just given back.
#![cfg(feature = "sqlite")]

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use seiriken::record::transition::{Claim, ClaimOutcome, Grant, Granted};
use seiriken::record::{AttemptId, EffectClass, RecordedResponse, Retention};
use seiriken::store::Store;
use seiriken::store::sqlite::{OpenError, SqliteStore};
use seiriken::{Fingerprint, IdentityDigest, Quota, RecordId, Scope, ScopeDigest};
use tempfile::TempDir;

/// Set for the other process: the file that it opens.
const HELD: &str = "SEIRIKEN_TEST_HELD_FILE";

#[tokio::test]
async fn another_process_is_refused_and_a_killed_one_leaves_what_it_acknowledged() {
    let folder = TempDir::new().expect("a folder for the file");
    let path = folder.path().join("test.db");
    let mut other = Other::holding(&path);
    let refused = SqliteStore::open(path.clone()).await.expect_err("another process has it");
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    other.kill();
    assert_ne!(log_length(&path), 0, "what it committed is in the log alone");

    let store = SqliteStore::open(path.clone()).await.expect("the lock ended with its process");
    assert_eq!(log_length(&path), 0, "and in the file, and synced, before anything is served");
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
    let token = granted(&store, key(1), EffectClass::Keyed, 1).await.token;
    store.complete(key(1), token, answer("before")).await.expect("it is recorded");
    granted(&store, key(2), EffectClass::Opaque, 1).await;
    granted(&store, key(3), EffectClass::Keyed, 1).await;
    granted(&store, key(4), EffectClass::Transactional, 1).await;
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
            .args(["the_other_process", "--exact", "--nocapture"])
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

fn log_length(path: &Path) -> u64 {
    let log = format!("{}-wal", path.display());
    std::fs::metadata(log).expect("the log is there").len()
}

fn key(number: u128) -> RecordId {
    RecordId::from_bytes(number.to_be_bytes())
}

fn answer(body: &str) -> RecordedResponse {
    RecordedResponse::of_work(body.as_bytes())
}

fn ask(store: &SqliteStore, class: EffectClass, attempt: u128) -> Claim {
    Claim {
        attempt: AttemptId::from_random(attempt),
        identity: IdentityDigest::anonymous(store.secret()),
        fingerprint: Fingerprint::of_work(store.secret(), "pay", b"1"),
        scope: ScopeDigest::new(store.secret(), &Scope::default()),
        date: None,
        class,
        lease: Duration::from_hours(1),
        retention: Retention { answers: Duration::from_hours(24), skew: Duration::from_mins(5) },
        quota: Quota::default(),
    }
}

async fn granted(store: &SqliteStore, id: RecordId, class: EffectClass, attempt: u128) -> Grant {
    match store.claim(id, ask(store, class, attempt)).await.expect("a claim is answered") {
        ClaimOutcome::Granted(grant) => grant,
        other => panic!("it should be granted, and was told {other:?}"),
    }
}
