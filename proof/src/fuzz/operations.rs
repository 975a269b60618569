//! Sequences of verbs, with time passing, sweeps and restarts between them, on both stores.
//!
//! Every answer must be the one of the reference: to the token, to the second of a
//! `retry_after`, and after a restart. The SQLite file lies in memory where the system has a folder
//! for that, so that its syncs cost nothing; what is on a disk after a crash is for other gates.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::transition::{Claim, Ended};
use seiriken::record::{
    AttemptId, EffectClass, INDETERMINATE_KEPT_MIN, RecordedResponse, Retention, Token,
};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Store, Sweep};
use seiriken::{Fingerprint, IdentityDigest, KeyDate, Quota, RecordId, ScopeDigest};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use super::reader::Reader;
use super::reference::{Reference, Told, Verb};

const STEPS_MAX: usize = 64;
const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread().build().expect("a runtime is built");
}

/// Runs the sequence on both stores.
pub fn check(data: &[u8]) -> bool {
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let memory = Trial::new(Memory::new()).run(Reader::new(data)).await;
            let sqlite = Trial::new(Sqlite::new().await).run(Reader::new(data)).await;
            memory && sqlite
        })
    })
}

/// A store that can be ended.
trait Tried {
    type Store: Store + Sweep;

    fn store(&self) -> &Self::Store;

    fn clock(&self) -> &ManualClock;

    /// Keys that were made before this moment count as forgotten when the store is new.
    fn swept_through(&self) -> Timestamp;

    /// Whether it has been: one that lives in memory has no second life.
    async fn restarts(&mut self, clean: bool) -> bool;
}

struct Trial<T> {
    tried: T,
    reference: Reference,
    claims: Vec<(RecordId, Claim)>,
    tokens: Vec<(RecordId, Token)>,
    history: Vec<String>,
    answered: bool,
}

impl<T: Tried> Trial<T> {
    fn new(tried: T) -> Self {
        let reference = Reference::new(tried.swept_through());
        let (claims, tokens, history) = (Vec::new(), Vec::new(), Vec::new());
        Self { tried, reference, claims, tokens, history, answered: false }
    }

    /// Whether some execution was answered.
    async fn run(mut self, mut reader: Reader<'_>) -> bool {
        for _ in 0..STEPS_MAX {
            if reader.is_empty() {
                break;
            }
            match reader.byte() % 16 {
                0..=5 => self.claim(&mut reader).await,
                6 => self.ask_again(&mut reader).await,
                7..=8 => {
                    let body = reader.pick(&[&b"a"[..], b"a", b"b"]);
                    let answer = RecordedResponse::of_work(body);
                    self.answered = true;
                    self.own(&mut reader, |token, _| Verb::Complete(token, answer)).await;
                }
                9..=10 => {
                    let ended = reader.pick(&[Ended::WithoutEffect, Ended::EffectUnknown]);
                    self.own(&mut reader, |token, _| Verb::Release(token, ended)).await;
                }
                11 => self.own(&mut reader, Verb::Renew).await,
                12..=13 => self.time_passes(&mut reader),
                14 => self.sweep().await,
                _ => self.restart(&mut reader).await,
            }
        }
        self.answered
    }

    async fn claim(&mut self, reader: &mut Reader<'_>) {
        let id = RecordId::from_bytes([reader.pick(&[1, 1, 2, 3]); 16]);
        let claim = claim(reader, self.tried.clock().now());
        self.claims.push((id, claim));
        self.ask(id, Verb::Claim(claim)).await;
    }

    /// The acknowledgement was lost.
    async fn ask_again(&mut self, reader: &mut Reader<'_>) {
        if let Some(place) = reader.place(self.claims.len()) {
            let (id, claim) = self.claims[place];
            self.ask(id, Verb::Claim(claim)).await;
        }
    }

    /// An owner, present or past, says something.
    async fn own(&mut self, reader: &mut Reader<'_>, verb: impl FnOnce(Token, Duration) -> Verb) {
        if let Some(back) = reader.place(self.tokens.len()) {
            let (id, token) = self.tokens[self.tokens.len() - 1 - back];
            let verb = verb(token, lease(reader));
            self.ask(id, verb).await;
        }
    }

    async fn ask(&mut self, id: RecordId, verb: Verb) {
        let now = self.tried.clock().now();
        let told = ask(self.tried.store(), id, verb.clone()).await;
        self.history.push(format!("{now:?} {id:?} {verb:?}\n    told {told:?}"));
        let expected = self.reference.ask(id, &verb, &told, now);
        assert_eq!(told, expected, "the last answer is wrong in {}", self.history.join("\n"));
        if let Told::Claim(seiriken::record::transition::ClaimOutcome::Granted(grant)) = told {
            self.tokens.push((id, grant.token));
        }
    }

    fn time_passes(&mut self, reader: &mut Reader<'_>) {
        let second = Duration::from_secs(1);
        let by = reader.pick(&[
            Duration::from_millis(1),
            LEASE.saturating_sub(Duration::from_millis(1)),
            LEASE,
            KEPT.answers,
            KEPT.answers + KEPT.skew,
            INDETERMINATE_KEPT_MIN,
            second * 2,
        ]);
        self.history.push(format!("{by:?} pass"));
        self.tried.clock().advance(by);
    }

    async fn sweep(&mut self) {
        self.history.push("swept".into());
        while self.tried.store().sweep().await.expect("a sweep is answered").more {}
        self.reference.sweep(self.tried.clock().now());
    }

    async fn restart(&mut self, reader: &mut Reader<'_>) {
        let clean = reader.once_in(2);
        if self.tried.restarts(clean).await {
            self.history.push(format!("restarted, clean: {clean}"));
            self.reference.restart();
        }
    }
}

async fn ask<S: Store>(store: &S, id: RecordId, verb: Verb) -> Told {
    let told = match verb {
        Verb::Claim(claim) => store.claim(id, claim).await.map(Told::Claim),
        Verb::Renew(token, lease) => store.renew(id, token, lease).await.map(Told::Renew),
        Verb::Complete(token, answer) => {
            store.complete(id, token, answer).await.map(Told::Complete)
        }
        Verb::Release(token, ended) => store.release(id, token, ended).await.map(Told::Release),
    };
    told.expect("a verb is answered")
}

// === what is asked with ===

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const LEASE: Duration = Duration::from_secs(30);
const KEPT: Retention =
    Retention { answers: Duration::from_millis(DAY_MS), skew: Duration::from_mins(5) };

/// A claim that may well be made: mostly the same request of the same caller.
fn claim(reader: &mut Reader<'_>, now: Timestamp) -> Claim {
    let classes = [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque];
    let digest = |same: u8| [u8::from(same == 0); 16];
    let day_ago = Timestamp::from_millis(now.as_millis() - DAY_MS);
    let dates = [
        None,
        None,
        Some(now),
        Some(day_ago),
        Some(day_ago.after(Duration::from_millis(1))),
        Some(now.after(KEPT.skew)),
        Some(now.after(KEPT.skew + Duration::from_millis(1))),
    ];
    Claim {
        attempt: AttemptId::from_random(u128::from(reader.byte() % 4)),
        identity: IdentityDigest::from_bytes(digest(reader.byte() % 8)),
        fingerprint: Fingerprint::from_stored(1, digest(reader.byte() % 8)).expect("a kind"),
        scope: ScopeDigest::from_bytes([reader.byte() % 2; 8]),
        date: reader.pick(&dates).map(|minted| KeyDate {
            minted,
            expires_at: reader.pick(&[None, Some(now), Some(minted.after(LEASE))]),
        }),
        class: reader.pick(&classes),
        lease: lease(reader),
        retention: KEPT,
        quota: Quota {
            keys: reader.pick(&[None, None, None, Some(0), Some(1), Some(2)]),
            bytes: None,
        },
    }
}

fn lease(reader: &mut Reader<'_>) -> Duration {
    reader.pick(&[LEASE, LEASE, Duration::ZERO, Duration::from_millis(1)])
}

// === the stores ===

struct Memory {
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

impl Memory {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("there is randomness");
        Self { store, clock }
    }
}

impl Tried for Memory {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn swept_through(&self) -> Timestamp {
        START
    }

    async fn restarts(&mut self, _: bool) -> bool {
        false
    }
}

/// The fuzzer's alarm interrupts the system's way of copying, which then gives up.
fn copy(from: &str, to: &str) -> io::Result<u64> {
    loop {
        match std::fs::copy(from, to) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            copied => return copied,
        }
    }
}

struct Sqlite {
    /// `None` while it is opened anew.
    store: Option<SqliteStore>,
    clock: Arc<ManualClock>,
    folder: TempDir,
    lives: u32,
}

impl Sqlite {
    async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let folder = TempDir::new_in(parent).expect("a folder for the file");
        let mut sqlite = Self { store: None, clock, folder, lives: 0 };
        sqlite.open().await;
        sqlite
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join(format!("{}.db", self.lives))
    }

    async fn open(&mut self) {
        let store = SqliteStore::open_with_clock(self.path(), Arc::clone(&self.clock)).await;
        self.store = Some(store.expect("the file is opened"));
    }
}

impl Tried for Sqlite {
    type Store = SqliteStore;

    fn store(&self) -> &SqliteStore {
        self.store.as_ref().expect("it is open between two steps")
    }

    fn clock(&self) -> &ManualClock {
        &self.clock
    }

    fn swept_through(&self) -> Timestamp {
        Timestamp::ZERO
    }

    async fn restarts(&mut self, clean: bool) -> bool {
        let store = self.store.take().expect("it is open between two steps");
        if clean {
            store.close().await;
        } else {
            // What is in the files at this moment is what a killed process leaves.
            let before = self.path();
            self.lives += 1;
            for suffix in ["", "-wal"] {
                let with = |path: &Path| format!("{}{suffix}", path.display());
                copy(&with(&before), &with(&self.path())).expect("both files are there");
            }
            store.close().await;
        }
        self.open().await;
        true
    }
}
