//! Verbs at the same time: what they are told is what one order of them would have been told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::harness::{Harness, Time};
use super::model::{self, Told, Verb};
use super::random::Random;
use super::sequences::any_verb;
use super::trial::{Trial, answer};
use crate::record::transition::{Claim, ClaimOutcome, CompleteOutcome};
use crate::record::{EffectClass, Record, Token};
use crate::scope::RecordId;
use crate::store::Store;

const AT_ONCE: usize = 32;
const ROUNDS: u64 = 40;
const TASKS: usize = 4;
const STEPS: usize = 4;

/// Of any number of claims of one key at the same time exactly one is granted.
pub async fn of_many_claims_one_is_granted<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for _ in 0..10 {
            let id = trial.key();
            let told = all_at_once(&trial, id, AT_ONCE, |_| Verb::Claim(trial.ask(*class))).await;
            assert_one_granted(&told, *class);
        }
    }
}

/// As the first claim, so the takeover.
pub async fn of_many_takeovers_one_is_granted<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes().iter().filter(|class| class.may_run_again()) {
        for _ in 0..5 {
            let id = trial.key();
            let first = trial.owner(id, *class).await;
            trial.leases_end().await;
            let told = all_at_once(&trial, id, AT_ONCE, |_| Verb::Claim(trial.ask(*class))).await;
            assert_one_granted(&told, *class);
            assert_eq!(told.iter().filter(|told| told.begins() == Some(first)).count(), 0);
        }
    }
}

/// The owner's answer arrives several times, and it is not always the same: one is recorded, and
/// everybody is told which.
pub async fn of_many_answers_one_stands<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    for class in harness.classes() {
        for _ in 0..10 {
            let id = trial.key();
            let token = trial.owner(id, *class).await;
            let verb = |n: usize| Verb::Complete(token, answer(&format!("{n}")));
            let told = all_at_once(&trial, id, AT_ONCE, verb).await;
            let ClaimOutcome::Completed(stands) = trial.retry(id, *class).await else {
                panic!("{class:?}: an answer was recorded, and is not given");
            };
            let is_recorded = |told: &&Told| **told == Told::Complete(CompleteOutcome::Recorded);
            assert_eq!(told.iter().filter(is_recorded).count(), 1, "{class:?}: {told:?}");
            let stale = Told::Complete(CompleteOutcome::Stale(Some(stands)));
            assert!(
                told.iter().all(|told| is_recorded(&told) || *told == stale),
                "{class:?}: {told:?}"
            );
        }
    }
}

/// Claims, renewals, completions and releases of one key, by owners of now and of before.
pub async fn what_is_answered_is_what_some_order_would_answer<H: Harness>(harness: &H) {
    let trial = Arc::new(Trial::begin(harness).await);
    for seed in 0..ROUNDS {
        let round = Arc::new(Round {
            trial: Arc::clone(&trial),
            classes: harness.classes().to_vec(),
            id: trial.key(),
            start: Barrier::new(TASKS),
            clock: AtomicU64::new(0),
            known: Mutex::default(),
        });
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let random = Random::from_seed(seed * 1000 + u64::try_from(task).unwrap_or(0));
            tasks.spawn(Arc::clone(&round).task(random));
        }
        let histories = tasks.join_all().await;
        let mut tokens: Vec<Token> =
            histories.iter().flatten().filter_map(|done| done.told.begins()).collect();
        let begun = tokens.len();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), begun, "a token was given out twice in {histories:#?}");
        assert!(has_an_order(&histories, &trial.time), "no order explains {histories:#?}");
    }
}

fn assert_one_granted(told: &[Told], class: EffectClass) {
    let granted = told.iter().filter(|told| told.begins().is_some()).count();
    assert_eq!(granted, 1, "{class:?}: {told:?}");
    let running = |told: &&Told| matches!(told, Told::Claim(ClaimOutcome::InProgress { .. }));
    assert_eq!(told.iter().filter(running).count(), told.len() - 1, "{class:?}: {told:?}");
}

/// Asks for all of them at the same time.
async fn all_at_once<S: Store>(
    trial: &Trial<S>,
    id: RecordId,
    count: usize,
    verb: impl Fn(usize) -> Verb,
) -> Vec<Told> {
    let start = Arc::new(Barrier::new(count));
    let mut tasks = JoinSet::new();
    for n in 0..count {
        let (store, verb, start) = (Arc::clone(&trial.store), verb(n), Arc::clone(&start));
        tasks.spawn(async move {
            start.wait().await;
            verb.ask(&*store, id).await
        });
    }
    tasks.join_all().await
}

/// Several tasks at one key.
struct Round<S> {
    trial: Arc<Trial<S>>,
    classes: Vec<EffectClass>,
    id: RecordId,
    start: Barrier,
    /// Counts the beginnings and the ends of all verbs.
    clock: AtomicU64,
    /// What was claimed so far, and the tokens that came of it.
    known: Mutex<(Vec<Claim>, Vec<Token>)>,
}

/// A verb that was asked, and when it began and ended by the round's clock.
#[derive(Debug)]
struct Done {
    began: u64,
    ended: u64,
    verb: Verb,
    told: Told,
}

impl<S: Store> Round<S> {
    async fn task(self: Arc<Self>, mut random: Random) -> Vec<Done> {
        let mut history = Vec::new();
        self.start.wait().await;
        for _ in 0..STEPS {
            let verb = {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                let (claims, tokens) = &mut *known;
                let verb = any_verb(&self.trial, &self.classes, claims, tokens, &mut random);
                if let Verb::Claim(claim) = verb {
                    claims.push(claim);
                }
                verb
            };
            let began = self.clock.fetch_add(1, Ordering::SeqCst);
            let told = verb.ask(&*self.trial.store, self.id).await;
            let ended = self.clock.fetch_add(1, Ordering::SeqCst);
            if let Some(token) = told.begins() {
                self.known.lock().unwrap_or_else(PoisonError::into_inner).1.push(token);
            }
            history.push(Done { began, ended, verb, told });
        }
        history
    }
}

/// Whether the verbs can be put in an order that respects which ended before which began, and in
/// which each is told what the reference tells it.
fn has_an_order(histories: &[Vec<Done>], time: &Time) -> bool {
    let now = time.now();
    let mut seen: Vec<(Vec<usize>, Option<Record>)> = Vec::new();
    let mut open = vec![(vec![0; histories.len()], None::<Record>)];
    while let Some((at, record)) = open.pop() {
        let next = || {
            histories
                .iter()
                .zip(&at)
                .enumerate()
                .filter_map(|(task, (history, at))| history.get(*at).map(|done| (task, done)))
        };
        let Some(first_end) = next().map(|(_, done)| done.ended).min() else { return true };
        for (task, done) in next().filter(|(_, done)| done.began < first_end) {
            let mut at = at.clone();
            at[task] += 1;
            for after in model::after(record.as_ref(), &done.verb, &done.told, now) {
                let state = (at.clone(), after);
                if !seen.contains(&state) {
                    seen.push(state.clone());
                    open.push(state);
                }
            }
        }
    }
    false
}
