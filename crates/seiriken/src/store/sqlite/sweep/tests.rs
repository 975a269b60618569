use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::clock::ManualClock;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::policy::Quota;
use crate::record::transition::{Claim, ClaimOutcome};
use crate::record::{AttemptId, EffectClass, RecordedResponse, Retention};
use crate::scope::ScopeDigest;
use crate::store::Store;
use crate::store::sqlite::SqliteTx;

/// A step of a sweeper that tells how much it has looked at.
struct Told {
    job: Box<SweepJob>,
    looked: Arc<AtomicUsize>,
}

impl Job for Told {
    fn apply(&mut self, group: &mut Group<'_, '_>) -> Result<(), rusqlite::Error> {
        self.job.apply(group)?;
        self.looked.fetch_add(self.job.looked, Ordering::SeqCst);
        Ok(())
    }

    fn settle(self: Box<Self>, group: Result<(), StoreError>) {
        self.job.settle(group);
    }
}

/// Sweeps until nothing more is due: what was removed, and what was looked at for it.
async fn swept(store: &SqliteStore) -> (usize, usize) {
    let (mut removed, looked) = (0, Arc::new(AtomicUsize::new(0)));
    loop {
        let (index, looked) = (Arc::clone(&store.shared.index), Arc::clone(&looked));
        let unsettled = index.unsettled_due(STEP, store.shared.clock.now());
        let told = |reply| Told { job: Box::new(SweepJob::new(index, unsettled, reply)), looked };
        let step = store.shared.writer.submit(told).await.expect("it is open").expect("swept");
        removed += step.removed;
        if !step.more {
            break;
        }
    }
    (removed, looked.load(Ordering::SeqCst))
}

fn id(number: u32) -> RecordId {
    RecordId::from_bytes((u128::from(number) * 0x9e37_79b9_7f4a_7c15).to_le_bytes())
}

/// Stores a key's answer for so long.
async fn complete(store: &SqliteStore, number: u32, answers: Duration) {
    let claim = Claim {
        attempt: AttemptId::from_random(u128::from(number)),
        identity: IdentityDigest::from_bytes([1; 16]),
        fingerprint: Fingerprint::from_stored(1, [1; 16]).expect("1 is a kind"),
        scope: ScopeDigest::from_bytes([1; 8]),
        date: None,
        class: EffectClass::Transactional,
        lease: Duration::from_secs(30),
        retention: Retention { answers, skew: Duration::ZERO },
        quota: Quota::default(),
    };
    let told = store.claim(id(number), claim).await.expect("it is answered");
    let ClaimOutcome::Granted(grant) = told else { panic!("it is new: {told:?}") };
    let answer = RecordedResponse::of_work(b"done");
    store.complete(id(number), grant.token, answer).await.expect("it is recorded");
}

const SHORT: Duration = Duration::from_hours(1);
const LONG: Duration = Duration::from_hours(48);

/// 1500 keys: of the first 600 every seventh is kept for a short time, of the others none.
async fn mixed(path: &Path, clock: &Arc<ManualClock>) -> SqliteStore {
    let store = SqliteStore::open_with_clock(path, Arc::clone(clock)).await.expect("a new file");
    let keys = (0..1500).map(|number| {
        let short = number < 600 && number % 7 == 0;
        complete(&store, number, if short { SHORT } else { LONG })
    });
    join_all(keys).await;
    store
}

#[tokio::test]
async fn what_is_due_is_found_and_blocks_without_it_are_not_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let path = folder.path().join("test.db");
    let store = mixed(&path, &clock).await;
    assert_eq!(swept(&store).await, (0, 0), "nothing is due");
    clock.advance(SHORT);
    let (removed, looked) = swept(&store).await;
    assert_eq!(removed, 86, "every seventh of 600");
    assert!((86..600 + Block::ROWS).contains(&looked), "{looked} rows of 1500");
    assert_eq!(swept(&store).await, (0, 0), "each is looked at once");
    store.close().await;
    // What is kept at a clean stop says the same.
    let store = SqliteStore::open_with_clock(&path, clock.clone()).await.expect("the file");
    assert_eq!(swept(&store).await, (0, 0), "nothing more is due");
    clock.advance(LONG);
    assert_eq!(swept(&store).await, (1500 - 86, 1500 - 86), "and then the rest is");
    assert_eq!(swept(&store).await, (0, 0));
}

#[tokio::test]
async fn rows_that_cannot_be_read_stay_and_are_looked_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let path = folder.path().join("test.db");
    let store = mixed(&path, &clock).await;
    let other = rusqlite::Connection::open(&path).expect("the file is there");
    let damage = "UPDATE idempotency_records SET record = zeroblob(70)
                   WHERE token IN (SELECT token FROM idempotency_records LIMIT 750)";
    assert_eq!(other.execute(damage, []).expect("it is written"), 750);
    clock.advance(LONG);
    assert_eq!(swept(&store).await, (750, 1500));
    assert_eq!(swept(&store).await, (0, 0), "they are not looked at again");
    let left = other.query_row("SELECT count(*) FROM idempotency_records", [], |row| row.get(0));
    assert_eq!(left, Ok(750), "and they stay");
}

/// What a group that was rolled back has not removed is due as before.
#[tokio::test]
async fn a_step_that_was_taken_back_is_taken_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let store = mixed(&folder.path().join("test.db"), &clock).await;
    let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
        CREATE TABLE child (
            parent INTEGER NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
        );";
    store.write(move |tx| tx.execute_batch(tables)).await.expect("committed").expect("made");
    clock.advance(SHORT);
    let (let_go, may_go) = std::sync::mpsc::channel::<()>();
    let (enter, entered) = oneshot::channel();
    let first = store.clone();
    let holding_on = tokio::spawn(async move {
        let hold = move |_: &SqliteTx<'_>| {
            enter.send(()).expect("the test waits");
            may_go.recv()
        };
        first.write(hold).await
    });
    // The writer is in it: what is asked for from now on shares the next transaction.
    entered.await.expect("the writer has come to it");
    let refused = store.write(|tx| tx.execute_batch("INSERT INTO child VALUES (404)"));
    let sweeping = store.sweep();
    let release = async { drop(let_go) };
    let (refused, swept_in_vain, ()) = tokio::join!(biased; refused, sweeping, release);
    assert!(holding_on.await.is_ok(), "the first one ends");
    assert!(refused.is_err(), "a reference to nothing is refused at COMMIT");
    assert!(swept_in_vain.is_err(), "and so is what shares its transaction");
    assert_eq!(swept(&store).await.0, 86);
}
