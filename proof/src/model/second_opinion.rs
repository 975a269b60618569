//! A second opinion: the protocol of one key reduced to what another program, written apart from
//! this one and in another language, has explored. The shipped transition function drives it, and
//! must reach exactly as many states as that program counted.
//!
//! Reduced means: one request, no clock that moves, no sweeper; the record is absent, in progress
//! (token, owner, whether the lease runs), completed or indeterminate; an attempt is idle, unsure,
//! owner, has acted, done or dead. Two things are put the way that program has them:
//!
//! - An unsure attempt whose lease has ended comes back as a *new* attempt. With its old id the
//!   shipped function says "yours" also then, which is as safe and leaves other states.
//! - Its first count knows no number of executions. The shipped function does not free a keyed key in
//!   its second execution: it ends the lease, for an earlier owner may have had its effect. So
//!   `Keyed` is compared without handlers that fail, and, with them, with a count of that program
//!   after this one rule was changed in it.

use stateright::{Checker as _, Model, Property};

use seiriken::Quota;
use seiriken::record::AttemptId;
use seiriken::record::EffectClass::{self, Keyed, Opaque, Transactional};
use seiriken::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, Surroundings,
};

use super::record::{LEASE, RETENTION, Request, START, Small, Stage, answer, scope, short, token};
use super::setup::Budget;
use super::setup::Effect::{self, DeduplicatedByKey, Elsewhere, InTheRecordsTransaction};
use super::world::Worker;
use crate::report::Report;

/// What was explored, and how many states that program counted.
#[derive(Debug)]
pub(super) struct Opinion {
    effect: Effect,
    class: EffectClass,
    attempts: usize,
    failures: u8,
    pub(super) states: u64,
}

const ATTEMPTS: usize = 4;

const fn opinion(
    (effect, class): (Effect, EffectClass),
    attempts: usize,
    failures: u8,
    states: u64,
) -> Opinion {
    Opinion { effect, class, attempts, failures, states }
}

/// Each with two crashes, three ends of a lease and two lost acknowledgements.
const OPINIONS: &[Opinion] = &[
    opinion((InTheRecordsTransaction, Transactional), 4, 2, 63_896),
    opinion((InTheRecordsTransaction, Transactional), 4, 0, 30_195),
    opinion((InTheRecordsTransaction, Transactional), 3, 2, 9_575),
    opinion((DeduplicatedByKey, Keyed), 4, 0, 104_755),
    // These two with the changed rule.
    opinion((DeduplicatedByKey, Keyed), 4, 2, 223_824),
    opinion((DeduplicatedByKey, Keyed), 3, 2, 26_598),
    opinion((Elsewhere, Opaque), 4, 2, 10_539),
    opinion((Elsewhere, Opaque), 4, 0, 3_712),
    opinion((Elsewhere, Opaque), 3, 2, 3_118),
    opinion((DeduplicatedByKey, Opaque), 4, 2, 10_539),
    opinion((InTheRecordsTransaction, Opaque), 4, 2, 5_347),
    opinion((InTheRecordsTransaction, Opaque), 4, 0, 1_624),
];

/// The same protocol, small enough to be the same as another one's.
#[derive(Debug, Clone)]
struct Reduced {
    effect: Effect,
    class: EffectClass,
    attempts: usize,
    budget: Budget,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    record: Option<Small>,
    last_token: u8,
    workers: [Worker; ATTEMPTS],
    effects: u8,
    heard: u32,
    left: Budget,
}

/// A step of an attempt, or the end of the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Claim { worker: usize, unheard: bool },
    Act(usize),
    Complete { worker: usize, unheard: bool },
    Fail(usize),
    Renew(usize),
    Die(usize),
    LeaseEnds,
}

/// Compares all of them, and answers how many agreed.
pub(super) fn compare(report: &mut Report) -> u64 {
    let mut agreed = 0;
    for opinion in OPINIONS {
        let states = opinion.count();
        if states == opinion.states {
            agreed += 1;
        } else {
            let Opinion { effect, class, attempts, failures, states: said } = opinion;
            report.find(format!(
                "{states} states of {effect:?} as {class:?} ({attempts} attempts, {failures} \
                 failures), and {said} by the second opinion"
            ));
        }
    }
    agreed
}

pub(super) fn opinions() -> u64 {
    OPINIONS.len() as u64
}

/// The small ones.
#[cfg(test)]
pub(super) fn of_three_attempts() -> impl Iterator<Item = &'static Opinion> {
    OPINIONS.iter().filter(|opinion| opinion.attempts == 3)
}

impl Opinion {
    pub(super) fn count(&self) -> u64 {
        let budget = Budget { failures: self.failures, ..Budget::FULL };
        let Self { effect, class, attempts, .. } = *self;
        let model = Reduced { effect, class, attempts, budget };
        model.checker().spawn_bfs().join().unique_state_count() as u64
    }
}

impl Model for Reduced {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let workers =
            std::array::from_fn(
                |worker| {
                    if worker < self.attempts { Worker::Idle } else { Worker::Done }
                },
            );
        let left = self.budget;
        vec![State { record: None, last_token: 0, workers, effects: 0, heard: 0, left }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (worker, stage) in state.workers.into_iter().enumerate() {
            match stage {
                Worker::Idle | Worker::Unsure => {
                    steps.extend([false, true].map(|unheard| Step::Claim { worker, unheard }));
                }
                Worker::Owns(_) if !self.effect.commits_with_the_record() => {
                    steps.extend([Step::Act(worker), Step::Fail(worker), Step::Renew(worker)]);
                }
                Worker::Owns(_) | Worker::Acted(_) => {
                    steps.extend([false, true].map(|unheard| Step::Complete { worker, unheard }));
                    steps.push(Step::Renew(worker));
                    let fails = matches!(stage, Worker::Owns(_));
                    steps.extend(fails.then_some(Step::Fail(worker)));
                }
                Worker::SawNothing | Worker::Done | Worker::Dead => {}
            }
            steps.push(Step::Die(worker));
        }
        steps.push(Step::LeaseEnds);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        match step {
            Step::Claim { worker, unheard } => self.claims(state, worker, unheard),
            Step::Act(worker) => {
                let token = state.workers[worker].token()?;
                let effects = self.effect.once_more(state.effects);
                Some(State { effects, ..*state }.with(worker, Worker::Acted(token)))
            }
            Step::Complete { worker, unheard } => self.completes(state, worker, unheard),
            Step::Fail(worker) => self.fails(state, worker),
            Step::Renew(worker) => {
                let owner = token(state.workers[worker].token()?);
                let step = transition::renew(state.shipped().as_ref(), owner, LEASE, START);
                Some(self.changed(state, &step.change))
            }
            Step::Die(worker) => {
                let mut after = state.with(worker, Worker::Dead);
                after.left.crashes = state.left.crashes.checked_sub(1)?;
                state.workers[worker].alive().then_some(after)
            }
            Step::LeaseEnds => {
                let mut after = *state;
                after.left.ends = state.left.ends.checked_sub(1)?;
                match &mut after.record.as_mut()?.stage {
                    Stage::InProgress { lease_until, .. } if *lease_until > START => {
                        *lease_until = START;
                        Some(after)
                    }
                    _ => None,
                }
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one effect", |_, state: &State| state.effects <= 1),
            Property::always("one answer", |_, state: &State| state.heard.count_ones() <= 1),
        ]
    }
}

impl Reduced {
    fn claims(&self, state: &State, worker: usize, unheard: bool) -> Option<State> {
        let first = u8::try_from(worker + 1).ok()?;
        let attempt = match state.record.map(|record| record.stage) {
            Some(Stage::InProgress { lease_until, .. }) if lease_until <= START => NEW + first,
            _ => first,
        };
        let claim = Claim {
            attempt: AttemptId::from_random(attempt.into()),
            identity: Request::Alice.identity(),
            fingerprint: Request::Alice.fingerprint(),
            scope: scope(),
            date: None,
            class: self.class,
            lease: LEASE,
            retention: RETENTION,
            quota: Quota::default(),
        };
        let around = Surroundings::new(token(state.last_token + 1), START);
        let step = transition::claim(state.shipped().as_ref(), &claim, &around);
        let mut after = self.changed(state, &step.change).with(worker, Worker::Done);
        if unheard {
            after.left.losses = state.left.losses.checked_sub(1)?;
        }
        match step.outcome {
            ClaimOutcome::Granted(grant) => {
                if grant.how == Granted::Yours && unheard {
                    return None;
                }
                let token = short(grant.token);
                after.last_token = after.last_token.max(token);
                after.workers[worker] = if unheard { Worker::Unsure } else { Worker::Owns(token) };
                return Some(after);
            }
            ClaimOutcome::Completed(response) => {
                after.heard |= 1 << super::record::number(&response);
            }
            _ => {}
        }
        (!unheard).then_some(after)
    }

    fn completes(&self, state: &State, worker: usize, unheard: bool) -> Option<State> {
        let owner = state.workers[worker].token()?;
        let record = state.shipped();
        let step = transition::complete(record.as_ref(), token(owner), &answer(owner), START);
        let committed = self.effect.commits_with_the_record();
        let news = step.change != Change::Keep;
        let mut after = self.changed(state, &step.change);
        if news && committed {
            after.effects = self.effect.once_more(after.effects);
        }
        if unheard {
            after.left.losses = state.left.losses.checked_sub(1)?;
            let done = if committed { Worker::Done } else { Worker::Acted(owner) };
            return news.then(|| after.with(worker, done));
        }
        if step.outcome == CompleteOutcome::Recorded {
            after.heard |= 1 << owner;
        }
        Some(after.with(worker, Worker::Done))
    }

    fn fails(&self, state: &State, worker: usize) -> Option<State> {
        let owner = token(state.workers[worker].token()?);
        let ended = Ended::WithoutEffect;
        let step = transition::release(state.shipped().as_ref(), owner, ended, START);
        let mut after = self.changed(state, &step.change).with(worker, Worker::Done);
        after.left.failures = state.left.failures.checked_sub(1)?;
        Some(after)
    }

    fn changed(&self, state: &State, change: &Change) -> State {
        let record = match change {
            Change::Keep => return *state,
            Change::Put(record) => Some(self.projected(Small::of(record))),
            Change::Remove => None,
        };
        State { record, ..*state }
    }

    /// Without what the other program does not have.
    fn projected(&self, record: Small) -> Small {
        let (stage, running) = match record.stage {
            Stage::InProgress { attempt, claimed_at, lease_until } => {
                let attempt = attempt % NEW;
                (Stage::InProgress { attempt, claimed_at, lease_until }, true)
            }
            ended => (ended, false),
        };
        // Looked at by one step alone, and in one class.
        let counts = running && self.class == Keyed && self.budget.failures > 0;
        let executions = if counts { record.executions.min(2) } else { 1 };
        Small { executions, stage, ..record }
    }
}

/// Added to the attempt id of whoever comes back as a new attempt.
const NEW: u8 = 100;

impl State {
    fn with(mut self, worker: usize, becomes: Worker) -> Self {
        self.workers[worker] = becomes;
        self
    }

    fn shipped(&self) -> Option<seiriken::record::Record> {
        self.record.map(Small::to_record)
    }
}
