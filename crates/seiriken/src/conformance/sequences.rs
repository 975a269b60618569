//! One verb after the other, at random: each is answered as the transition function answers.

use std::collections::HashSet;
use std::time::Duration;

use super::harness::{Harness, Time};
use super::model::{self, Verb};
use super::random::Random;
use super::trial::{Trial, answer};
use crate::fingerprint::FingerprintKind;
use crate::record::transition::{Claim, Ended};
use crate::record::{EffectClass, INDETERMINATE_KEPT_MIN, Record, Token};
use crate::scope::RecordId;
use crate::store::Store;

const SEQUENCES: u64 = 60;
const STEPS: usize = 40;

/// Few keys, few requests, many retries: of several attempts, identities and classes, with the
/// tokens of earlier executions, while time passes.
pub async fn any_sequence_is_answered_as_the_transition_function_answers<H: Harness>(harness: &H) {
    let trial = Trial::begin(harness).await;
    let mut tokens = HashSet::new();
    for seed in 0..SEQUENCES {
        let mut random = Random::from_seed(seed);
        let mut keys = [Key::new(&trial), Key::new(&trial)];
        for _ in 0..STEPS {
            if random.once_in(6) {
                some_time_passes(&trial.time, &mut random).await;
            }
            let at = usize::from(random.once_in(2));
            keys[at].step(&trial, harness.classes(), &mut random, &mut tokens, seed).await;
        }
    }
}

/// One key, and what the reference knows of it.
struct Key {
    id: RecordId,
    /// What the record may be, by what was answered so far.
    records: Vec<Option<Record>>,
    claims: Vec<Claim>,
    tokens: Vec<Token>,
    history: Vec<String>,
}

impl Key {
    fn new<S: Store>(trial: &Trial<S>) -> Self {
        let (claims, tokens, history) = (Vec::new(), Vec::new(), Vec::new());
        Self { id: trial.key(), records: vec![None], claims, tokens, history }
    }

    async fn step<S: Store>(
        &mut self,
        trial: &Trial<S>,
        classes: &[EffectClass],
        random: &mut Random,
        given_out: &mut HashSet<Token>,
        seed: u64,
    ) {
        let verb = any_verb(trial, classes, &self.claims, &self.tokens, random);
        if let Verb::Claim(claim) = verb {
            self.claims.push(claim);
        }
        let now = trial.time.now();
        let told = verb.ask(&*trial.store, self.id).await;
        self.history.push(format!("{now:?} {verb:?}\n      told {told:?}"));
        let records = self.records.iter();
        let mut after: Vec<Option<Record>> = Vec::new();
        for record in records.flat_map(|record| model::after(record.as_ref(), &verb, &told, now)) {
            if !after.contains(&record) {
                after.push(record);
            }
        }
        let story = || format!("sequence {seed}:\n    {}", self.history.join("\n    "));
        assert!(!after.is_empty(), "the last answer is wrong in {}", story());
        if let Some(token) = told.begins() {
            assert!(given_out.insert(token), "a token was given out before in {}", story());
            self.tokens.push(token);
        }
        self.records = after;
    }
}

/// A verb that may well be asked: mostly by an owner or by a retry.
pub(super) fn any_verb<S: Store>(
    trial: &Trial<S>,
    classes: &[EffectClass],
    claims: &[Claim],
    tokens: &[Token],
    random: &mut Random,
) -> Verb {
    let lease = random.pick(&[trial.time.lease(), trial.time.lease(), Duration::ZERO]);
    // An earlier token now and then, the latest most of the time.
    let recent = &tokens[tokens.len().saturating_sub(if random.once_in(4) { 4 } else { 1 })..];
    if recent.is_empty() || random.once_in(2) {
        return Verb::Claim(any_claim(trial, classes, claims, lease, random));
    }
    let token = random.pick(recent);
    let complete = Verb::Complete(token, answer(random.pick(&["a", "a", "b"])));
    let ended = random.pick(&[Ended::WithoutEffect, Ended::EffectUnknown]);
    random.pick(&[complete, Verb::Release(token, ended), Verb::Renew(token, lease)])
}

fn any_claim<S: Store>(
    trial: &Trial<S>,
    classes: &[EffectClass],
    claims: &[Claim],
    lease: Duration,
    random: &mut Random,
) -> Claim {
    if !claims.is_empty() && random.once_in(5) {
        return random.pick(claims);
    }
    // A service that was deployed anew with another class meets the records of the old one.
    let class = match claims.first() {
        Some(first) if !random.once_in(8) => first.class,
        _ => random.pick(classes),
    };
    let mut claim = Claim { lease, ..trial.ask(class) };
    if random.once_in(8) {
        claim.identity = trial.identity(b"mallory");
    }
    if random.once_in(8) {
        claim.fingerprint = trial.request(FingerprintKind::CanonicalJson, b"[2]");
    }
    claim
}

async fn some_time_passes(time: &Time, random: &mut Random) {
    // A clock that is waited for stands still here; leases of no length stand for its passing.
    if let Time::Moved(_) = time {
        let retention = time.retention();
        let millisecond = Duration::from_millis(1);
        let pauses = [
            millisecond,
            time.lease().saturating_sub(millisecond),
            time.lease(),
            time.lease(),
            retention.answers,
            retention.answers + retention.skew,
            INDETERMINATE_KEPT_MIN,
        ];
        time.pass(random.pick(&pauses)).await;
    }
}
