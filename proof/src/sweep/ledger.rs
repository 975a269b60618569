//! What happened outside the system: each effect, and what each caller was told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use seiriken::record::Token;

use super::person::{CameTo, settlement};

/// Whose request, and which, under the one key of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The client whose operation it is.
    Client,
    /// The same client with another request under the same key.
    OtherRequest,
    /// Somebody else with the same request.
    OtherCaller,
}

/// What a caller is told, in the words of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// The answer, now or again.
    Answer {
        body: String,
        replayed: bool,
    },
    /// For certain: nothing was done, and the key is free.
    NothingDone,
    /// Something that is no definite answer.
    NotSure,
    /// Nobody knows, and asking again does not help.
    Unknown,
    /// It will be known.
    Pending,
    InProgress,
    KeyReused,
    CredentialChanged,
    KeyExpired,
    /// The store could not be asked; nothing ran.
    Unavailable,
    /// It did not wait for what it would have been told.
    GaveUp,
    /// What no caller of these scenarios may be told.
    Else(String),
}

/// One effect.
#[derive(Debug, Clone)]
pub(super) struct Effect {
    pub(super) who: Who,
    /// The request that had it.
    pub(super) request: usize,
    pub(super) answer: String,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) who: Who,
    /// Whether somebody had been told the answer before this was sent.
    pub(super) after_answer: bool,
    /// The effects before this one had been forgotten when it was sent, or a later one been told.
    pub(super) first_effect: usize,
    pub(super) told: Option<Outcome>,
}

/// What a request was told, and how many effects there were at that moment.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) told: Told,
    pub(super) effects: usize,
}

/// All that happened in one point.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) effects: Vec<Effect>,
    pub(super) requests: Vec<Request>,
    /// Executions that were not the first one of their key.
    pub(super) takeovers: u64,
    /// Works that have come as far as waiting to be let on.
    pub(super) waiting: u64,
    /// Effects that a downstream recognised by the key, and did not repeat.
    pub(super) recognised: u64,
    /// The key's retention is over.
    pub(super) expired: bool,
    /// The execution that a person has asked to be forgotten,
    to_be_forgotten: Option<Token>,
    /// which may concern so many effects,
    pub(super) forgettable: usize,
    /// and does so for certain.
    forgotten: usize,
    /// The answer that was told first after each effect: the execution's own, or a person's.
    heard: Vec<Option<String>>,
    /// Effects up to this one have been told.
    answered: usize,
    /// What a person was told that must not be, and answers that differ from the first one.
    pub(super) breaches: Vec<String>,
    pub(super) persons: Persons,
}

/// What came of what persons have said.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Persons {
    pub(super) answered: u64,
    pub(super) freed: u64,
    pub(super) forgotten: u64,
    pub(super) nothing: u64,
}

/// Writes it down.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    history: Mutex<History>,
    /// Of each request, whether its work may still be done.
    left: Mutex<HashMap<usize, Weak<Left>>>,
}

/// As long as a request's work has this, it may still be done.
#[derive(Debug, Default)]
pub(super) struct Left;

impl Ledger {
    /// A request is sent.
    pub(super) fn asks(&self, who: Who) -> usize {
        let mut history = self.lock();
        let after_answer = history.answered > history.forgettable;
        let first_effect = history.forgotten.max(history.answered.saturating_sub(1));
        history.requests.push(Request { who, after_answer, first_effect, told: None });
        history.requests.len() - 1
    }

    /// It is told this.
    pub(super) fn tell(&self, request: usize, told: &Told) {
        let mut history = self.lock();
        if let Told::Answer { body, .. } = told {
            history.is_told(body);
        }
        let effects = history.effects.len();
        history.requests[request].told = Some(Outcome { told: told.clone(), effects });
    }

    /// The request's work, which may be done until what this answers is dropped.
    pub(super) fn works(&self, request: usize) -> Arc<Left> {
        let left = Arc::default();
        lock(&self.left).insert(request, Arc::downgrade(&left));
        left
    }

    /// The request's process is gone for good.
    pub(super) fn is_gone(&self, request: usize) {
        lock(&self.left).remove(&request);
    }

    /// Whether anybody may still have the effect.
    pub(super) fn somebody_is_left(&self) -> bool {
        lock(&self.left).values().any(|left| left.strong_count() > 0)
    }

    /// From now on what was done so far may be forgotten, with the execution that stands.
    pub(super) fn is_to_be_forgotten(&self, execution: Token) {
        let mut history = self.lock();
        if history.to_be_forgotten.replace(execution) != Some(execution) {
            history.forgettable = history.effects.len();
        }
    }

    /// A person has heard what became of their word.
    pub(super) fn person_heard(&self, came_to: &CameTo) {
        let mut history = self.lock();
        match came_to {
            CameTo::Answered(answer) => {
                history.persons.answered += 1;
                history.is_told(answer);
            }
            CameTo::Freed => history.persons.freed += 1,
            CameTo::Forgotten => {
                history.persons.forgotten += 1;
                history.forgotten = history.forgettable;
            }
            CameTo::Nothing => history.persons.nothing += 1,
        }
    }

    /// A person was told what must not be told.
    pub(super) fn misleads(&self, breach: String) {
        self.lock().breaches.push(breach);
    }

    /// An effect that nobody recognises: charging a card, sending a mail. Its answer names it.
    pub(super) fn effect(&self, who: Who, request: usize) -> String {
        let mut history = self.lock();
        let answer = format!("effect {}", history.effects.len() + 1);
        history.effects.push(Effect { who, request, answer: answer.clone() });
        answer
    }

    /// An effect in a service that recognises the key and answers what it answered before.
    pub(super) fn keyed_effect(&self, who: Who, request: usize) -> String {
        let mut history = self.lock();
        let before = history.effects.first().map(|effect| effect.answer.clone());
        if let Some(before) = before {
            history.recognised += 1;
            return before;
        }
        drop(history);
        self.effect(who, request)
    }

    /// An execution with this number begins.
    pub(super) fn executes(&self, number: u32) {
        self.lock().takeovers += u64::from(number > 1);
    }

    /// A work waits to be let on.
    pub(super) fn waits(&self) {
        self.lock().waiting += 1;
    }

    /// The key's retention is over from now on.
    pub(super) fn expires(&self) {
        self.lock().expired = true;
    }

    pub(super) fn history(&self) -> History {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        lock(&self.history)
    }
}

impl Persons {
    pub(super) fn add(&mut self, more: &Self) {
        self.answered += more.answered;
        self.freed += more.freed;
        self.forgotten += more.forgotten;
        self.nothing += more.nothing;
    }
}

impl History {
    /// The effect that an answer is of, whoever gave it.
    pub(super) fn effect_of(&self, answer: &str) -> Option<usize> {
        let is_of =
            |effect: &Effect| effect.answer == answer || settlement(&effect.answer) == answer;
        self.effects.iter().position(is_of)
    }

    /// Somebody knows from now on that this is the answer.
    fn is_told(&mut self, answer: &str) {
        let Some(effect) = self.effect_of(answer) else { return };
        self.answered = self.answered.max(effect + 1);
        self.heard.resize(self.effects.len(), None);
        match &self.heard[effect] {
            Some(first) if first != answer => {
                self.breaches.push(format!("told {first:?}, and then {answer:?}"));
            }
            _ => self.heard[effect] = Some(answer.to_owned()),
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
