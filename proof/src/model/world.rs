//! One world: the records, who is at work, and what has really happened.

use std::mem::discriminant;

use seiriken::clock::Timestamp;
use seiriken::record::transition::Change;
use seiriken::record::{EffectClass, INDETERMINATE_KEPT_MIN, Retention};

use super::invariant::Invariant;
use super::record::{Request, START, Small, Stage, retention};
use super::setup::{ATTEMPTS_MAX, Budget, KEYS_MAX, Part, Setup};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct World {
    /// The time by the store's clock.
    pub(super) now: Timestamp,
    pub(super) keys: [Key; KEYS_MAX],
    pub(super) workers: [Worker; ATTEMPTS_MAX],
    /// The store's counter.
    pub(super) last_token: u8,
    pub(super) swept_through: Timestamp,
    /// Whether the scope is full of other keys.
    pub(super) full: bool,
    pub(super) left: Budget,
    /// What a person has said, and has not heard of yet.
    pub(super) desk: Option<Said>,
    /// What does not hold here. Nothing comes after it.
    pub(super) breach: Option<Invariant>,
}

/// One key: its record, and what is true of it whatever the record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) record: Option<Small>,
    /// How often the work of the present window has happened.
    pub(super) effects: u8,
    /// Whose work that was.
    pub(super) worked: Option<Request>,
    /// The answers that somebody has heard, by the token of their execution: bit by bit.
    pub(super) heard: u32,
    /// The first token of the present window. What an owner of an earlier one does late is no
    /// second effect of this one.
    pub(super) window: u8,
    /// Until when the present record is to stand and a second effect would be one too many, by the
    /// promise: not read from the record.
    pub(super) kept_until: Timestamp,
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Worker {
    Idle,
    /// It has seen that there is no record, and believes it: a slip.
    SawNothing,
    /// Its claim may have been granted: the acknowledgement was lost.
    Unsure,
    Owns(u8),
    /// It has made its effect and has not recorded its answer, as far as it knows.
    Acted(u8),
    Done,
    Dead,
}

/// What a person says of an execution that they have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Said {
    pub(super) key: usize,
    pub(super) token: u8,
    pub(super) what: Saying,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Saying {
    Done,
    NotDone,
    Forget,
}

// === impl World ===

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        Self {
            now: START,
            keys: [Key::NEW; KEYS_MAX],
            workers: std::array::from_fn(|worker| {
                if worker < setup.parts.len() { Worker::Idle } else { Worker::Done }
            }),
            last_token: 0,
            swept_through: Timestamp::ZERO,
            full: false,
            left: setup.budget,
            desk: None,
            breach: None,
        }
    }

    /// With what a step makes of a key's record.
    pub(super) fn changed(mut self, key: usize, change: &Change) -> Self {
        let record = match change {
            Change::Keep => return self,
            Change::Put(record) => Some(Small::of(record)),
            Change::Remove => None,
        };
        self.keys[key].put(record, self.now);
        self
    }

    /// The owner of a token makes the effect of its part.
    pub(super) fn works(&mut self, token: u8, part: &Part) {
        if !self.keys[part.key].works(token, part) {
            self.breach = Some(Invariant::I11);
        }
    }

    pub(super) fn broken(self, breach: Invariant) -> Self {
        Self { breach: Some(breach), ..self }
    }

    /// How many live owners of its present token a key has.
    pub(super) fn owners(&self, setup: &Setup, key: usize) -> usize {
        let Some(record) = self.keys[key].record else { return 0 };
        let parts = setup.parts.iter().zip(&self.workers);
        parts
            .filter(|(part, worker)| part.key == key && worker.token() == Some(record.token))
            .count()
    }
}

// === impl Worker ===

impl Worker {
    /// The token it holds.
    pub(super) fn token(self) -> Option<u8> {
        match self {
            Self::Owns(token) | Self::Acted(token) => Some(token),
            _ => None,
        }
    }

    /// Whether its end would be noticed.
    pub(super) fn alive(self) -> bool {
        matches!(self, Self::Unsure | Self::Owns(_) | Self::Acted(_))
    }
}

// === impl Saying ===

impl Saying {
    pub(super) const ALL: [Self; 3] = [Self::Done, Self::NotDone, Self::Forget];
}

// === impl Key ===

impl Key {
    const NEW: Self = Self {
        record: None,
        effects: 0,
        worked: None,
        heard: 0,
        window: 0,
        kept_until: Timestamp::ZERO,
    };

    fn put(&mut self, record: Option<Small>, now: Timestamp) {
        if let Some(kept_until) = record.and_then(|record| promise(self.record, record, now)) {
            self.kept_until = kept_until;
        }
        self.record = record;
    }

    /// Whether the record still counts, by the promise.
    pub(super) fn stands(&self, now: Timestamp) -> Option<Small> {
        self.record.filter(|record| match record.stage {
            Stage::InProgress { lease_until, .. } => {
                record.class != EffectClass::Keyed || now < lease_until || now < self.kept_until
            }
            Stage::Indeterminate { .. } | Stage::Completed { .. } => now < self.kept_until,
        })
    }

    /// The record as whoever looks must find it, by the promise: an opaque execution whose owner's
    /// lease is over is an unknown outcome, whether or not anybody has come upon it.
    pub(super) fn shown(&self, now: Timestamp) -> Option<Small> {
        let standing = self.stands(now)?;
        let over = standing.lease_until().is_some_and(|until| until <= now);
        if !over || standing.class != EffectClass::Opaque {
            return Some(standing);
        }
        let unknown = |forget_at| Small {
            stage: Stage::Indeterminate { vanished: true, forget_at },
            ..standing
        };
        promise(self.record, unknown(now), now).map(unknown)
    }

    /// A person has had it forgotten: what was done and told under it is of the past.
    pub(super) fn is_forgotten(&mut self) {
        (self.effects, self.worked, self.heard) = (0, None, 0);
    }

    /// A first execution begins a new window. `false` for a key with a date: that has one alone.
    pub(super) fn begins_anew(&mut self, token: u8, part: &Part) -> bool {
        if !part.dated {
            (self.effects, self.worked, self.heard, self.window) = (0, None, 0, token);
        }
        !part.dated
    }

    /// `false` when it was another request's work before.
    fn works(&mut self, token: u8, part: &Part) -> bool {
        if token < self.window {
            return true;
        }
        self.effects = part.effect.once_more(self.effects);
        *self.worked.get_or_insert(part.request) == part.request
    }

    pub(super) fn hears(&mut self, answer: u8) {
        self.heard |= 1 << answer;
    }
}

/// Until when a record is to stand that has come to a new stage.
fn promise(before: Option<Small>, after: Small, now: Timestamp) -> Option<Timestamp> {
    let from = if after.dated { now.max(after.minted) } else { now };
    let same = before.filter(|before| before.token == after.token);
    if same.is_some_and(|same| discriminant(&same.stage) == discriminant(&after.stage)) {
        return None;
    }
    // What an owner was granted with holds for its answer.
    let longer = same.map_or(after.longer, |same| same.longer);
    let Retention { answers, skew } = retention(longer);
    let kept = from.after(answers).after(skew);
    Some(if after.unresolved() { kept.max(now.after(INDETERMINATE_KEPT_MIN)) } else { kept })
}
