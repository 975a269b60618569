//! One key and all that can happen to it: several attempts, crashes, leases that end at any
//! moment, acknowledgements that are lost. Every step of a record is the shipped transition
//! function's; only the world around it is a model.

use bytes::Bytes;
use seiriken::RecordId;
use seiriken::record::transition::{
    self, Change, ClaimOutcome, CompleteOutcome, Ended, Granted, RenewOutcome, Surroundings,
};
use seiriken::record::{EffectClass, Record, RecordedResponse, State, Token, codec};

use super::{LEASE, START, answer, ask};

pub(super) const ATTEMPTS: usize = 4;

/// Where the effect of the work is written: what makes a second execution harmless, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// In one transaction with the record.
    InTheRecordsTransaction,
    /// Where the second of two is recognised by its key.
    DeduplicatedByKey,
    /// Where the second of two is a second effect.
    Elsewhere,
}

/// A mistake of the store or of the engine, to see that the exploration finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mistake {
    None,
    CompletesWithoutTheToken,
    ReleasesAfterTheEffect,
    RepliesBeforeTheRecord,
    RestartsTokensAfterARelease,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    pub(super) effect: Effect,
    pub(super) class: EffectClass,
    pub(super) mistake: Mistake,
}

/// What has happened so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct World {
    pub(super) record: Option<Record>,
    pub(super) workers: [Worker; ATTEMPTS],
    pub(super) effects: u8,
    /// The answers that somebody has heard, by the token of their execution: bit by bit.
    pub(super) heard: u16,
    last_token: u8,
    crashes: u8,
    ends: u8,
    losses: u8,
    failures: u8,
}

/// One attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Worker {
    Idle,
    /// Its claim may have been granted: the acknowledgement was lost.
    Unsure,
    Owns(u8),
    /// It has made its effect and has not recorded its answer, as far as it knows.
    Acted(u8),
    Done,
    Dead,
}

/// A step, and what it shows that can happen.
pub(super) struct Step {
    pub(super) what: String,
    pub(super) to: World,
    /// The token of the owner that made it, if an owner did.
    pub(super) by: Option<u8>,
}

/// A world as a key: two worlds with the same key go on in the same way.
pub(super) type Key = (Option<Bytes>, [Worker; ATTEMPTS], [u8; 6], u16);

impl World {
    pub(super) fn new() -> Self {
        Self {
            record: None,
            workers: [Worker::Idle; ATTEMPTS],
            effects: 0,
            heard: 0,
            last_token: 0,
            crashes: 2,
            ends: 2,
            losses: 2,
            failures: 2,
        }
    }

    pub(super) fn key(&self) -> Key {
        let id = RecordId::from_bytes([0; 16]);
        let record = self.record.as_ref().map(|record| codec::encode(&id, record));
        let Self { effects, last_token, crashes, ends, losses, failures, .. } = *self;
        let numbers = [effects, last_token, crashes, ends, losses, failures];
        (record, self.workers, numbers, self.heard)
    }

    /// Everything that can happen next.
    pub(super) fn steps(&self, rules: Rules) -> Vec<Step> {
        let mut steps = Vec::new();
        for worker in 0..ATTEMPTS {
            match self.workers[worker] {
                Worker::Idle | Worker::Unsure => self.claim(worker, rules, &mut steps),
                Worker::Owns(token) => self.work(worker, token, rules, &mut steps),
                Worker::Acted(token) => self.record(worker, token, rules, &mut steps),
                Worker::Done | Worker::Dead => {}
            }
            self.crash(worker, &mut steps);
        }
        self.lease_ends(&mut steps);
        self.sweep(&mut steps);
        steps
    }

    fn claim(&self, worker: usize, rules: Rules, steps: &mut Vec<Step>) {
        let attempt = u128::try_from(worker).expect("few") + 1;
        let fresh = match rules.mistake {
            Mistake::RestartsTokensAfterARelease => match &self.record {
                Some(record) => short(record.token) + 1,
                None => 1,
            },
            _ => self.last_token + 1,
        };
        let claim = ask(rules.class, attempt);
        let step = transition::claim(
            self.record.as_ref(),
            &claim,
            &Surroundings::new(token(fresh), START),
        );
        let mut to = self.changed(step.change);
        let (what, next) = match step.outcome {
            ClaimOutcome::Granted(grant) => {
                if grant.how != Granted::Yours {
                    assert_eq!(grant.token, token(fresh), "a new execution has a new token");
                    to.last_token = to.last_token.max(fresh);
                }
                let token = short(grant.token);
                (format!("is granted {token}: {:?}", grant.how), Worker::Owns(token))
            }
            ClaimOutcome::Completed(response) => {
                to.heard |= 1 << number(&response);
                ("is given the answer: replay".to_owned(), Worker::Done)
            }
            ClaimOutcome::InProgress { .. } => ("is told to wait".to_owned(), Worker::Done),
            ClaimOutcome::Indeterminate => ("is told: indeterminate".to_owned(), Worker::Done),
            told => panic!("the same request of the same caller is told {told:?}"),
        };
        if let (Worker::Owns(_), true) = (next, self.losses > 0) {
            let mut lost = to.clone();
            lost.losses -= 1;
            lost.workers[worker] = Worker::Unsure;
            steps.push(Step::of(worker, "claims, and its ack is lost", lost));
        }
        to.workers[worker] = next;
        steps.push(Step::of(worker, &what, to));
    }

    /// The owner works: its effect, a sign of life, or an end without an answer.
    fn work(&self, worker: usize, token: u8, rules: Rules, steps: &mut Vec<Step>) {
        self.renew(worker, token, steps);
        if rules.effect == Effect::InTheRecordsTransaction {
            self.record(worker, token, rules, steps);
            for ended in [Ended::WithoutEffect, Ended::EffectUnknown] {
                self.release(worker, token, ended, steps);
            }
            return;
        }
        let mut acted = self.acted(rules.effect);
        acted.workers[worker] = Worker::Acted(token);
        steps.push(Step::by(worker, token, "makes its effect", acted));
        self.release(worker, token, Ended::WithoutEffect, steps);
        // It panicked, or was cut off: before its effect or after it.
        self.release(worker, token, Ended::EffectUnknown, steps);
        self.acted(rules.effect).release(worker, token, Ended::EffectUnknown, steps);
    }

    fn record(&self, worker: usize, owner: u8, rules: Rules, steps: &mut Vec<Step>) {
        if rules.mistake == Mistake::ReleasesAfterTheEffect {
            self.release(worker, owner, Ended::WithoutEffect, steps);
        }
        if rules.mistake == Mistake::RepliesBeforeTheRecord {
            let mut replied = self.clone();
            replied.heard |= 1 << owner;
            steps.push(Step::by(worker, owner, "replies", replied));
        }
        let mut with = token(owner);
        if let (Mistake::CompletesWithoutTheToken, Some(record)) = (rules.mistake, &self.record) {
            with = record.token;
        }
        let one_transaction = rules.effect == Effect::InTheRecordsTransaction;
        let running = self.record.as_ref().is_some_and(|record| {
            record.token == with && matches!(record.state, State::InProgress { .. })
        });
        if one_transaction && !running {
            let mut to = self.clone();
            to.workers[worker] = Worker::Done;
            steps.push(Step::by(worker, owner, "cannot commit: stale", to));
            return;
        }
        let answer = answer(&owner.to_string());
        let step = transition::complete(self.record.as_ref(), with, &answer, START);
        let healed = matches!(&self.record, Some(record) if matches!(record.state, State::Indeterminate { .. }));
        let mut to = self.changed(step.change);
        if one_transaction {
            to = to.acted(rules.effect);
        }
        let what = match step.outcome {
            CompleteOutcome::Recorded if healed => "records its answer: heal",
            CompleteOutcome::Recorded => "records its answer",
            CompleteOutcome::Stale(_) => "cannot record its answer: stale",
        };
        if self.losses > 0 && step.outcome == CompleteOutcome::Recorded {
            let mut lost = to.clone();
            lost.losses -= 1;
            // What is committed in one transaction is not tried again.
            if one_transaction {
                lost.workers[worker] = Worker::Done;
            }
            steps.push(Step::by(worker, owner, "records its answer, and its ack is lost", lost));
        }
        to.heard |= match &step.outcome {
            CompleteOutcome::Recorded => 1 << owner,
            CompleteOutcome::Stale(Some(stands)) => 1 << number(stands),
            CompleteOutcome::Stale(None) => 0,
        };
        to.workers[worker] = Worker::Done;
        steps.push(Step::by(worker, owner, what, to));
    }

    fn renew(&self, worker: usize, owner: u8, steps: &mut Vec<Step>) {
        let step = transition::renew(self.record.as_ref(), token(owner), LEASE, START);
        let what = match step.outcome {
            RenewOutcome::Renewed => "renews its lease",
            RenewOutcome::Lost => "has lost its lease: stale",
        };
        steps.push(Step::by(worker, owner, what, self.changed(step.change)));
    }

    fn release(&self, worker: usize, owner: u8, ended: Ended, steps: &mut Vec<Step>) {
        if self.failures == 0 {
            return;
        }
        let step = transition::release(self.record.as_ref(), token(owner), ended, START);
        let mut to = self.changed(step.change);
        to.failures -= 1;
        to.workers[worker] = Worker::Done;
        let what = format!("releases ({ended:?}): {:?}", step.outcome);
        steps.push(Step::by(worker, owner, &what, to));
    }

    fn crash(&self, worker: usize, steps: &mut Vec<Step>) {
        let alive =
            matches!(self.workers[worker], Worker::Unsure | Worker::Owns(_) | Worker::Acted(_));
        if alive && self.crashes > 0 {
            let mut to = self.clone();
            to.crashes -= 1;
            to.workers[worker] = Worker::Dead;
            steps.push(Step::of(worker, "dies", to));
        }
    }

    /// At any moment, whatever the owner did: no clock is trusted.
    fn lease_ends(&self, steps: &mut Vec<Step>) {
        let mut to = self.clone();
        if let Some(Record { state: State::InProgress { lease_until, .. }, .. }) = &mut to.record
            && *lease_until > START
            && self.ends > 0
        {
            *lease_until = START;
            to.ends -= 1;
            steps.push(Step { what: "the lease ends".to_owned(), to, by: None });
        }
    }

    fn sweep(&self, steps: &mut Vec<Step>) {
        if let Some(record) = &self.record {
            let to = self.changed(transition::sweep(record, START).change);
            steps.push(Step { what: "the sweeper comes by".to_owned(), to, by: None });
        }
    }

    fn changed(&self, change: Change) -> Self {
        let mut to = self.clone();
        match change {
            Change::Keep => {}
            Change::Put(record) => to.record = Some(record),
            Change::Remove => to.record = None,
        }
        to
    }

    fn acted(&self, effect: Effect) -> Self {
        let effects = match effect {
            Effect::DeduplicatedByKey => 1,
            Effect::InTheRecordsTransaction | Effect::Elsewhere => self.effects + 1,
        };
        Self { effects, ..self.clone() }
    }
}

impl Step {
    fn of(worker: usize, what: &str, to: World) -> Self {
        Self { what: format!("{worker} {what}"), to, by: None }
    }

    fn by(worker: usize, token: u8, what: &str, to: World) -> Self {
        Self { what: format!("{worker} (token {token}) {what}"), to, by: Some(token) }
    }
}

pub(super) fn short(token: Token) -> u8 {
    u8::try_from(token.as_u128()).expect("few executions")
}

fn token(number: u8) -> Token {
    Token::from_u128(u128::from(number))
}

/// Which execution's answer it is.
pub(super) fn number(response: &RecordedResponse) -> u8 {
    let body = response.body();
    std::str::from_utf8(&body).ok().and_then(|body| body.parse().ok()).expect("a token's number")
}
