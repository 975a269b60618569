//! Mistakes, planted one at a time into the shipped code: each is found. What finds nothing when
//! something is wrong has not shown anything by finding nothing.
//!
//! A mistake is looked for in histories from several places among the seeds; the median of how many
//! it took says how soon a change that makes it would be noticed.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::thread;

use seiriken::planted::{self, Mistake};

use crate::effort::Effort;
use crate::histories::{catch_panics, draw, play};
use crate::model::{self, Found};
use crate::report::Report;

/// A mistake that so many histories do not find is not found.
const HISTORIES: u64 = 30_000;
/// From so many places among the seeds.
const TRIALS: u64 = PLACES as u64;
const PLACES: usize = 5;
/// Those that must be found at least.
const MISTAKES: u64 = 25;

/// A mistake of the server's side or of the client's.
#[derive(Debug, Clone, Copy)]
enum Planted {
    Server(Mistake),
    Client(seiriken_client::planted::Mistake),
}

/// A history that is broken, and how many it took to find it.
#[derive(Debug)]
struct Broken {
    histories: u64,
    breach: String,
}

/// What finds a mistake.
#[derive(Debug)]
struct Row {
    mistake: Planted,
    /// One for each place among the seeds, up to the first where it was not found.
    trials: Vec<Broken>,
    /// Asked where histories do not find it at once.
    model: Option<Found>,
}

/// Runs the gate. The effort's time does not matter: there are as many mistakes as there are.
pub fn run(effort: &Effort) -> Report {
    catch_panics();
    let mut report = Report::new("mistakes").seeded(effort.seed);
    let open: Mutex<Vec<Planted>> = Mutex::new(all().rev().collect());
    let rows = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mistake) = take(&open) {
                    let row = Row::of(mistake, effort.seed);
                    rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap_or_else(PoisonError::into_inner);
    rows.sort_by_key(|row| row.mistake.name());
    for row in &rows {
        eprintln!("{row}");
        if !row.found() {
            report.find(format!("{} was not found", row.mistake.name()));
        }
    }
    let found = rows.iter().filter(|row| row.found()).count() as u64;
    report.count("mistakes found", found, MISTAKES.max(rows.len() as u64));
    report
}

fn all() -> impl DoubleEndedIterator<Item = Planted> {
    let server = Mistake::ALL.iter().copied().map(Planted::Server);
    server.chain(seiriken_client::planted::Mistake::ALL.iter().copied().map(Planted::Client))
}

fn take(open: &Mutex<Vec<Planted>>) -> Option<Planted> {
    open.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

impl Row {
    fn of(mistake: Planted, seed: u64) -> Self {
        mistake.plant();
        let places = (1..=TRIALS).map(|place| seed.wrapping_add(place << 32));
        let trials: Vec<Broken> = places.map_while(first_broken).collect();
        planted::plant(None);
        seiriken_client::planted::plant(None);
        let model = match mistake {
            Planted::Server(mistake) if trials.len() < PLACES => model::find(Some(mistake)),
            _ => None,
        };
        Self { mistake, trials, model }
    }

    fn found(&self) -> bool {
        self.trials.len() == PLACES || self.model.is_some()
    }

    fn median(&self) -> Option<u64> {
        let mut histories: Vec<u64> = self.trials.iter().map(|found| found.histories).collect();
        histories.sort_unstable();
        histories.get(PLACES / 2).copied()
    }

    /// What was broken, without the place of an assertion.
    fn breaches(&self) -> Vec<&str> {
        let mut breaches: Vec<&str> = self
            .trials
            .iter()
            .map(|found| found.breach.lines().last().unwrap_or_default())
            .collect();
        breaches.sort_unstable();
        breaches.dedup();
        breaches
    }
}

/// A row of the table in docs/proof.md.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| `{}` | ", self.mistake.name())?;
        match (self.median(), &self.model) {
            (Some(median), _) if self.found() && self.model.is_none() => {
                write!(f, "{median} histories | {} |", self.breaches().join("; "))
            }
            (_, Some(found)) => {
                let (states, steps) = (found.states, found.path.len());
                write!(f, "model, {states} states | {:?}, in {steps} steps |", found.invariant)
            }
            _ => f.write_str("NOT FOUND | |"),
        }
    }
}

fn first_broken(first: u64) -> Option<Broken> {
    (1..=HISTORIES).find_map(|histories| {
        let played = play(&draw(first + histories), false).ok()?;
        let breach = played.breaches.into_iter().next()?;
        Some(Broken { histories, breach })
    })
}

impl Planted {
    fn plant(self) {
        match self {
            Self::Server(mistake) => planted::plant(Some(mistake)),
            Self::Client(mistake) => seiriken_client::planted::plant(Some(mistake)),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Server(mistake) => format!("{mistake:?}"),
            Self::Client(mistake) => format!("client: {mistake:?}"),
        }
    }
}
