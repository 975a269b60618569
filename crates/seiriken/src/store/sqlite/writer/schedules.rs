//! The writer's queue and its groups, under chosen schedules: each job is answered, and rightly.
//!
//! The database is SQLite's own, in memory: a COMMIT is one step. What a COMMIT leaves on a disk is
//! for other gates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use shuttle::future::block_on;
use shuttle::thread;
use tempfile::TempDir;

use super::{Writer, WriterState};
use crate::clock::{ManualClock, Timestamp};
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::issuing::IssuingSecrets;
use crate::policy::Quota;
use crate::record::transition::{Claim, ClaimOutcome, Ended, ReleaseOutcome};
use crate::record::{AttemptId, EffectClass, Retention, Token};
use crate::schedules;
use crate::scope::{RecordId, ScopeDigest};
use crate::secret::StoreSecret;
use crate::store::sqlite::acknowledge::Acknowledger;
use crate::store::sqlite::file_lock::FileLock;
use crate::store::sqlite::index::Index;
use crate::store::sqlite::recent::Recent;
use crate::store::sqlite::tokens::Tokens;
use crate::store::sqlite::{Readers, Shared, SqliteStore, schema, tx};
use crate::store::{Store, StoreError};

/// Folders for the files' locks; no two schedules have the same file.
struct Files {
    folder: TempDir,
    made: AtomicU32,
}

impl Files {
    fn new() -> Arc<Self> {
        let folder = TempDir::new().expect("a folder for the locks");
        Arc::new(Self { folder, made: AtomicU32::new(0) })
    }

    fn store(&self) -> SqliteStore {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.path().join(format!("{number}.db"));
        let lock = FileLock::take(&path).expect("nobody has it");
        let mut connection = Connection::open_in_memory().expect("there is memory");
        connection.execute_batch(schema::TABLES).expect("the tables are made");
        let tokens = Arc::new(Tokens::reserve(&connection).expect("there are numbers"));
        tx::guard(&mut connection).expect("the fence is put up");
        let index = Arc::new(Index::new(Timestamp::ZERO));
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let recent = Arc::<Recent>::default();
        let state = WriterState {
            index: Arc::clone(&index),
            recent: Arc::clone(&recent),
            tokens: Arc::clone(&tokens),
            clock: Arc::clone(&clock) as _,
            acknowledger: Acknowledger::start(),
        };
        let writer = Writer::start(connection, lock, state).expect("the thread starts");
        let secret = StoreSecret::from_bytes([7; 32]);
        let issuing = Arc::new(IssuingSecrets::derived_from(&secret));
        let readers = Readers::new(path);
        let shared = Shared { secret, issuing, clock, tokens, index, recent, readers, writer };
        SqliteStore { shared: Arc::new(shared) }
    }
}

const ID: RecordId = RecordId::from_bytes([5; 16]);

fn claim(attempt: u128) -> Claim {
    Claim {
        attempt: AttemptId::from_random(attempt),
        identity: IdentityDigest::from_bytes([1; 16]),
        fingerprint: Fingerprint::from_stored(1, [1; 16]).expect("1 is a kind"),
        scope: ScopeDigest::from_bytes([1; 8]),
        date: None,
        class: EffectClass::Opaque,
        lease: Duration::from_secs(30),
        retention: Retention { answers: Duration::from_mins(1), skew: Duration::ZERO },
        quota: Quota::default(),
    }
}

fn granted(outcome: &ClaimOutcome) -> Option<Token> {
    match outcome {
        ClaimOutcome::Granted(grant) => Some(grant.token),
        _ => None,
    }
}

#[test]
fn every_job_is_answered_by_what_became_of_it() {
    let files = Files::new();
    schedules::hold("group commit and close", move || {
        let store = files.store();
        let ran = Arc::new(AtomicU32::new(0));
        let write = |_| {
            let (store, ran) = (store.clone(), Arc::clone(&ran));
            thread::spawn(move || {
                let write = store.write(move |tx| {
                    ran.fetch_add(1, Ordering::Relaxed);
                    tx.execute("CREATE TABLE IF NOT EXISTS orders (cake TEXT)", [])
                });
                match block_on(write) {
                    Ok(written) => {
                        written.expect("the table can be made");
                        1
                    }
                    Err(StoreError::NotApplied { .. }) => 0,
                    Err(other) => panic!("a store that was closed in order knows: {other}"),
                }
            })
        };
        let writes: Vec<_> = (0..3).map(write).collect();
        block_on(store.clone().close());
        let answered: u32 =
            writes.into_iter().map(|write| write.join().expect("no write panics")).sum();
        assert_eq!(ran.load(Ordering::Relaxed), answered, "what ran was said to have run");
        let late = block_on(store.write(|_| Ok::<(), ()>(())));
        assert!(matches!(late, Err(StoreError::NotApplied { .. })), "it is closed");
    });
}

#[test]
fn a_key_has_one_owner_at_a_time() {
    let files = Files::new();
    schedules::hold("group commit of claims", move || {
        let store = files.store();
        let first = at_once(&store, [1, 2, 3]);
        let owners: Vec<Token> = first.iter().filter_map(granted).collect();
        let [owner] = owners[..] else { panic!("one is granted a new key: {first:?}") };
        let releaser = store.clone();
        let releaser = thread::spawn(move || {
            block_on(releaser.release(ID, owner, Ended::WithoutEffect)).expect("it is answered")
        });
        let second = at_once(&store, [4, 5]);
        assert_eq!(releaser.join().expect("no release panics"), ReleaseOutcome::Freed);
        let free = second.iter().all(|told| granted(told).is_none());
        assert!(second.iter().filter_map(granted).count() <= 1, "{second:?}");
        let last = block_on(store.claim(ID, claim(6))).expect("it is answered");
        assert_eq!(granted(&last).is_some(), free, "{second:?}, then {last:?}");
        block_on(store.close());
    });
}

/// What attempts are told that claim the key at once.
fn at_once<const N: usize>(store: &SqliteStore, attempts: [u128; N]) -> [ClaimOutcome; N] {
    let claiming = attempts.map(|attempt| {
        let store = store.clone();
        thread::spawn(move || block_on(store.claim(ID, claim(attempt))).expect("an answer"))
    });
    claiming.map(|claiming| claiming.join().expect("no claim panics"))
}
