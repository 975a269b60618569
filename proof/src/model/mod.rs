//! The model check: every state that a key's record can come to, by the *shipped* transition
//! function ([`seiriken::record::transition`]), with the crate `stateright`.
//!
//! Only the world around that function is a model: attempts that die, lose acknowledgements and
//! fail, leases that end at any moment, a clock that moves to the millisecond before, at and after
//! each moment at which something turns, a sweeper that comes at any moment, a store that fills up or
//! forgets. What must hold is said by the promise, and what has really happened is counted apart
//! from the record.
//!
//! ```text
//! setup           what is modelled: who takes part, where effects are written, what may go wrong
//! sets            the setups: those that hold, those that must be found broken
//! world           one state: records, attempts, what has really happened
//! record          a record in the model, and the shipped one
//! step            what can happen next: by an attempt (attempts), around them (around), by a person
//! person          one who settles or forgets a key, and what a truthful one may say
//! shipped         how the shipped function is called: with mistakes planted, its panics caught
//! invariant       what must hold: judged on every step (judge, judge_claim, judge_person)
//!                 and state (settles)
//! event           what must happen somewhere: noted on every step (notes)
//! checker         the model as stateright takes it
//! second_opinion  the same protocol reduced, whose states another program has counted
//! ```

mod around;
mod attempts;
mod checker;
mod event;
mod invariant;
mod judge;
mod judge_claim;
mod judge_person;
mod named;
mod notes;
mod person;
mod record;
mod second_opinion;
mod sets;
mod settles;
mod setup;
mod shipped;
mod step;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use self::checker::Checked;
use self::event::Event;
use crate::effort::Effort;
use crate::report::Report;

pub use self::checker::Found;
pub use self::invariant::Invariant;
pub use self::shipped::Planted;

/// A campaign leaves a setup after so many steps: what is open would not fit into memory.
const STEPS_MAX: NonZeroUsize = NonZeroUsize::new(120_000_000).expect("more than none");

/// Explores the set for every change, or more of it for as long as there is time.
pub fn run(effort: &Effort) -> Report {
    let mut report = Report::new("model");
    let mut all = Total::default();
    let whole = Effort { until: None, ..*effort };
    for setup in sets::sound() {
        all.add(Checked::new(setup, None, whole), 1, None, &mut report);
    }
    if effort.until.is_some() {
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        for setup in sets::long().into_iter().take_while(|_| effort.goes_on(0, 1)) {
            all.add(Checked::new(setup, None, *effort), threads, Some(STEPS_MAX), &mut report);
        }
    }
    let broken = expect_broken(&mut report);
    #[cfg(seiriken_proof)]
    expect_planted(&mut report);
    report.count("states", all.states, 2_000_000);
    report.count("steps", all.steps, 10_000_000);
    report.count("setups", all.setups, 40);
    report.count("of them explored to the end", all.ended, 40);
    report.count("unsound setups found", broken, sets::unsound().len() as u64);
    let agreed = second_opinion::compare(&mut report);
    report.count("counts that agree with a second opinion", agreed, second_opinion::opinions());
    report.count("kinds of events", all.events.len() as u64, Event::ALL.len() as u64);
    for missing in Event::ALL.iter().filter(|event| !all.events.contains(event.name())) {
        report.find(format!("{missing:?} never happened"));
    }
    report
}

/// The shortest way to something that does not hold, with this mistake in the transition function;
/// or without any.
pub fn find(planted: Planted) -> Option<Found> {
    let whole = Effort { until: None, seed: 0 };
    let explore = |setup| Checked::new(setup, planted, whole).explore(1, None).found;
    sets::telling().into_iter().find_map(explore)
}

/// What all explorations have come to.
#[derive(Debug, Default)]
struct Total {
    states: u64,
    steps: u64,
    setups: u64,
    ended: u64,
    events: BTreeSet<&'static str>,
}

impl Total {
    fn add(
        &mut self,
        checked: Checked,
        threads: usize,
        steps_max: Option<NonZeroUsize>,
        report: &mut Report,
    ) {
        let name = checked.setup.name.clone();
        let explored = checked.explore(threads, steps_max);
        eprintln!("model: {name}: {} states, {} steps", explored.states, explored.steps);
        self.states += explored.states;
        self.steps += explored.steps;
        self.setups += 1;
        self.ended += u64::from(explored.all);
        self.events.extend(explored.events.iter().map(|event| event.name()));
        if let Some(found) = explored.found {
            report.find(found.to_string());
        }
    }
}

/// How many of the setups that break the promise are found to.
fn expect_broken(report: &mut Report) -> u64 {
    let whole = Effort { until: None, seed: 0 };
    let mut broken = 0;
    for (setup, expected) in sets::unsound() {
        let name = setup.name.clone();
        match Checked::new(setup, None, whole).explore(1, None).found {
            Some(found) if expected.contains(&found.invariant) => broken += 1,
            Some(found) => report.find(format!("not the way it breaks: {found}")),
            None => report.find(format!("{name} is not found to break")),
        }
    }
    broken
}

/// The mistake that the check on the token is there against.
#[cfg(seiriken_proof)]
fn expect_planted(report: &mut Report) {
    let found = find(Some(seiriken::planted::Mistake::CompletesWithoutTheToken));
    let stale = found
        .as_ref()
        .is_some_and(|found| matches!(found.invariant, Invariant::I6 | Invariant::I7));
    report.count("planted mistake found", u64::from(stale), 1);
}
