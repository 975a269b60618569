//! A record as the model holds it: small, comparable, and turned into the shipped one and back for
//! every step without losing anything.

use std::sync::LazyLock;
use std::time::Duration;

use seiriken::clock::Timestamp;
use seiriken::record::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use seiriken::{Fingerprint, IdentityDigest, Scope, ScopeDigest, StoreSecret};

/// When everything begins: late enough that a key can be older than the retention.
pub(super) const START: Timestamp = Timestamp::from_millis(1_000_000_000);
pub(super) const LEASE: Duration = Duration::from_secs(30);
pub(super) const RETENTION: Retention =
    Retention { answers: Duration::from_hours(1), skew: Duration::from_mins(1) };
/// Of a service that was told to keep its answers longer.
pub(super) const LONGER: Retention =
    Retention { answers: Duration::from_hours(3), skew: RETENTION.skew };

/// Whose request it is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Request {
    /// Alice pays.
    Alice,
    /// Alice pays more, under the same key.
    AliceMore,
    /// Mallory sends what Alice sent.
    Mallory,
}

/// The key record, with numbers for what the shipped one has digests for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Small {
    pub(super) token: u8,
    pub(super) request: Request,
    pub(super) class: EffectClass,
    pub(super) executions: u32,
    pub(super) dated: bool,
    pub(super) minted: Timestamp,
    /// Whether its answer is kept longer; of an answer that stands its expiry says enough.
    pub(super) longer: bool,
    pub(super) stage: Stage,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    InProgress { attempt: u8, claimed_at: Timestamp, lease_until: Timestamp },
    Indeterminate { vanished: bool, forget_at: Timestamp },
    Completed { answer: u8, expires_at: Timestamp },
}

struct Digests {
    requests: [(IdentityDigest, Fingerprint); 3],
    scope: ScopeDigest,
    answers: Vec<RecordedResponse>,
}

static DIGESTS: LazyLock<Digests> = LazyLock::new(|| {
    let secret = StoreSecret::from_bytes([7; 32]);
    let of = |who: &[u8], what: &[u8]| {
        (IdentityDigest::new(&secret, &[Some(who)]), Fingerprint::of_work(&secret, "pay", what))
    };
    Digests {
        requests: [of(b"alice", b"1"), of(b"alice", b"2"), of(b"mallory", b"1")],
        scope: ScopeDigest::new(&secret, &Scope::default()),
        answers: (0..=u8::MAX).map(|number| RecordedResponse::of_work(&[number])).collect(),
    }
});

// === impl Request ===

impl Request {
    const ALL: [Self; 3] = [Self::Alice, Self::AliceMore, Self::Mallory];

    pub(super) fn identity(self) -> IdentityDigest {
        DIGESTS.requests[self as usize].0
    }

    pub(super) fn fingerprint(self) -> Fingerprint {
        DIGESTS.requests[self as usize].1
    }
}

// === impl Small ===

impl Small {
    pub(super) fn to_record(self) -> Record {
        let state = match self.stage {
            Stage::InProgress { attempt, claimed_at, lease_until } => State::InProgress {
                attempt: AttemptId::from_random(attempt.into()),
                claimed_at,
                lease_until,
                retention: retention(self.longer),
            },
            Stage::Indeterminate { vanished, forget_at } => {
                let why = if vanished { Why::OwnerVanished } else { Why::OwnerCannotSay };
                State::Indeterminate { why, retention: retention(self.longer), forget_at }
            }
            Stage::Completed { answer: number, expires_at } => {
                State::Completed { response: answer(number), expires_at }
            }
        };
        let minted = if self.dated { Minted::At(self.minted) } else { Minted::By(self.minted) };
        Record {
            token: token(self.token),
            identity: self.request.identity(),
            fingerprint: self.request.fingerprint(),
            scope: scope(),
            minted,
            class: self.class,
            executions: self.executions,
            state,
        }
    }

    /// # Panics
    /// When the record holds what no step of the model can have put into it.
    pub(super) fn of(record: &Record) -> Self {
        let request = Request::ALL.into_iter().find(|request| {
            (request.identity(), request.fingerprint()) == (record.identity, record.fingerprint)
        });
        let mut longer = false;
        let mut kept = |asked: Retention| {
            longer = asked == LONGER;
            assert_eq!(asked, retention(longer), "as it was asked for");
        };
        let stage = match &record.state {
            State::InProgress { attempt, claimed_at, lease_until, retention } => {
                kept(*retention);
                let attempt = u8::try_from(attempt.as_u128()).expect("attempts have small numbers");
                Stage::InProgress { attempt, claimed_at: *claimed_at, lease_until: *lease_until }
            }
            State::Indeterminate { why, retention, forget_at } => {
                kept(*retention);
                Stage::Indeterminate { vanished: *why == Why::OwnerVanished, forget_at: *forget_at }
            }
            State::Completed { response, expires_at } => {
                Stage::Completed { answer: number(response), expires_at: *expires_at }
            }
        };
        assert_eq!(record.scope, scope(), "for whom it is counted");
        let (dated, minted) = match record.minted {
            Minted::At(at) => (true, at),
            Minted::By(by) => (false, by),
        };
        Self {
            token: short(record.token),
            request: request.expect("whose request it is, and which, come from one claim"),
            class: record.class,
            executions: record.executions,
            dated,
            minted,
            longer,
            stage,
        }
    }

    pub(super) fn lease_until(&self) -> Option<Timestamp> {
        match self.stage {
            Stage::InProgress { lease_until, .. } => Some(lease_until),
            _ => None,
        }
    }

    pub(super) fn answer(&self) -> Option<u8> {
        match self.stage {
            Stage::Completed { answer, .. } => Some(answer),
            _ => None,
        }
    }

    pub(super) fn unresolved(&self) -> bool {
        matches!(self.stage, Stage::Indeterminate { .. })
    }
}

pub(super) const fn retention(longer: bool) -> Retention {
    if longer { LONGER } else { RETENTION }
}

pub(super) fn scope() -> ScopeDigest {
    DIGESTS.scope
}

pub(super) fn token(number: u8) -> Token {
    Token::from_u128(number.into())
}

pub(super) fn short(token: Token) -> u8 {
    u8::try_from(token.as_u128()).expect("tokens have small numbers")
}

/// The answer of the execution with this token.
pub(super) fn answer(number: u8) -> RecordedResponse {
    DIGESTS.answers[usize::from(number)].clone()
}

/// Which execution's answer it is.
pub(super) fn number(response: &RecordedResponse) -> u8 {
    *response.as_bytes().last().expect("an answer has a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_loses_nothing_in_the_model() {
        let small = Small {
            token: 3,
            request: Request::AliceMore,
            class: EffectClass::Keyed,
            executions: 2,
            dated: true,
            minted: START,
            longer: false,
            stage: Stage::Completed { answer: 3, expires_at: START.after(LEASE) },
        };
        let (early, late) = (START, START.after(LEASE));
        for stage in [
            small.stage,
            Stage::InProgress { attempt: 4, claimed_at: early, lease_until: late },
            Stage::Indeterminate { vanished: true, forget_at: late },
            Stage::Indeterminate { vanished: false, forget_at: late },
        ] {
            let open = stage != small.stage;
            let small = Small { stage, longer: open, ..small };
            assert_eq!(Small::of(&small.to_record()), small);
            let undated = Small { dated: false, request: Request::Mallory, ..small };
            assert_eq!(Small::of(&undated.to_record()), undated);
            assert_ne!(undated.to_record(), small.to_record());
        }
    }
}
