//! What the workload does under each key: made from the seed and a number, so that whoever checks
//! an image knows it without being told.

use std::time::Duration;

use seiriken::record::transition::Claim;
use seiriken::record::{AttemptId, EffectClass, Retention};
use seiriken::store::Store;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::sqlite::rusqlite::{self, Connection};
use seiriken::{
    Fingerprint, IdempotencyKey, IdentityDigest, KeyDate, KeySyntax, Quota, RecordId, Scope,
    ScopeDigest,
};

use seiriken::clock::Timestamp;

use super::dice::Dice;

/// When the workload begins, by its own clock.
pub(super) const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// How far its clock is moved before a sweep: over all answers that are kept shortly, and over no
/// other.
pub(super) const JUMP: Duration = Duration::from_hours(2);

const SHORT: Duration = Duration::from_hours(1);
const LONG: Duration = Duration::from_hours(24 * 365);
const SKEW: Duration = Duration::from_mins(1);

/// Orders as the order service keeps them.
pub(super) const ORDERS: &str = "
    CREATE TABLE IF NOT EXISTS orders (
        number   INTEGER PRIMARY KEY,
        order_id BLOB NOT NULL UNIQUE,
        content  TEXT NOT NULL
    ) STRICT";

/// Pages that the service writes beside its orders, all of them in one commit.
pub(super) const PAGES: &str = "
    CREATE TABLE IF NOT EXISTS pages (
        number  INTEGER PRIMARY KEY,
        version INTEGER NOT NULL,
        content BLOB NOT NULL
    ) STRICT";

/// One key and what is done under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) number: u64,
    pub(super) kind: Kind,
    seed: u64,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An order: effect, key and answer in one commit.
    Order,
    /// The same under a dated key whose answer is soon forgotten.
    ShortOrder,
    /// An order that is rolled back by its own closure.
    Refused,
    /// A claim of a transactional operation, and nothing after it.
    Bare,
    /// A claim of this class (never `Transactional`) that ends so.
    Separate(EffectClass, End),
}

/// How an execution whose claim is written ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With an answer.
    Answered,
    /// Not: its owner vanishes.
    Left,
    /// Without any effect: the key is free again.
    Freed,
    /// Its owner cannot say.
    Unsaid,
}

impl Kind {
    /// How long an answer is kept.
    pub(super) fn retention(self) -> Retention {
        let answers = if self == Self::ShortOrder { SHORT } else { LONG };
        Retention { answers, skew: SKEW }
    }
}

impl Deed {
    pub(super) fn of(seed: u64, number: u64) -> Self {
        let mut dice = Dice::of(&[seed, number, 1]);
        let class = [EffectClass::Keyed, EffectClass::Opaque][dice.place(2)];
        let kind = match dice.below(20) {
            0..10 => Kind::Order,
            10..13 => Kind::ShortOrder,
            13 => Kind::Refused,
            14 => Kind::Bare,
            15..17 => Kind::Separate(class, End::Answered),
            17 => Kind::Separate(class, End::Left),
            18 => Kind::Separate(class, End::Freed),
            _ => Kind::Separate(class, End::Unsaid),
        };
        Self { number, kind, seed }
    }

    /// Whether an answer can ever stand for it.
    pub(super) fn is_answered(self) -> bool {
        matches!(self.kind, Kind::Order | Kind::ShortOrder | Kind::Separate(_, End::Answered))
    }

    /// Whether it writes an order.
    pub(super) fn orders(self) -> bool {
        matches!(self.kind, Kind::Order | Kind::ShortOrder)
    }

    pub(super) fn class(self) -> EffectClass {
        match self.kind {
            Kind::Separate(class, _) => class,
            _ => EffectClass::Transactional,
        }
    }

    fn key(self) -> IdempotencyKey {
        let key = format!("deed-{}", self.number);
        IdempotencyKey::parse(key.as_bytes(), KeySyntax::Lenient).expect("letters and digits")
    }

    pub(super) fn id(self, store: &SqliteStore) -> RecordId {
        RecordId::new(store.secret(), &Scope::default(), &self.key())
    }

    /// A claim of it, whose key says that it was made then if it says so at all.
    pub(super) fn claim(self, store: &SqliteStore, attempt: u128, minted: Timestamp) -> Claim {
        let (secret, short) = (store.secret(), self.kind == Kind::ShortOrder);
        let date = short.then_some(KeyDate { minted, expires_at: None });
        Claim {
            attempt: AttemptId::from_random(attempt),
            identity: IdentityDigest::anonymous(secret),
            fingerprint: Fingerprint::of_work(secret, "deed", &self.number.to_be_bytes()),
            scope: ScopeDigest::new(secret, &Scope::default()),
            date,
            class: self.class(),
            // Longer than all jumps: whoever vanishes is noticed by the file's lock alone.
            lease: LONG,
            retention: self.retention(),
            quota: Quota::default(),
        }
    }

    /// Whether its answer may be forgotten at this time, if its key was made then.
    pub(super) fn has_lapsed(self, made: Timestamp, now: Timestamp) -> bool {
        now >= made.after(self.retention().answers).after(SKEW)
    }

    /// A claim that says nothing of the age at which a key ends by itself: what keeps it from
    /// running again is what the store remembers.
    pub(super) fn claim_whatever_its_age(self, store: &SqliteStore, made: Timestamp) -> Claim {
        let retention = Retention { answers: LONG, skew: SKEW };
        Claim { retention, ..self.claim(store, u128::MAX, made) }
    }

    fn retention(self) -> Retention {
        self.kind.retention()
    }

    /// The answer that the process of this generation gives: another for each execution.
    pub(super) fn answer(self, generation: u64) -> String {
        let mut dice = Dice::of(&[self.seed, self.number, 2, generation]);
        let length = if dice.percent(4) { 5_000 + dice.below(20_000) } else { dice.below(500) };
        let mut answer = format!("{}@{generation}:", self.number);
        answer.extend((0..length).map(|_| dice.letter()));
        answer
    }

    /// The generation that an answer names.
    pub(super) fn generation(answer: &str) -> Option<u64> {
        answer.split_once(':')?.0.split_once('@')?.1.parse().ok()
    }

    /// Writes the order.
    pub(super) fn order(self, db: &Connection, generation: u64) -> Result<(), rusqlite::Error> {
        let id = [self.number.to_be_bytes(), generation.to_be_bytes()].concat();
        db.prepare_cached("INSERT INTO orders (order_id, content) VALUES (?1, ?2)")?
            .execute(rusqlite::params![id, self.answer(generation)])
            .map(drop)
    }
}
