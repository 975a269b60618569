//! Draws a plan from a seed. Few keys, few requests, many retries; each seed lets a few kinds of
//! faults happen and leaves out the others, so that they also meet in pairs; times lie near the
//! ends of leases and of the retention.

use super::plan::{
    Deed, Effect, Fault, Intent, LEASE, Plan, RETENTION, RequestFate, StoreFate, WorkEnds,
};
use crate::random::Random;

/// The kinds of faults that a seed may choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Store,
    Request,
    Work,
    Crash,
    Pause,
    Clock,
    Sweep,
    Amnesia,
    Edge,
    Late,
}

const KINDS: [Kind; 10] = [
    Kind::Store,
    Kind::Request,
    Kind::Work,
    Kind::Crash,
    Kind::Pause,
    Kind::Clock,
    Kind::Sweep,
    Kind::Amnesia,
    Kind::Edge,
    Kind::Late,
];

/// The plan of a seed.
pub fn plan(seed: u64) -> Plan {
    let mut random = Random::from_seed(seed);
    let mut plan = without_people(&mut random);
    // Last, so that the others are what they would be without.
    if random.percent(15) {
        for _ in 0..random.between(1..3) {
            let (person, comes_again) = person(&mut random, &plan);
            plan.faults.push(person);
            plan.intents.push(comes_again);
        }
    }
    plan
}

fn without_people(random: &mut Random) -> Plan {
    let dated = random.percent(30);
    let nodes = random.pick(&[1, 2, 3]);
    let effects = [Effect::InTheRecordsTransaction, Effect::DeduplicatedByKey, Effect::Elsewhere];
    let mut plan = Plan {
        seed: random.bits(),
        effect: random.pick(&effects),
        dated,
        nodes,
        waits: random.percent(40).then(|| random.between(100..6_000)),
        intents: intents(random),
        faults: Vec::new(),
    };
    let mut allowed: Vec<Kind> = KINDS.into_iter().filter(|_| random.percent(40)).collect();
    // What only a key that says its age survives.
    allowed.retain(|kind| dated || !matches!(kind, Kind::Amnesia | Kind::Edge));
    // A store in memory takes its start for the moment up to which it has forgotten: a clock that
    // was put back before it shows that too early.
    if allowed.contains(&Kind::Amnesia) {
        allowed.retain(|kind| *kind != Kind::Clock);
    }
    if allowed.is_empty() {
        return plan;
    }
    for _ in 0..random.between(1..9) {
        let kind = random.pick(&allowed);
        let fault = fault(random, kind, &plan);
        plan.faults.push(fault);
        if kind == Kind::Late {
            // While it stands still, or its work takes so long, its lease runs out.
            let takes = near(random, LEASE);
            let ends = work_ends(random);
            let execution = random.between(1..3);
            plan.faults.push(Fault::Work { execution, ends, takes });
        }
    }
    within_the_skew(&mut plan.faults);
    plan
}

fn intents(random: &mut Random) -> Vec<Intent> {
    let keys = random.between(1..3);
    (0..random.between(1..5))
        .map(|_| Intent {
            at: random.below(1_500),
            key: u8::from(keys > 1 && random.percent(50)),
            request: u8::from(random.percent(12)),
            caller: u8::from(random.percent(8)),
            deadline: random.between(3_000..15_000),
        })
        .collect()
}

/// A person, and a client that asks again for what they have settled.
fn person(random: &mut Random, plan: &Plan) -> (Fault, Intent) {
    let of = plan.intents[index(random, plan.intents.len())];
    let takes = if random.percent(50) { random.below(150) } else { near(random, LEASE) };
    let again = random.percent(30).then(|| near(random, LEASE));
    let does = if random.percent(65) { Deed::Settles } else { Deed::Forgets };
    let at = of.at + random.below(1_500);
    let person = Fault::Person { key: of.key, at, does, takes, again };
    let comes_again = Intent { at: at + random.below(6_000), ..of };
    (person, comes_again)
}

fn fault(random: &mut Random, kind: Kind, plan: &Plan) -> Fault {
    let intent = index(random, plan.intents.len());
    let node = index(random, plan.nodes);
    // Mostly in the middle of something.
    let at = match random.below(3) {
        0 => random.between(1..6_000),
        _ => plan.intents[intent].at + random.below(150),
    };
    match kind {
        Kind::Store => Fault::Store { call: random.between(1..24), fate: store_fate(random) },
        Kind::Request => Fault::Request {
            intent,
            attempt: random.pick(&[1, 2, 3, 4]),
            fate: request_fate(random),
        },
        Kind::Work => Fault::Work {
            execution: random.between(1..4),
            ends: work_ends(random),
            takes: if random.percent(50) { random.below(300) } else { near(random, LEASE) },
        },
        Kind::Crash => Fault::Crash { node, at, down: random.between(10..4_000) },
        Kind::Pause | Kind::Late => Fault::Pause { node, at, lasts: near(random, LEASE) },
        Kind::Clock => {
            let by = random.between(500..4_000).cast_signed();
            Fault::ClockJump { at, by: if random.percent(50) { by } else { -by } }
        }
        Kind::Sweep => Fault::Sweep { at: if random.percent(70) { at } else { at + RETENTION } },
        Kind::Amnesia => Fault::Amnesia { at },
        Kind::Edge => {
            // Arrives when the key's age comes to the retention, to the millisecond.
            let by = (RETENTION + random.below(7)).saturating_sub(3 + random.below(10));
            Fault::Request { intent, attempt: 1, fate: RequestFate::Twice(by) }
        }
    }
}

fn store_fate(random: &mut Random) -> StoreFate {
    let long = near(random, LEASE);
    random.pick(&[
        StoreFate::NotApplied,
        StoreFate::Lost,
        StoreFate::AckLost,
        StoreFate::AckLost,
        StoreFate::Late(long),
        StoreFate::Slow(long),
        StoreFate::Twice(long),
        StoreFate::Hung,
    ])
}

fn request_fate(random: &mut Random) -> RequestFate {
    let long = random.between(1..5_000);
    let short = random.below(120);
    random.pick(&[
        RequestFate::Refused,
        RequestFate::Lost,
        RequestFate::AnswerLost,
        RequestFate::AnswerLost,
        RequestFate::Delayed(long),
        RequestFate::Twice(long),
        RequestFate::Twice(short),
        RequestFate::HangsUp(short),
        RequestFate::HangsUp(long),
    ])
}

fn work_ends(random: &mut Random) -> WorkEnds {
    random.pick(&[
        WorkEnds::Well,
        WorkEnds::Well,
        WorkEnds::Refused,
        WorkEnds::NotProcessed,
        WorkEnds::UnknownBefore,
        WorkEnds::UnknownAfter,
        WorkEnds::PanicBefore,
        WorkEnds::PanicAfter,
    ])
}

/// Around one, two or three times so long.
fn near(random: &mut Random, span: u64) -> u64 {
    (span * random.between(1..4) + random.below(60)).saturating_sub(30)
}

/// The promise allows clocks to disagree by so much, and by no more.
fn within_the_skew(faults: &mut Vec<Fault>) {
    let mut jumped = 0;
    faults.retain(|fault| {
        if let Fault::ClockJump { by, .. } = fault {
            jumped += by.unsigned_abs();
        }
        jumped < super::plan::SKEW
    });
}

fn index(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).unwrap_or_default()
}
