//! What the SQLite store promises beyond the contract of every store.
#![cfg(feature = "sqlite")]

#[path = "sqlite/corrupt.rs"]
mod corrupt;
#[path = "sqlite/counting.rs"]
mod counting;
#[path = "sqlite/fence.rs"]
mod fence;
#[path = "sqlite/groups.rs"]
mod groups;
#[path = "sqlite/opening.rs"]
mod opening;
#[path = "sqlite/reopening.rs"]
mod reopening;
#[path = "sqlite/rows.rs"]
mod rows;
#[path = "sqlite/settling.rs"]
mod settling;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use seiriken::clock::{ManualClock, Timestamp};
use seiriken::record::transition::{Claim, ClaimOutcome, Grant};
use seiriken::record::{AttemptId, EffectClass, RecordedResponse, Retention, Token};
use seiriken::store::Store;
use seiriken::store::sqlite::{SqliteStore, rusqlite};
use seiriken::{Fingerprint, IdentityDigest, Quota, RecordId, Scope, ScopeDigest};
use tempfile::TempDir;
use tokio::sync::oneshot;

const LEASE: Duration = Duration::from_secs(30);

/// A file in a folder of its own, and the clock of whatever opens it.
struct Bench {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl Bench {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder for the file");
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        Self { folder, clock }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    async fn open(&self) -> SqliteStore {
        let clock = Arc::clone(&self.clock);
        SqliteStore::open_with_clock(self.path(), clock).await.expect("the file is opened")
    }

    /// Opens what a process would leave that was killed now: the file and its log as they are.
    async fn crash(&self, store: SqliteStore) -> SqliteStore {
        let name = |end| format!("{}{end}", self.path().display());
        let left = ["", "-wal"].map(|end| (end, std::fs::read(name(end)).expect("it is there")));
        store.close().await;
        for end in ["", "-wal", "-shm"] {
            // Readers of the closed store may have them open: the new ones are others.
            let _ = std::fs::remove_file(name(end));
        }
        for (end, content) in left {
            std::fs::write(name(end), content).expect("it is written");
        }
        self.open().await
    }

    /// The file as its only reader: after it was closed.
    fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).expect("the file is there")
    }
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
        lease: LEASE,
        retention: Retention { answers: Duration::from_hours(1), skew: Duration::from_mins(1) },
        quota: Quota::default(),
    }
}

async fn granted(store: &SqliteStore, id: RecordId, class: EffectClass, attempt: u128) -> Grant {
    match store.claim(id, ask(store, class, attempt)).await.expect("a claim is answered") {
        ClaimOutcome::Granted(grant) => grant,
        other => panic!("it should be granted, and was told {other:?}"),
    }
}

async fn owner(store: &SqliteStore, id: RecordId, class: EffectClass) -> Token {
    granted(store, id, class, 1).await.token
}

/// Runs SQL that has to succeed, in the writer's transaction.
async fn run_sql(store: &SqliteStore, sql: &'static str) {
    let written = store.write(move |tx| tx.execute_batch(sql)).await;
    written.expect("it is committed").expect("the statements are allowed");
}

/// A stop in a closure on the writer thread: it says that it has been reached, and waits.
struct Gate {
    reached: oneshot::Receiver<()>,
    open: Sender<()>,
}

struct Barrier {
    reached: oneshot::Sender<()>,
    opened: Receiver<()>,
}

fn gate() -> (Gate, Barrier) {
    let (reaching, reached) = oneshot::channel();
    let (open, opened) = channel();
    (Gate { reached, open }, Barrier { reached: reaching, opened })
}

impl Gate {
    async fn reached(&mut self) {
        (&mut self.reached).await.expect("the writer comes to it");
    }

    fn open(&self) {
        self.open.send(()).expect("the writer waits at it");
    }
}

impl Barrier {
    fn wait(self) {
        self.reached.send(()).expect("the test waits for it");
        self.opened.recv().expect("the test opens it");
    }
}
