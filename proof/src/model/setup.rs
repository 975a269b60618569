//! What is modelled: who takes part, where effects are written, how much may go wrong.

use seiriken::KeyDate;
use seiriken::record::EffectClass;

use super::record::Request;

pub(super) const ATTEMPTS_MAX: usize = 5;
pub(super) const KEYS_MAX: usize = 2;

/// Where the effect of the work is written: what makes a second execution harmless, or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    /// In one transaction with the record.
    InTheRecordsTransaction,
    /// Where the second of two is recognised by its key.
    DeduplicatedByKey,
    /// Both: in the record's transaction, into a table where the key is unique.
    UniqueInTheTransaction,
    /// Where the second of two is a second effect.
    Elsewhere,
}

/// One attempt: a request that arrives at some moment, at a service built in some way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) request: Request,
    pub(super) effect: Effect,
    pub(super) class: EffectClass,
    pub(super) key: usize,
    /// Whether the service looks at the key's date.
    pub(super) dated: bool,
    /// Whether it keeps its answers longer.
    pub(super) longer: bool,
}

/// How much may still go wrong, or happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Budget {
    pub(super) crashes: u8,
    /// Leases that end early: at any moment, whatever the clock says.
    pub(super) ends: u8,
    /// Acknowledgements that are lost.
    pub(super) losses: u8,
    /// Handlers that end without an answer to record.
    pub(super) failures: u8,
    /// Moves of the clock.
    pub(super) ticks: u8,
    /// How often the store fills up, or empties again.
    pub(super) fills: u8,
    /// How often the store forgets everything.
    pub(super) forgets: u8,
    /// How often a person decides something.
    pub(super) people: u8,
}

/// What becomes of the rest when a store forgets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Amnesia {
    /// Nothing knows of it: a replica that was promoted too early.
    Unnoticed,
    /// Its process began anew: nobody who was working is left, and the store knows its start. What
    /// was answered before is not held against it: it promises nothing beyond its process.
    Restart,
}

/// A mistake of the engine or of a store around the transition function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Slip {
    /// M3, M7: the execution is released as without effect after its effect.
    ReleasesAfterTheEffect,
    /// M4: the reply goes out before the record.
    RepliesBeforeTheRecord,
    /// M5: a claim is decided on a record that was read in an earlier step.
    ReadsThenWrites,
    /// M6: the tokens begin anew when the record was removed.
    RestartsTheTokens,
}

/// Who settles what nobody knows, and has keys forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Person {
    /// Says what is so and will stay so.
    Truthful,
    /// Says "not done" of what has not happened yet.
    Hasty,
    /// Says "not done" of what has happened.
    Denies,
    /// Says "done" of what has not happened.
    Affirms,
    /// Has a key forgotten that somebody may still be at work on.
    Careless,
}

/// One world to explore.
#[derive(Debug, Clone)]
pub(super) struct Setup {
    pub(super) name: String,
    pub(super) parts: Vec<Part>,
    pub(super) budget: Budget,
    /// What the key says about its age; looked at by the parts that are `dated`.
    pub(super) date: Option<KeyDate>,
    /// How many keys may be kept for the scope.
    pub(super) quota: Option<u64>,
    pub(super) amnesia: Amnesia,
    pub(super) slip: Option<Slip>,
    pub(super) person: Person,
}

// === impl Part ===

impl Part {
    pub(super) const fn new(effect: Effect, class: EffectClass) -> Self {
        Self { request: Request::Alice, effect, class, key: 0, dated: false, longer: false }
    }

    pub(super) const fn asking(self, request: Request) -> Self {
        Self { request, ..self }
    }

    pub(super) const fn of_key(self, key: usize) -> Self {
        Self { key, ..self }
    }

    pub(super) const fn dated(self) -> Self {
        Self { dated: true, ..self }
    }

    pub(super) const fn longer(self) -> Self {
        Self { longer: true, ..self }
    }
}

// === impl Effect ===

impl Effect {
    pub(super) fn commits_with_the_record(self) -> bool {
        matches!(self, Self::InTheRecordsTransaction | Self::UniqueInTheTransaction)
    }

    /// How many effects there are after one more execution.
    pub(super) fn once_more(self, effects: u8) -> u8 {
        match self {
            Self::DeduplicatedByKey | Self::UniqueInTheTransaction => effects.max(1),
            Self::InTheRecordsTransaction | Self::Elsewhere => effects.saturating_add(1),
        }
    }
}

// === impl Budget ===

impl Budget {
    /// Nothing goes wrong.
    pub(super) const NONE: Self = Self {
        crashes: 0,
        ends: 0,
        losses: 0,
        failures: 0,
        ticks: 0,
        fills: 0,
        forgets: 0,
        people: 0,
    };

    /// Two crashes, three leases that end at any moment, two lost acknowledgements, two
    /// handlers that fail.
    pub(super) const FULL: Self =
        Self { crashes: 2, ends: 3, losses: 2, failures: 2, ..Self::NONE };
}

// === impl Setup ===

impl Setup {
    pub(super) fn new(name: impl Into<String>, parts: Vec<Part>, budget: Budget) -> Self {
        assert!(parts.len() <= ATTEMPTS_MAX, "the world has room for {ATTEMPTS_MAX} attempts");
        assert!(parts.iter().all(|part| part.key < KEYS_MAX), "and for {KEYS_MAX} keys");
        let (date, quota, amnesia, slip) = (None, None, Amnesia::Unnoticed, None);
        let person = Person::Truthful;
        Self { name: name.into(), parts, budget, date, quota, amnesia, slip, person }
    }

    pub(super) fn dated(self, date: KeyDate) -> Self {
        Self { date: Some(date), ..self }
    }

    pub(super) fn with_quota(self, keys: u64) -> Self {
        Self { quota: Some(keys), ..self }
    }

    pub(super) fn restarting(self) -> Self {
        Self { amnesia: Amnesia::Restart, ..self }
    }

    pub(super) fn settled_by(self, person: Person) -> Self {
        Self { person, ..self }
    }

    pub(super) fn slipping(self, slip: Slip) -> Self {
        Self { slip: Some(slip), ..self }
    }
}
