//! What happened outside the system: each effect, and what each caller was told.

use std::sync::{Mutex, MutexGuard, PoisonError};

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
}

/// Writes it down.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    history: Mutex<History>,
}

impl Ledger {
    /// A request is sent.
    pub(super) fn asks(&self, who: Who) -> usize {
        let mut history = self.lock();
        let answered = |request: &Request| {
            request.told.as_ref().is_some_and(|told| matches!(told.told, Told::Answer { .. }))
        };
        let after_answer = history.requests.iter().any(answered);
        history.requests.push(Request { who, after_answer, told: None });
        history.requests.len() - 1
    }

    /// It is told this.
    pub(super) fn tell(&self, request: usize, told: &Told) {
        let mut history = self.lock();
        let effects = history.effects.len();
        history.requests[request].told = Some(Outcome { told: told.clone(), effects });
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
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
