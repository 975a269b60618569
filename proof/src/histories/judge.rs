//! The one who sees everything: the effects as they happen, what is durable, what everybody is
//! told and hears. It stands outside the system and knows nothing of how it works.

use seiriken::record::transition::{Claim, ClaimOutcome, Granted, ReleaseOutcome};
use seiriken::record::{AttemptId, RecordedResponse, Token};
use seiriken::{FingerprintKind, RecordId};

use super::desk::Grant;
use super::mark::{MARKS, Mark, Marks};
use super::plan::{Effect, Fault, Plan, RETENTION, SKEW, WorkEnds};
use super::store::mark_of;
use super::world::Node;
use crate::random::mixed;

/// What was seen.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) plan: Plan,
    pub(super) marks: Marks,
    pub(super) breaches: Vec<String>,
    pub(super) executions: Vec<Seen>,
    pub(super) grants: Vec<Grant>,
    pub(super) keys: [Key; 4],
    /// Counts what happens, so that it is known what came before what.
    pub(super) moment: u64,
    pub(super) refused: Vec<(usize, u64)>,
    /// When the probes began, which run what was left undone.
    pub(super) probing: u64,
    hash: u64,
    trace: Option<Vec<String>>,
}

/// An execution.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) intent: usize,
    pub(super) key: usize,
    pub(super) node: Node,
    pub(super) began: u64,
    pub(super) effect: bool,
    pub(super) ended: Option<WorkEnds>,
    /// Something has befallen it that may cost it its lease.
    pub(super) disturbed: bool,
    pub(super) died: bool,
    /// When its owner was told its answer, in milliseconds.
    pub(super) told_at: Option<u64>,
    /// When a person freed its key, if one has since.
    pub(super) freed: Option<u64>,
}

/// A request's coming to a process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) moment: u64,
    /// In milliseconds.
    pub(super) at: u64,
    pub(super) node: Node,
}

/// A key.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) effects: u64,
    /// The answer that the store holds.
    pub(super) durable: Option<RecordedResponse>,
    pub(super) holder: Option<AttemptId>,
    /// The execution that was granted last.
    pub(super) token: Option<Token>,
    /// Answers that stood until a person had the key forgotten, and when that was.
    pub(super) past: Vec<(u64, RecordedResponse)>,
    pub(super) indeterminate: bool,
    /// How many requests have arrived for it.
    pub(super) arrivals: u64,
    /// When the answer was recorded, in milliseconds.
    pub(super) recorded_at: u64,
    /// The first answer that a client has heard, and when.
    pub(super) heard: Option<(u64, RecordedResponse)>,
    pub(super) forgotten: bool,
}

impl Judge {
    pub(super) fn new(plan: &Plan, verbose: bool) -> Self {
        Self {
            plan: plan.clone(),
            marks: [0; MARKS],
            breaches: Vec::new(),
            executions: Vec::new(),
            grants: Vec::new(),
            keys: std::array::from_fn(|_| Key::default()),
            moment: 0,
            refused: Vec::new(),
            probing: u64::MAX,
            hash: 0,
            trace: verbose.then(Vec::new),
        }
    }

    /// The same events in the same order give the same number.
    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks[mark as usize] += 1;
    }

    /// Something happens; answers when.
    pub(super) fn note(&mut self, what: &'static str, numbers: &[u64]) -> u64 {
        self.moment += 1;
        let text = what.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte));
        self.hash = mixed(&[&[self.hash, text], numbers].concat());
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {what} {numbers:?}", self.moment));
        }
        self.moment
    }

    pub(super) fn breach(&mut self, what: impl Into<String>) {
        let what = what.into();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("BREACH: {what}"));
        }
        self.breaches.push(what);
    }
}

/// What befalls the processes.
impl Judge {
    pub(super) fn crashed(&mut self, node: usize) {
        self.note("crash", &[node as u64]);
        self.mark(Mark::Crashed);
        for seen in self.executions.iter_mut().filter(|seen| seen.node.number == node) {
            seen.disturbed = true;
            seen.died |=
                seen.ended.is_none() || !seen.effect || self.keys[seen.key].durable.is_none();
        }
    }

    pub(super) fn paused(&mut self, node: usize) {
        self.note("pause", &[node as u64]);
        self.mark(Mark::Paused);
        for seen in self.executions.iter_mut().filter(|seen| seen.node.number == node) {
            seen.disturbed = true;
        }
    }

    pub(super) fn clock_jumped(&mut self) {
        self.note("clock", &[]);
        self.mark(Mark::ClockJumped);
        self.executions.iter_mut().for_each(|seen| seen.disturbed = true);
    }

    /// A call for this key went otherwise than usual.
    pub(super) fn disturbed(&mut self, node: Node, id: RecordId) {
        let key = key_of(id);
        self.note("disturbed", &[node.number as u64, key as u64]);
        for seen in self.executions.iter_mut().filter(|seen| seen.key == key) {
            seen.disturbed = true;
        }
    }

    pub(super) fn forgot(&mut self) {
        self.note("forgot", &[]);
        self.mark(Mark::Forgot);
        for key in &mut self.keys {
            key.durable = None;
            key.holder = None;
            key.forgotten = true;
        }
    }
}

/// What the work does.
impl Judge {
    /// A request arrives at a process.
    pub(super) fn arrives(&mut self, which: usize, node: Node, at: u64) -> Arrival {
        let key = self.plan.intents[which].key;
        self.keys[usize::from(key)].arrivals += 1;
        let moment = self.note("arrives", &[which as u64, u64::from(key)]);
        Arrival { moment, at, node }
    }

    /// Answers the execution's number, 1 for the first.
    pub(super) fn begins(&mut self, intent: usize, id: RecordId, node: Node, number: u32) -> u64 {
        let key = key_of(id);
        let began = self.note("begins", &[intent as u64, key as u64, u64::from(number)]);
        let (effect, ended) = (false, None);
        // Where it was paused or its claim went astray, the lease may be over as it begins.
        let disturbed = self.plan.faults.iter().any(|fault| {
            matches!(fault, Fault::Store { .. } | Fault::Pause { .. } | Fault::ClockJump { .. })
        });
        let (died, told_at, freed) = (false, None, None);
        let seen =
            Seen { intent, key, node, began, effect, ended, disturbed, died, told_at, freed };
        self.executions.push(seen);
        self.begun(key, node, number);
        self.executions.len() as u64
    }

    pub(super) fn effect(&mut self, execution: u64) {
        self.note("effect", &[execution]);
        let seen = &mut self.executions[index(execution)];
        seen.effect = true;
        let key = &mut self.keys[seen.key];
        if self.plan.effect == Effect::DeduplicatedByKey && key.effects == 1 {
            self.mark(Mark::Deduplicated);
            return;
        }
        key.effects += 1;
        if key.effects > 1 {
            self.breach("I1: more than one effect");
        }
    }

    pub(super) fn ends(&mut self, execution: u64, ends: WorkEnds) {
        self.note("ends", &[execution, ends as u64]);
        self.executions[index(execution)].ended = Some(ends);
    }
}

/// What the store does.
impl Judge {
    pub(super) fn claimed(&mut self, id: RecordId, node: Node, claim: &Claim, told: &ClaimOutcome) {
        let number = key_of(id);
        self.note("claimed", &[number as u64, outcome_number(told)]);
        match told {
            ClaimOutcome::Granted(grant) => {
                self.mark(mark_of(grant.how));
                if grant.executions > 1 && self.plan.effect == Effect::Elsewhere {
                    self.breach("an opaque effect is run again");
                }
                let owner = self.executions.iter().rev().find(|seen| seen.key == number);
                let overtaken =
                    owner.is_some_and(|seen| seen.ended.is_none() && !seen.disturbed && !seen.died);
                if grant.executions > 1
                    && overtaken
                    && self.keys[number].holder != Some(claim.attempt)
                {
                    self.breach("L2: an owner that renews its lease is overtaken");
                }
                let key = &mut self.keys[number];
                (key.holder, key.token) = (Some(claim.attempt), Some(grant.token));
                if grant.how != Granted::Yours {
                    self.granted(number, node, grant.executions);
                }
            }
            ClaimOutcome::InProgress { .. } if self.keys[number].holder == Some(claim.attempt) => {
                self.breach("a claim is told to wait for itself");
            }
            ClaimOutcome::Indeterminate => {
                self.keys[number].indeterminate = true;
                if self.plan.effect != Effect::Elsewhere {
                    self.breach("an outcome is unknown that can be found out by running it again");
                }
            }
            _ => {}
        }
    }

    pub(super) fn recorded(&mut self, id: RecordId, response: &RecordedResponse, now: u64) {
        let number = key_of(id);
        self.note("recorded", &[number as u64, super::service::execution_of(response)]);
        if self.keys[number].indeterminate {
            self.mark(Mark::Healed);
        }
        self.stands(number, response, now);
    }

    /// From now on this is the answer, whoever gave it.
    pub(super) fn stands(&mut self, number: usize, response: &RecordedResponse, now: u64) {
        let key = &mut self.keys[number];
        key.indeterminate = false;
        match &key.durable {
            Some(stands) if stands != response => self.breach("I6: an answer that stands changes"),
            Some(_) => {}
            None => {
                key.durable = Some(response.clone());
                key.recorded_at = now;
            }
        }
    }

    pub(super) fn released(&mut self, id: RecordId, told: ReleaseOutcome) {
        let number = key_of(id);
        self.note("released", &[number as u64, told as u64]);
        if told == ReleaseOutcome::Freed {
            self.mark(Mark::Freed);
            self.keys[number].holder = None;
            if self.keys[number].effects > 0 {
                self.breach("a key is freed whose effect has happened");
            }
        }
        if told == ReleaseOutcome::Indeterminate {
            self.keys[number].indeterminate = true;
        }
    }

    /// Whether an owner that is alive has still something to do.
    pub(super) fn unfinished(&self) -> bool {
        self.executions.iter().filter(|seen| !seen.died).any(|seen| match seen.ended {
            None => true,
            Some(WorkEnds::Well | WorkEnds::Refused) => {
                seen.freed.is_none() && self.keys[seen.key].durable.is_none()
            }
            Some(_) => false,
        })
    }

    /// Whether an answer to a key can have been forgotten by now for its age.
    pub(super) fn aged(&self, key: u8, now: u64) -> bool {
        let made = self.plan.intents.iter().filter(|intent| intent.key == key);
        let made = made.map(|intent| intent.at).min().unwrap_or(0);
        now + SKEW >= made + RETENTION
    }
}

pub(super) fn key_of(id: RecordId) -> usize {
    usize::from(id.as_bytes()[0])
}

fn index(execution: u64) -> usize {
    usize::try_from(execution - 1).expect("few executions")
}

fn outcome_number(told: &ClaimOutcome) -> u64 {
    match told {
        ClaimOutcome::Granted(grant) => 10 + u64::from(grant.executions),
        ClaimOutcome::Completed(_) => 1,
        ClaimOutcome::InProgress { .. } => 2,
        ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes } => 3,
        ClaimOutcome::Mismatch { .. } => 4,
        ClaimOutcome::CredentialChanged => 5,
        ClaimOutcome::Indeterminate => 6,
        ClaimOutcome::KeyExpired => 7,
        ClaimOutcome::KeyFromFuture => 8,
        ClaimOutcome::QuotaExceeded => 9,
    }
}
