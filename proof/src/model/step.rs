//! What can happen next in a world, and what it leads to.

use std::fmt;

use seiriken::clock::Timestamp;
use seiriken::record::transition::Ended;

use super::checker::Checked;
use super::setup::Slip;
use super::world::{Saying, Worker, World};

/// One step. Attempts and keys are meant by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Claim(usize),
    /// A claim that is granted, and nobody hears of it.
    ClaimUnheard(usize),
    Read(usize),
    Renew(usize),
    Act(usize),
    Complete(usize),
    CompleteUnheard(usize),
    Release(usize, Ended),
    Reply(usize),
    Crash(usize),
    CutLease(usize),
    Sweep(usize),
    Pass(Timestamp),
    Fill,
    Forget,
    /// A person looks at a key, and makes up their mind.
    Look(usize, Saying),
    /// What they say arrives.
    Say,
    /// It arrives, and they do not hear of it.
    SayUnheard,
}

impl Checked {
    pub(super) fn steps(&self, world: &World, steps: &mut Vec<Step>) {
        for worker in 0..self.setup.parts.len() {
            self.steps_of(world, worker, steps);
        }
        self.steps_around(world, steps);
        Self::steps_of_a_person(world, steps);
    }

    fn steps_of(&self, world: &World, worker: usize, steps: &mut Vec<Step>) {
        let slip = self.setup.slip;
        let part = &self.setup.parts[worker];
        let (lossy, failing) = (world.left.losses > 0, world.left.failures > 0);
        match world.workers[worker] {
            Worker::Idle
                if slip == Some(Slip::ReadsThenWrites) && world.keys[part.key].record.is_none() =>
            {
                steps.push(Step::Read(worker));
            }
            Worker::Idle | Worker::Unsure | Worker::SawNothing => {
                steps.push(Step::Claim(worker));
                steps.extend(lossy.then_some(Step::ClaimUnheard(worker)));
            }
            Worker::Owns(_) => {
                steps.push(Step::Renew(worker));
                if part.effect.commits_with_the_record() {
                    steps.push(Step::Complete(worker));
                    steps.extend(lossy.then_some(Step::CompleteUnheard(worker)));
                } else {
                    steps.push(Step::Act(worker));
                }
                if failing {
                    // The second: it panicked, or was cut off.
                    let ends = [Ended::WithoutEffect, Ended::EffectUnknown];
                    steps.extend(ends.map(|ended| Step::Release(worker, ended)));
                }
            }
            Worker::Acted(_) => {
                steps.extend([Step::Renew(worker), Step::Complete(worker)]);
                steps.extend(lossy.then_some(Step::CompleteUnheard(worker)));
                steps.extend(failing.then_some(Step::Release(worker, Ended::EffectUnknown)));
                match slip {
                    Some(Slip::ReleasesAfterTheEffect) if failing => {
                        steps.push(Step::Release(worker, Ended::WithoutEffect));
                    }
                    Some(Slip::RepliesBeforeTheRecord) => steps.push(Step::Reply(worker)),
                    _ => {}
                }
            }
            Worker::Done | Worker::Dead => {}
        }
        if world.left.crashes > 0 && world.workers[worker].alive() {
            steps.push(Step::Crash(worker));
        }
    }

    /// What that leads to. `None` where it changes nothing, or cannot be.
    pub(super) fn after(&self, world: &World, step: Step) -> Option<World> {
        let after = match step {
            Step::Claim(worker) => self.claims(world, worker, false),
            Step::ClaimUnheard(worker) => self.claims(world, worker, true),
            Step::Renew(worker) => self.renews(world, worker),
            Step::Complete(worker) => self.completes(world, worker, false),
            Step::CompleteUnheard(worker) => self.completes(world, worker, true),
            Step::Release(worker, ended) => self.releases(world, worker, ended),
            Step::Read(worker) => Some(world.with(worker, Worker::SawNothing)),
            Step::Act(worker) => self.acts(world, worker),
            Step::Reply(worker) => Self::replies(world, worker, self.setup.parts[worker].key),
            Step::Look(key, what) => self.looks(world, key, what),
            Step::Say => self.says(world, false),
            Step::SayUnheard => self.says(world, true),
            Step::Crash(_)
            | Step::CutLease(_)
            | Step::Sweep(_)
            | Step::Pass(_)
            | Step::Fill
            | Step::Forget => self.around(world, step),
        }?;
        let after = match (after.breach, self.broken_in(&after)) {
            (None, Some(breach)) => after.broken(breach),
            _ => after,
        };
        (after != *world).then_some(after)
    }

    fn acts(&self, world: &World, worker: usize) -> Option<World> {
        let token = world.workers[worker].token()?;
        let mut after = world.with(worker, Worker::Acted(token));
        after.works(token, &self.setup.parts[worker]);
        Some(after)
    }

    fn replies(world: &World, worker: usize, key: usize) -> Option<World> {
        let mut after = *world;
        after.keys[key].hears(world.workers[worker].token()?);
        Some(after)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(worker) => write!(f, "{worker} claims"),
            Self::ClaimUnheard(worker) => write!(f, "{worker} claims and does not hear of it"),
            Self::Read(worker) => write!(f, "{worker} sees no record"),
            Self::Renew(worker) => write!(f, "{worker} renews"),
            Self::Act(worker) => write!(f, "{worker} makes its effect"),
            Self::Complete(worker) => write!(f, "{worker} completes"),
            Self::CompleteUnheard(worker) => {
                write!(f, "{worker} completes and does not hear of it")
            }
            Self::Release(worker, ended) => write!(f, "{worker} releases ({ended:?})"),
            Self::Reply(worker) => write!(f, "{worker} replies"),
            Self::Crash(worker) => write!(f, "{worker} dies"),
            Self::CutLease(key) => write!(f, "the lease of key {key} ends"),
            Self::Sweep(key) => write!(f, "the sweeper looks at key {key}"),
            Self::Pass(to) => write!(f, "it becomes {}", to.as_millis()),
            Self::Fill => f.write_str("the scope fills up, or empties"),
            Self::Forget => f.write_str("the store forgets"),
            Self::Look(key, Saying::Done) => write!(f, "a person finds that key {key} is done"),
            Self::Look(key, Saying::NotDone) => {
                write!(f, "a person finds that key {key} is not done")
            }
            Self::Look(key, Saying::Forget) => {
                write!(f, "a person wants key {key} forgotten")
            }
            Self::Say => f.write_str("the person says so"),
            Self::SayUnheard => f.write_str("the person says so and does not hear of it"),
        }
    }
}
