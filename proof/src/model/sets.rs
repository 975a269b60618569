//! The worlds that are explored for every change, those that must be found broken, and those that a
//! campaign goes on with.

use std::time::Duration;

use seiriken::KeyDate;
use seiriken::clock::Timestamp;
use seiriken::record::EffectClass::{self, Keyed, Opaque, Transactional};

use super::invariant::Invariant;
use super::record::{RETENTION, Request, START};
use super::setup::Effect::{
    self, DeduplicatedByKey, Elsewhere, InTheRecordsTransaction, UniqueInTheTransaction,
};
use super::setup::{Budget, Part, Person, Setup, Slip};

/// The pairs of an effect and a declared class that keep the promise.
pub(super) const SAFE: [(Effect, EffectClass); 6] = [
    (InTheRecordsTransaction, Transactional),
    (InTheRecordsTransaction, Keyed),
    (InTheRecordsTransaction, Opaque),
    (DeduplicatedByKey, Keyed),
    (DeduplicatedByKey, Opaque),
    (Elsewhere, Opaque),
];

/// For the moments at which something turns: few faults, and the clock moves.
const TURNS: Budget =
    Budget { crashes: 1, ends: 1, losses: 1, failures: 1, ticks: 2, ..Budget::NONE };

/// Where a person decides twice.
const PEOPLE: Budget =
    Budget { crashes: 1, ends: 2, losses: 2, failures: 1, people: 2, ..Budget::NONE };

/// A key made in the last moment before the start.
const BEFORE: KeyDate =
    KeyDate { minted: Timestamp::from_millis(START.as_millis() - 1), expires_at: None };

/// What must hold, in the size for every change.
pub(super) fn sound() -> Vec<Setup> {
    let mut setups = Vec::new();
    for (effect, class) in SAFE {
        setups.push(crowd(effect, class, 4, Budget::FULL));
        setups.push(company(effect, class, Budget::FULL));
        let budget = TURNS;
        let parts = trio(effect, class).map(|part| part);
        setups.push(Setup::new(format!("{effect:?} as {class:?}, time"), parts.into(), budget));
        for (what, date) in dates() {
            let name = format!("{effect:?} as {class:?}, a key {what}");
            let parts = trio(effect, class).map(Part::dated);
            setups.push(Setup::new(name, parts.into(), budget).dated(date));
        }
        setups.extend(with_a_person(effect, class));
    }
    setups.extend(apart());
    setups
}

/// Somebody settles what is unknown, and has keys forgotten.
fn with_a_person(effect: Effect, class: EffectClass) -> [Setup; 3] {
    let name = |what| format!("{effect:?} as {class:?}, a person {what}");
    let parts = trio(effect, class);
    let once = Budget { crashes: 1, ends: 1, ticks: 2, people: 1, ..Budget::NONE };
    [
        Setup::new(name("at any moment"), [&parts[..1], &parts].concat(), PEOPLE),
        Setup::new(name("and time"), parts.into(), once),
        Setup::new(name("and a dated key"), parts.map(Part::dated).into(), once)
            .dated(minted(START)),
    ]
}

/// What is looked at beside the pairs.
fn apart() -> Vec<Setup> {
    let keyed = Part::new(DeduplicatedByKey, Keyed);
    let unique = Part::new(UniqueInTheTransaction, Transactional);
    let opaque = Part::new(Elsewhere, Opaque);
    let more = Request::AliceMore;
    let filling = Budget { fills: 2, ..TURNS };
    let forgetting = Budget { forgets: 1, ..TURNS };
    let restarts = |part: Part| {
        let name = format!("{:?} as {:?}, a restart that forgets", part.effect, part.class);
        let dated = [part, part, part.asking(more)].map(Part::dated);
        Setup::new(name, dated.into(), forgetting).dated(BEFORE).restarting()
    };
    let keeps_longer = |part: Part| {
        let name = format!("{:?} as {:?}, then kept longer", part.effect, part.class);
        let parts = [part, part.longer(), part.longer()].map(Part::dated);
        Setup::new(name, parts.into(), TURNS).dated(minted(START))
    };
    let two_keys = |part: Part| {
        let name = format!("{:?} as {:?}, two keys and room for one", part.effect, part.class);
        let other = part.of_key(1);
        let few = Budget { losses: 0, ticks: 1, ..TURNS };
        Setup::new(name, vec![part, part, other, other], few).with_quota(1)
    };
    vec![
        Setup::new(
            "a service that became transactional",
            vec![keyed, keyed, unique, unique.asking(more)],
            Budget::FULL,
        ),
        Setup::new(
            "a service whose effect is no longer deduplicated",
            vec![keyed, keyed, Part::new(Elsewhere, Opaque)],
            Budget::FULL,
        ),
        Setup::new(
            "a service whose effect moved into the transaction",
            vec![keyed, keyed, Part::new(InTheRecordsTransaction, Transactional)],
            Budget::FULL,
        ),
        Setup::new(
            "a service that began to look at dates",
            vec![keyed, keyed.asking(more), keyed.dated()],
            TURNS,
        )
        .dated(minted(START)),
        keeps_longer(keyed),
        keeps_longer(opaque),
        Setup::new("a full scope", vec![opaque, opaque.asking(more)], filling).with_quota(1),
        restarts(opaque),
        restarts(keyed),
        two_keys(keyed),
        two_keys(opaque),
    ]
}

/// What must be found broken, and as what: else the model would not see it.
pub(super) fn unsound() -> Vec<(Setup, &'static [Invariant])> {
    use Invariant::{I1, I3, I4, I5, I6, I11};
    let name = |effect, class, what| format!("{effect:?} as {class:?}{what}");
    let pair = |effect, class| {
        Setup::new(name(effect, class, ""), trio(effect, class).into(), Budget::FULL)
    };
    let forgets = |effect, class| {
        let budget = Budget { forgets: 1, ..Budget::FULL };
        Setup::new(name(effect, class, ", amnesia"), trio(effect, class).into(), budget)
    };
    let restarts = |what| {
        let parts = vec![Part::new(Elsewhere, Opaque).dated(); 2];
        let budget = Budget { forgets: 1, ..Budget::FULL };
        Setup::new(format!("a restart that forgets a key {what}"), parts, budget).restarting()
    };
    let slips = |effect, class, slip: Slip| {
        let parts = vec![Part::new(effect, class); 3];
        Setup::new(format!("{effect:?} as {class:?}, {slip:?}"), parts, Budget::FULL).slipping(slip)
    };
    let people = |person| {
        let name = format!("{Elsewhere:?} as {Opaque:?}, {person:?} people");
        let parts = vec![Part::new(Elsewhere, Opaque); 3];
        Setup::new(name, parts, PEOPLE).settled_by(person)
    };
    vec![
        (pair(Elsewhere, Transactional), &[I1]),
        (pair(Elsewhere, Keyed), &[I1]),
        (pair(DeduplicatedByKey, Transactional), &[I11]),
        (forgets(InTheRecordsTransaction, Transactional), &[I3]),
        (forgets(DeduplicatedByKey, Keyed), &[I3]),
        (forgets(Elsewhere, Opaque), &[I3]),
        (restarts("without a date"), &[I1]),
        // A client whose clock is ahead: within the skew, and yet later than the start.
        (restarts("ahead of its clock").dated(minted(START)), &[I1]),
        (slips(Elsewhere, Opaque, Slip::ReleasesAfterTheEffect), &[I1]),
        (slips(Elsewhere, Opaque, Slip::RepliesBeforeTheRecord), &[I3]),
        (slips(DeduplicatedByKey, Keyed, Slip::RepliesBeforeTheRecord), &[I3]),
        (slips(Elsewhere, Opaque, Slip::ReadsThenWrites), &[I6]),
        (slips(InTheRecordsTransaction, Transactional, Slip::ReadsThenWrites), &[I6]),
        (slips(InTheRecordsTransaction, Transactional, Slip::RestartsTheTokens), &[I4]),
        (people(Person::Hasty), &[I1]),
        (people(Person::Denies), &[I1]),
        (people(Person::Affirms), &[I5]),
        (people(Person::Careless), &[I1]),
    ]
}

/// More of everything, the smaller ones first.
pub(super) fn long() -> Vec<Setup> {
    let mut setups = Vec::new();
    for (effect, class) in SAFE {
        let budget =
            Budget { crashes: 2, ends: 2, losses: 1, failures: 1, ticks: 3, ..Budget::NONE };
        let [alice, again, more] = trio(effect, class);
        let name = format!("{effect:?} as {class:?}, four and time");
        setups.push(Setup::new(name, vec![alice, again, more, alice], budget));
    }
    for (effect, class) in SAFE {
        let part = Part::new(effect, class);
        let other = part.of_key(1);
        let name = format!("{effect:?} as {class:?}, two keys");
        setups.push(Setup::new(name, vec![part, part, part, other, other], Budget::FULL));
    }
    for (effect, class) in SAFE {
        setups.push(crowd(effect, class, 5, Budget::FULL));
    }
    setups
}

/// Of a few small worlds those in which a mistake in the transition function shows soonest.
pub(super) fn telling() -> Vec<Setup> {
    let mut setups = Vec::new();
    for (effect, class) in
        [(InTheRecordsTransaction, Transactional), (DeduplicatedByKey, Keyed), (Elsewhere, Opaque)]
    {
        let few = Budget { crashes: 1, ends: 2, losses: 1, failures: 2, ..Budget::NONE };
        let part = Part::new(effect, class);
        let parts = vec![part, part, part.asking(Request::AliceMore)];
        setups.push(Setup::new(format!("{effect:?} as {class:?}, few"), parts.clone(), few));
        let parts = vec![part, part, part.asking(Request::Mallory)];
        setups.push(Setup::new(format!("{effect:?} as {class:?}, time"), parts, TURNS));
    }
    for (what, date) in dates() {
        for part in [Part::new(DeduplicatedByKey, Keyed), Part::new(Elsewhere, Opaque)] {
            let name = format!("{:?} as {:?}, a key {what}", part.effect, part.class);
            let parts = vec![part.dated(); 2];
            setups.push(Setup::new(name, parts, TURNS).dated(date));
        }
    }
    setups.extend(apart());
    setups.extend(with_a_person(DeduplicatedByKey, Keyed));
    setups.extend(with_a_person(Elsewhere, Opaque));
    setups
}

/// So many attempts of one request.
fn crowd(effect: Effect, class: EffectClass, attempts: usize, budget: Budget) -> Setup {
    let name = format!("{effect:?} as {class:?}, {attempts} attempts");
    Setup::new(name, vec![Part::new(effect, class); attempts], budget)
}

/// Two attempts of one request, one of another request, one of another caller.
fn company(effect: Effect, class: EffectClass, budget: Budget) -> Setup {
    let part = Part::new(effect, class);
    let others = [Request::Alice, Request::Alice, Request::AliceMore, Request::Mallory];
    let parts = others.map(|request| part.asking(request));
    Setup::new(format!("{effect:?} as {class:?}, in company"), parts.into(), budget)
}

fn trio(effect: Effect, class: EffectClass) -> [Part; 3] {
    let part = Part::new(effect, class);
    [part, part, part.asking(Request::AliceMore)]
}

/// Keys of every age that matters.
fn dates() -> [(&'static str, KeyDate); 4] {
    let start = START.as_millis();
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let (answers, skew) = (ms(RETENTION.answers), ms(RETENTION.skew));
    let at = |millis| minted(Timestamp::from_millis(millis));
    let short = KeyDate { expires_at: Some(START.after(Duration::from_mins(1))), ..minted(START) };
    [
        ("made now", at(start)),
        ("that is too old in 1 ms", at(start - answers + 1)),
        ("1 ms too far ahead", at(start + skew + 1)),
        ("that ends by itself", short),
    ]
}

fn minted(at: Timestamp) -> KeyDate {
    KeyDate { minted: at, expires_at: None }
}
