//! What is counted for a scope is what the file holds for it: whatever ends, is rolled back, swept,
//! taken over or found again.

use std::pin::pin;
use std::time::Duration;

use futures_util::poll;
use proptest::prelude::*;
use seiriken::Quota;
use seiriken::record::transition::{ClaimOutcome, Ended};
use seiriken::record::{EffectClass, Token};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{Store, Sweep};

use super::{Bench, LEASE, answer, ask, gate, key, run_sql};

const KEYS: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Claim(EffectClass),
    /// Of a body of so many bytes.
    Complete(usize),
    Release(Ended),
    Sweep,
    Later(Duration),
    Restart,
    Crash,
}

/// Which key, what, and whether it shares a transaction with one that is refused at COMMIT.
fn steps() -> impl Strategy<Value = Vec<(usize, Step, bool)>> {
    let class = prop::sample::select(vec![EffectClass::Opaque, EffectClass::Keyed]);
    let ended = prop::sample::select(vec![Ended::WithoutEffect, Ended::EffectUnknown]);
    let later = [LEASE, Duration::from_hours(2), Duration::from_hours(31 * 24)];
    let step = prop_oneof![
        6 => class.prop_map(Step::Claim),
        5 => (0..3000_usize).prop_map(Step::Complete),
        3 => ended.prop_map(Step::Release),
        2 => Just(Step::Sweep),
        2 => prop::sample::select(later.to_vec()).prop_map(Step::Later),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec((0..KEYS, step, prop::bool::weighted(0.3)), 1..40)
}

struct Trial {
    bench: Bench,
    store: SqliteStore,
    attempts: u128,
    tokens: [Option<Token>; KEYS],
}

impl Trial {
    async fn begin() -> Self {
        let bench = Bench::new();
        let store = bench.open().await;
        let tables = "CREATE TABLE parent (id INTEGER PRIMARY KEY);
            CREATE TABLE child (
                parent INTEGER NOT NULL REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED
            );";
        run_sql(&store, tables).await;
        Self { bench, store, attempts: 0, tokens: [None; KEYS] }
    }

    async fn step(&mut self, at: usize, step: &Step, in_vain: bool) {
        match step {
            Step::Later(by) => self.bench.clock.advance(*by),
            Step::Restart => {
                self.store.clone().close().await;
                self.store = self.bench.open().await;
            }
            Step::Crash => self.store = self.bench.crash(self.store.clone()).await,
            _ if in_vain => self.verb_in_vain(at, step).await,
            _ => self.verb(at, step).await,
        }
    }

    async fn verb(&mut self, at: usize, step: &Step) {
        self.attempts += 1;
        let (store, id, token) = (&self.store, key(at as u128 + 1), self.tokens[at]);
        match (step, token) {
            (Step::Claim(class), _) => {
                let told = store.claim(id, ask(store, *class, self.attempts)).await;
                if let Ok(ClaimOutcome::Granted(grant)) = told {
                    self.tokens[at] = Some(grant.token);
                }
            }
            (Step::Complete(bytes), Some(token)) => {
                // Refused where it shares a transaction with one that is.
                let _ = store.complete(id, token, answer(&"x".repeat(*bytes))).await;
            }
            (Step::Release(ended), Some(token)) => drop(store.release(id, token, *ended).await),
            (Step::Sweep, _) => drop(store.sweep().await),
            _ => {}
        }
    }

    async fn verb_in_vain(&mut self, at: usize, step: &Step) {
        let store = self.store.clone();
        let (mut busy, at_busy) = gate();
        let mut holding = pin!(store.write(move |_| {
            at_busy.wait();
            Ok::<_, ()>(())
        }));
        assert!(poll!(&mut holding).is_pending());
        busy.reached().await;
        let orphan = "INSERT INTO child VALUES (404)";
        let mut refused = pin!(store.write(move |tx| tx.execute_batch(orphan)));
        let behind = async {
            assert!(poll!(&mut refused).is_pending());
            busy.open();
            refused.await
        };
        let ((), refused) = tokio::join!(biased; self.verb(at, step), behind);
        assert!(refused.is_err(), "a reference to nothing is refused at COMMIT");
        assert_eq!(holding.await.expect("it is committed"), Ok(()));
    }

    /// The store's own count, found by asking with one quota after the other.
    async fn counted(&mut self) -> [u64; 2] {
        let keys = |keys| Quota { keys: Some(keys), bytes: None };
        let bytes = |bytes| Quota { keys: None, bytes: Some(bytes) };
        [self.reached_below(keys).await, self.reached_below(bytes).await]
    }

    async fn reached_below(&mut self, quota: impl Fn(u64) -> Quota) -> u64 {
        let (mut reached, mut free) = (0, 1 << 20);
        while reached + 1 < free {
            let middle = u64::midpoint(reached, free);
            self.attempts += 1;
            let mut claim = ask(&self.store, EffectClass::Transactional, self.attempts);
            claim.quota = quota(middle);
            match self.store.claim(key(99), claim).await.expect("a claim is answered") {
                ClaimOutcome::QuotaExceeded => reached = middle,
                ClaimOutcome::Granted(grant) => {
                    free = middle;
                    let ended = Ended::WithoutEffect;
                    let released = self.store.release(key(99), grant.token, ended).await;
                    released.expect("a release is answered");
                }
                told => panic!("the key is used for nothing else: {told:?}"),
            }
        }
        reached
    }

    /// Keys and bytes in the file. What is unsettled counts for a fixed number of bytes.
    async fn kept(&self) -> [u64; 2] {
        let sql = "SELECT count(*),
                coalesce(sum(CASE state WHEN 3 THEN length(record) ELSE 150 END), 0)
            FROM idempotency_records";
        let reading = self.store.read(move |db| {
            db.query_row(sql, [], |row| Ok([row.get::<_, i64>(0)?, row.get::<_, i64>(1)?]))
        });
        let kept = reading.await.expect("it is read").expect("the table is there");
        kept.map(|number| u64::try_from(number).expect("not negative"))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_counted_is_what_is_kept(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let mut trial = Trial::begin().await;
            for (number, (at, step, in_vain)) in steps.iter().enumerate() {
                trial.step(*at, step, *in_vain).await;
                if number % 5 == 0 || number + 1 == steps.len() {
                    assert_eq!(trial.counted().await, trial.kept().await, "after step {number}");
                }
            }
        });
    }
}
