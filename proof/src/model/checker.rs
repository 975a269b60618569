//! The model as the checker takes it, and what it finds.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use stateright::{Checker as _, HasDiscoveries, Model, Property};

use super::event::{Event, Seen};
use super::invariant::Invariant;
use super::setup::Setup;
use super::shipped::Planted;
use super::step::Step;
use super::world::World;
use crate::effort::Effort;

/// A setup, explored with the shipped transition function, or with a mistake in it.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) setup: Setup,
    pub(super) planted: Planted,
    pub(super) seen: Seen,
    /// Whether a breach was told: the checker would go on to replace the first by a later one.
    told: AtomicBool,
    effort: Effort,
    /// How many worlds were looked at.
    looked: AtomicU64,
    out_of_time: AtomicBool,
    /// Whether only the ways to what was found are looked up now.
    over: AtomicBool,
}

/// What an exploration came to.
#[derive(Debug)]
pub(super) struct Explored {
    pub(super) states: u64,
    pub(super) steps: u64,
    /// Whether there is nothing more to explore.
    pub(super) all: bool,
    pub(super) events: Vec<Event>,
    pub(super) found: Option<Found>,
}

/// Something that does not hold, and the shortest way to it.
#[derive(Debug, Clone)]
pub struct Found {
    /// What does not hold.
    pub invariant: Invariant,
    /// In which world.
    pub setup: String,
    /// How many states had been looked at.
    pub states: u64,
    /// The steps that lead there.
    pub path: Vec<String>,
}

impl Checked {
    pub(super) fn new(setup: Setup, planted: Planted, effort: Effort) -> Self {
        Self {
            setup,
            planted,
            seen: Seen::nothing(),
            told: AtomicBool::new(false),
            effort,
            looked: AtomicU64::new(0),
            out_of_time: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Breadth first, so that what is found first has the shortest way.
    pub(super) fn explore(self, threads: usize, states_max: Option<NonZeroUsize>) -> Explored {
        let name = self.setup.name.clone();
        let mut checker = self.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
        if let Some(most) = states_max {
            checker = checker.target_state_count(most.get());
        }
        let checker = checker.spawn_bfs().join();
        checker.model().over.store(true, Ordering::Relaxed);
        let (states, steps) = (checker.unique_state_count() as u64, checker.state_count() as u64);
        let found = Invariant::ALL.iter().find_map(|invariant| {
            let path = checker.discovery(invariant.name())?;
            let path = path.into_actions().iter().map(ToString::to_string).collect();
            Some(Found { invariant: *invariant, setup: name.clone(), states, path })
        });
        let model = checker.model();
        let cut = model.out_of_time.load(Ordering::Relaxed)
            || states_max.is_some_and(|most| checker.state_count() >= most.get());
        let events = model.seen.events().collect();
        Explored { states, steps, all: !cut && found.is_none(), events, found }
    }

    /// Whether an invariant holds in a world; of those where it does not, the first is told.
    pub(super) fn holds(&self, world: &World, invariant: Invariant) -> bool {
        let breach = match world.breach {
            Some(breach) => breach == invariant,
            None => invariant == Invariant::L1 && !self.settles(world),
        };
        !breach || self.told.swap(true, Ordering::Relaxed)
    }

    pub(super) fn seen(&self, _: &World, event: Event) -> bool {
        self.seen.news(event)
    }

    /// Asked for every world, so it does not look at the time for each.
    fn goes_on(&self) -> bool {
        if self.over.load(Ordering::Relaxed) {
            return true;
        }
        let looked = self.looked.fetch_add(1, Ordering::Relaxed);
        if looked.is_multiple_of(4_096) && !self.effort.goes_on(0, 1) {
            self.out_of_time.store(true, Ordering::Relaxed);
        }
        !self.out_of_time.load(Ordering::Relaxed)
    }
}

impl Model for Checked {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.setup)]
    }

    fn actions(&self, world: &World, steps: &mut Vec<Step>) {
        if world.breach.is_none() && self.goes_on() {
            self.steps(world, steps);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        self.after(world, step)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Invariant::properties().into_iter().chain(Event::properties()).collect()
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} in {} after {} states: ", self.invariant, self.setup, self.states)?;
        f.write_str(&self.path.join("; "))
    }
}
