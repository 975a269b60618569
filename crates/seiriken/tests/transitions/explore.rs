//! Every world that one key can come to, and what must hold in each.

use std::collections::{BTreeSet, HashMap, VecDeque};

use seiriken::FingerprintKind;
use seiriken::record::transition::{self, Change, ClaimOutcome, Surroundings};
use seiriken::record::{EffectClass, State};

use super::world::{Effect, Key, Mistake, Rules, Step, Worker, World, number, short};
use super::{MALLORY_PAYS_MORE, START, ask, token};

/// What an exploration found.
struct Found {
    worlds: usize,
    steps: usize,
    /// The shortest way to a world in which something does not hold, and what.
    breach: Option<(String, Vec<String>)>,
    reached: BTreeSet<&'static str>,
}

/// What a step shows to be possible, by the words it is told in.
const MARKS: &[&str] = &[
    "TakenOver",
    "Yours",
    "stale",
    "replay",
    "heal",
    "indeterminate",
    "ack is lost",
    "dies",
    "Freed",
    "LeaseEnded",
    "Indeterminate",
    "renews",
];

fn explore(rules: Rules) -> Found {
    let start = World::new();
    let mut from: HashMap<Key, Option<(Key, String)>> = HashMap::from([(start.key(), None)]);
    let mut open = VecDeque::from([start]);
    let mut found = Found { worlds: 1, steps: 0, breach: None, reached: BTreeSet::new() };
    while let Some(world) = open.pop_front() {
        for step in world.steps(rules) {
            found.steps += 1;
            found.reached.extend(MARKS.iter().filter(|mark| step.what.contains(**mark)));
            let breach = broken(&world, &step, rules);
            let key = step.to.key();
            if from.contains_key(&key) && breach.is_none() {
                continue;
            }
            from.entry(key.clone()).or_insert_with(|| Some((world.key(), step.what.clone())));
            if let Some(breach) = breach {
                let mut story = story(&from, &world.key());
                story.push(step.what);
                found.breach = Some((breach.to_owned(), story));
                return found;
            }
            found.worlds += 1;
            open.push_back(step.to);
        }
    }
    found
}

fn story(from: &HashMap<Key, Option<(Key, String)>>, to: &Key) -> Vec<String> {
    let mut story = Vec::new();
    let mut at = to;
    while let Some((before, what)) = &from[at] {
        story.push(what.clone());
        at = before;
    }
    story.reverse();
    story
}

/// What does not hold after this step.
fn broken(before: &World, step: &Step, rules: Rules) -> Option<&'static str> {
    let after = &step.to;
    if after.effects > 1 {
        return Some("I1: more than one effect");
    }
    if after.heard.count_ones() > 1 {
        return Some("I2: two different answers were heard");
    }
    let stands = after.record.as_ref().and_then(|record| match &record.state {
        State::Completed { response, .. } => Some(number(response)),
        _ => None,
    });
    if after.heard != 0 && stands.map(|number| 1 << number) != Some(after.heard) {
        return Some("I3: an answer that was heard does not stand");
    }
    if owners_of_the_current_token(after) > 1 {
        return Some("I4: two live owners of one token");
    }
    if stands.is_some() && after.effects == 0 {
        return Some("I5: an answer stands, and nothing happened");
    }
    let completed = |world: &World| {
        world.record.clone().filter(|record| matches!(record.state, State::Completed { .. }))
    };
    if completed(before).is_some() && completed(before) != completed(after) {
        return Some("I6: an answer changed");
    }
    let stale = |by| before.record.as_ref().is_none_or(|record| short(record.token) != by);
    if step.by.is_some_and(stale) && before.record != after.record {
        return Some("I7: a stale token changed the record");
    }
    let which =
        |world: &World| world.record.as_ref().map(|record| (record.fingerprint, record.identity));
    if which(before).is_some() && which(after).is_some() && which(before) != which(after) {
        return Some("I8: the record became another request's");
    }
    if !others_are_kept_out(after, rules) {
        return Some("I8: another request or another caller gets in");
    }
    None
}

fn owners_of_the_current_token(world: &World) -> usize {
    let Some(record) = &world.record else { return 0 };
    let current = short(record.token);
    let owns = |worker: &&Worker| matches!(worker, Worker::Owns(token) | Worker::Acted(token) if *token == current);
    world.workers.iter().filter(owns).count()
}

/// In every world in which there is a record.
fn others_are_kept_out(world: &World, rules: Rules) -> bool {
    let Some(record) = &world.record else { return true };
    let mut claim = ask(rules.class, 99);
    claim.fingerprint = MALLORY_PAYS_MORE.1;
    let other = transition::claim(Some(record), &claim, &Surroundings::new(token(99), START));
    claim.identity = MALLORY_PAYS_MORE.0;
    let mallory = transition::claim(Some(record), &claim, &Surroundings::new(token(99), START));
    (other.change, mallory.change) == (Change::Keep, Change::Keep)
        && other.outcome == ClaimOutcome::Mismatch { recorded: FingerprintKind::Bytes }
        && mallory.outcome == ClaimOutcome::CredentialChanged
}

fn holds(effect: Effect, class: EffectClass, reached: &[&str], worlds_min: usize) {
    let found = explore(Rules { effect, class, mistake: Mistake::None });
    assert_eq!(found.breach, None, "{effect:?}, {class:?}");
    for mark in reached {
        assert!(found.reached.contains(mark), "{mark} was never reached: {:?}", found.reached);
    }
    let (worlds, steps) = (found.worlds, found.steps);
    println!("{effect:?} as {class:?}: {worlds} worlds, {steps} steps");
    assert!(worlds >= worlds_min, "only {worlds} worlds and {steps} steps: hardly explored");
}

#[test]
fn an_effect_in_the_records_transaction_happens_once() {
    let reached =
        ["TakenOver", "Yours", "stale", "replay", "ack is lost", "dies", "Freed", "renews"];
    holds(Effect::InTheRecordsTransaction, EffectClass::Transactional, &reached, 50_000);
}

#[test]
fn an_effect_that_is_deduplicated_by_key_happens_once() {
    let reached =
        ["TakenOver", "Yours", "stale", "replay", "ack is lost", "LeaseEnded", "Freed", "renews"];
    holds(Effect::DeduplicatedByKey, EffectClass::Keyed, &reached, 100_000);
}

#[test]
fn any_other_effect_happens_at_most_once() {
    let reached = [
        "Yours",
        "stale",
        "replay",
        "heal",
        "indeterminate",
        "ack is lost",
        "Indeterminate",
        "Freed",
        "renews",
    ];
    holds(Effect::Elsewhere, EffectClass::Opaque, &reached, 10_000);
}

#[test]
fn the_default_is_safe_for_the_other_effects_too() {
    holds(Effect::DeduplicatedByKey, EffectClass::Opaque, &["indeterminate", "heal"], 10_000);
}

#[test]
fn every_mistake_is_found() {
    let tx = (Effect::InTheRecordsTransaction, EffectClass::Transactional);
    let keyed = (Effect::DeduplicatedByKey, EffectClass::Keyed);
    let opaque = (Effect::Elsewhere, EffectClass::Opaque);
    for ((effect, class), mistake, invariant) in [
        // The wrong class for the effect: a token does not stop a successor from repeating it.
        ((Effect::Elsewhere, EffectClass::Keyed), Mistake::None, "I1"),
        (keyed, Mistake::CompletesWithoutTheToken, "I7"),
        (tx, Mistake::CompletesWithoutTheToken, "I7"),
        (opaque, Mistake::ReleasesAfterTheEffect, "I1"),
        (opaque, Mistake::RepliesBeforeTheRecord, "I3"),
        (keyed, Mistake::RepliesBeforeTheRecord, "I3"),
        // A keyed key is never freed after a takeover, so there it does no harm.
        (tx, Mistake::RestartsTokensAfterARelease, "I4"),
    ] {
        let found = explore(Rules { effect, class, mistake });
        let what = format!("{mistake:?} with {effect:?} as {class:?}");
        let (breach, story) = found.breach.unwrap_or_else(|| panic!("{what} is not found"));
        assert!(breach.starts_with(invariant), "{what} is found as {breach}: {story:#?}");
    }
}
