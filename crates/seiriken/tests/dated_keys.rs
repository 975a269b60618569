//! A key that says its age never has a second effect: whatever is swept, restarted, rolled back or
//! configured anew, and wherever the clock goes.
#![cfg(feature = "sqlite")]

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use seiriken::clock::{Clock, ManualClock, Timestamp};
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, ReleaseOutcome,
};
use seiriken::record::{AttemptId, EffectClass, RecordedResponse, Retention, Token};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Sweep};
use seiriken::{Fingerprint, IdentityDigest, KeyDate, Quota, RecordId, Scope, ScopeDigest};
use tempfile::TempDir;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const HOUR: Duration = Duration::from_hours(1);
const SKEW: Duration = Duration::from_mins(1);
const LEASE: Duration = Duration::from_secs(30);
const KEYS: usize = 3;

/// When the keys were made: early, just then, and by a clock that is as far ahead as it may be.
fn minted(key: usize) -> Timestamp {
    [Timestamp::from_millis(START.as_millis() - 1_800_000), START, START.after(SKEW)][key]
}

#[derive(Debug, Clone)]
enum Step {
    Claim(usize, EffectClass),
    Complete(usize),
    Release(usize, Ended),
    Sweep,
    /// A sweep whose transaction is rolled back.
    SweepInVain,
    Restart,
    Later(Duration),
    /// The clock is corrected.
    Earlier(Duration),
    /// From now on answers are kept for so long.
    Keep(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..KEYS;
    let class = prop::sample::select(vec![
        EffectClass::Opaque,
        EffectClass::Keyed,
        EffectClass::Transactional,
    ]);
    let ended = prop::sample::select(vec![Ended::WithoutEffect, Ended::EffectUnknown]);
    let later = [LEASE, HOUR, HOUR + SKEW, 3 * HOUR, 31 * 24 * HOUR];
    let step = prop_oneof![
        6 => (key.clone(), class).prop_map(|(key, class)| Step::Claim(key, class)),
        5 => key.clone().prop_map(Step::Complete),
        2 => (key, ended).prop_map(|(key, ended)| Step::Release(key, ended)),
        3 => Just(Step::Sweep),
        1 => Just(Step::SweepInVain),
        1 => Just(Step::Restart),
        3 => prop::sample::select(later.to_vec()).prop_map(Step::Later),
        1 => prop::sample::select(vec![SKEW, HOUR]).prop_map(Step::Earlier),
        2 => prop::sample::select(vec![HOUR, 40 * 24 * HOUR]).prop_map(Step::Keep),
    ];
    prop::collection::vec(step, 1..40)
}

/// A store that can be closed and opened again.
trait Shop: Sweep + Sized {
    async fn restarted(self, clock: Arc<ManualClock>, folder: &TempDir) -> Self;
    async fn sweep_in_vain(&self);
}

impl Shop for MemoryStore {
    /// All that it knows of the time before is its start, by its clock. So that start has to be
    /// later than the keys: also where the clock was corrected, or theirs was ahead.
    async fn restarted(self, clock: Arc<ManualClock>, _: &TempDir) -> Self {
        let later = START.after(SKEW + Duration::from_millis(1));
        clock.set(clock.now().max(later));
        Self::with_clock(clock).expect("randomness")
    }

    async fn sweep_in_vain(&self) {}
}

impl Shop for SqliteStore {
    async fn restarted(self, clock: Arc<ManualClock>, folder: &TempDir) -> Self {
        self.close().await;
        Self::open_with_clock(folder.path().join("test.db"), clock).await.expect("it is opened")
    }

    async fn sweep_in_vain(&self) {
        let (busy, go_on) = std::sync::mpsc::channel::<()>();
        let hold = self.write(move |_| go_on.recv());
        // The order in which they are polled is the order in which the writer takes them.
        let refused = "INSERT INTO child VALUES (404)";
        let last = async {
            let refused = self.write(move |tx| tx.execute_batch(refused));
            let release = async { drop(busy) };
            tokio::join!(biased; refused, release).0
        };
        let (_, _, refused) = tokio::join!(biased; hold, self.sweep(), last);
        assert!(refused.is_err(), "a reference to nothing is refused at COMMIT");
    }
}

struct Trial<S> {
    store: S,
    clock: Arc<ManualClock>,
    folder: TempDir,
    kept: Duration,
    attempts: u128,
    tokens: [Option<(Token, EffectClass)>; KEYS],
    /// The key may have had an effect that a second execution would repeat.
    effect: [bool; KEYS],
}

impl<S: Shop> Trial<S> {
    async fn step(mut self, step: &Step) -> Self {
        match *step {
            Step::Claim(key, class) if self.store.carries(class) => self.claim(key, class).await,
            Step::Claim(..) => {}
            Step::Complete(key) => self.complete(key).await,
            Step::Release(key, ended) => self.release(key, ended).await,
            Step::Sweep => drop(self.store.sweep().await.expect("it is swept")),
            Step::SweepInVain => self.store.sweep_in_vain().await,
            Step::Restart => {
                self.store = self.store.restarted(Arc::clone(&self.clock), &self.folder).await;
            }
            Step::Later(by) => self.clock.advance(by),
            Step::Earlier(by) => {
                let back = self.clock.now().since(Timestamp::ZERO.after(by));
                self.clock.set(Timestamp::ZERO.after(back));
            }
            Step::Keep(kept) => self.kept = kept,
        }
        self
    }

    async fn claim(&mut self, key: usize, class: EffectClass) {
        self.attempts += 1;
        let secret = self.store.secret();
        let claim = Claim {
            attempt: AttemptId::from_random(self.attempts),
            // A store that forgets has a new secret after a restart.
            identity: IdentityDigest::anonymous(secret),
            fingerprint: Fingerprint::of_work(secret, "pay", b"1"),
            scope: ScopeDigest::new(secret, &Scope::default()),
            date: Some(KeyDate { minted: minted(key), expires_at: None }),
            class,
            lease: LEASE,
            retention: Retention { answers: self.kept, skew: SKEW },
            quota: Quota::default(),
        };
        let told = self.store.claim(id(key), claim).await.expect("a claim is answered");
        let ClaimOutcome::Granted(grant) = told else { return };
        if grant.how == Granted::First {
            assert!(!self.effect[key], "key {key} has had its effect, and is granted as new");
        }
        self.tokens[key] = Some((grant.token, class));
        // Only a commit is the effect of a transactional one.
        self.effect[key] |= class != EffectClass::Transactional;
    }

    async fn complete(&mut self, key: usize) {
        let Some((token, _)) = self.tokens[key] else { return };
        let answer = RecordedResponse::of_work(b"done");
        let told = self.store.complete(id(key), token, answer).await.expect("it is answered");
        self.effect[key] |= told == CompleteOutcome::Recorded;
    }

    async fn release(&mut self, key: usize, ended: Ended) {
        let Some((token, class)) = self.tokens[key] else { return };
        let told = self.store.release(id(key), token, ended).await.expect("it is answered");
        if told == ReleaseOutcome::Freed && class != EffectClass::Transactional {
            self.effect[key] = false;
        }
    }
}

fn id(key: usize) -> RecordId {
    RecordId::from_bytes([u8::try_from(key).expect("few") + 1; 16])
}

async fn holds<S: Shop>(store: S, clock: Arc<ManualClock>, folder: TempDir, steps: &[Step]) {
    let (tokens, effect) = ([None; KEYS], [false; KEYS]);
    let mut trial = Trial { store, clock, folder, kept: HOUR, attempts: 0, tokens, effect };
    for step in steps {
        trial = trial.step(step).await;
    }
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(test);
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(START))
}

fn folder() -> TempDir {
    TempDir::new().expect("a folder")
}

const TABLES: &str = "
    CREATE TABLE parent (id INTEGER PRIMARY KEY);
    CREATE TABLE child (
        parent INTEGER NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
    );";

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_a_second_effect_in_memory(steps in steps()) {
        let clock = clock();
        let store = MemoryStore::with_clock(Arc::clone(&clock)).expect("randomness");
        run(holds(store, clock, folder(), &steps));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn never_a_second_effect_in_sqlite(steps in steps()) {
        run(async {
            let (clock, folder) = (clock(), folder());
            let opening = SqliteStore::open_with_clock(folder.path().join("test.db"), Arc::clone(&clock));
            let store = opening.await.expect("the file is opened");
            let made = store.write(|tx| tx.execute_batch(TABLES)).await;
            made.expect("it is committed").expect("the statements are allowed");
            holds(store, clock, folder, &steps).await;
        });
    }
}
