//! The world around the engines: its time, which processes are up, what has happened so far.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use seiriken::clock::{Clock, Timestamp};
use seiriken::store::MemoryStore;
use tokio::time::{Instant, sleep, sleep_until};

use super::judge::Judge;
use super::plan::Plan;
use crate::random::mixed;

/// One world; its parts share it.
#[derive(Debug)]
pub(super) struct World {
    pub(super) plan: Plan,
    start: Instant,
    clock: Arc<StoreClock>,
    state: Mutex<State>,
    judge: Mutex<Judge>,
}

#[derive(Debug)]
struct State {
    nodes: Vec<Process>,
    store: Arc<MemoryStore>,
    calls: u64,
    faults_are_over: bool,
}

/// A process of the service.
#[derive(Debug, Clone, Copy)]
struct Process {
    /// Counts its starts.
    life: u32,
    up: bool,
    still_until: Option<Instant>,
}

/// Which life of which process: what belongs to an earlier one is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) number: usize,
    pub(super) life: u32,
}

/// The clock of the store: that of the history, put forward and back now and then.
#[derive(Debug)]
struct StoreClock {
    start: Instant,
    jumped: AtomicI64,
}

/// When histories begin: long after 1970, so that clocks can be put back.
const BEGIN: u64 = 1_700_000_000_000;

impl World {
    pub(super) fn new(plan: Plan, verbose: bool) -> Result<Arc<Self>, String> {
        let start = Instant::now();
        let clock = Arc::new(StoreClock { start, jumped: AtomicI64::new(0) });
        let process = Process { life: 0, up: true, still_until: None };
        let state = State {
            nodes: vec![process; plan.nodes],
            store: store(&clock)?,
            calls: 0,
            faults_are_over: false,
        };
        let judge = Mutex::new(Judge::new(&plan, verbose));
        Ok(Arc::new(Self { plan, start, clock, state: Mutex::new(state), judge }))
    }

    /// Milliseconds since the history began.
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What a client's clock shows at a moment of the history.
    pub(super) fn date(at: u64) -> Timestamp {
        Timestamp::from_millis(BEGIN + at)
    }

    pub(super) async fn until(&self, at: u64) {
        sleep_until(self.start + Duration::from_millis(at)).await;
    }

    /// A message's way: some milliseconds, the same in every run.
    pub(super) async fn way(&self, numbers: &[u64]) {
        let hash = mixed(&[&[self.plan.seed], numbers].concat());
        sleep(Duration::from_millis(1 + hash % 9)).await;
    }

    /// The one who sees everything.
    pub(super) fn judge(&self) -> MutexGuard<'_, Judge> {
        self.judge.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Processes.
impl World {
    /// The running life of a process, if it is up.
    pub(super) fn node(&self, number: usize) -> Option<Node> {
        let process = self.state().nodes[number];
        process.up.then_some(Node { number, life: process.life })
    }

    pub(super) fn alive(&self, node: Node) -> bool {
        self.node(node.number) == Some(node)
    }

    /// Whatever a process does, it does here: not while it stands still, and never once it is
    /// dead.
    pub(super) async fn gate(&self, node: Node) {
        loop {
            if !self.alive(node) {
                return std::future::pending().await;
            }
            match self.state().nodes[node.number].still_until {
                Some(until) if until > Instant::now() => until,
                _ => return,
            };
            let until = self.state().nodes[node.number].still_until;
            sleep_until(until.unwrap_or_else(Instant::now)).await;
        }
    }

    pub(super) fn crash(&self, number: usize) {
        self.state().nodes[number].up = false;
        self.judge().crashed(number);
    }

    pub(super) fn start(&self, number: usize) {
        let mut state = self.state();
        let process = &mut state.nodes[number];
        if !process.up {
            *process = Process { life: process.life + 1, up: true, still_until: None };
        }
    }

    pub(super) fn pause(&self, number: usize, lasts: u64) {
        self.state().nodes[number].still_until =
            Some(Instant::now() + Duration::from_millis(lasts));
        self.judge().paused(number);
    }

    /// From now on everything goes well.
    pub(super) fn end_faults(&self) {
        self.state().faults_are_over = true;
        for number in 0..self.plan.nodes {
            self.start(number);
            self.state().nodes[number].still_until = None;
        }
    }
}

/// The store.
impl World {
    pub(super) fn store(&self) -> Arc<MemoryStore> {
        Arc::clone(&self.state().store)
    }

    /// The number of the next call, while calls may still go wrong.
    pub(super) fn next_call(&self) -> (u64, bool) {
        let mut state = self.state();
        state.calls += 1;
        (state.calls, !state.faults_are_over)
    }

    pub(super) fn faults_are_over(&self) -> bool {
        self.state().faults_are_over
    }

    pub(super) fn jump(&self, by: i64) {
        self.clock.jumped.fetch_add(by, Ordering::Relaxed);
        self.judge().clock_jumped();
    }

    /// All processes end, and the store in their memory with them.
    pub(super) fn forget(&self) -> Result<(), String> {
        for number in 0..self.plan.nodes {
            self.crash(number);
        }
        self.state().store = store(&self.clock)?;
        self.judge().forgot();
        for number in 0..self.plan.nodes {
            self.start(number);
        }
        Ok(())
    }
}

fn store(clock: &Arc<StoreClock>) -> Result<Arc<MemoryStore>, String> {
    let store = MemoryStore::with_clock(Arc::clone(clock));
    store.map(Arc::new).map_err(|error| error.to_string())
}

impl Clock for StoreClock {
    fn now(&self) -> Timestamp {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let now = (BEGIN + since).saturating_add_signed(self.jumped.load(Ordering::Relaxed));
        Timestamp::from_millis(now)
    }
}
