//! Mistakes, planted one at a time into the shipped code: each is found. What finds nothing when
//! something is wrong has not shown anything by finding nothing.
//!
//! A mistake is looked for in histories from several places among the seeds; the median of how many
//! it took says how soon a change that makes it would be noticed.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use seiriken::planted::{self, Mistake};

use crate::effort::Effort;
use crate::histories::{catch_panics, draw, play};
use crate::report::Report;

/// A mistake that so many histories do not find is not found.
const HISTORIES: u64 = 30_000;
/// From so many places among the seeds.
const TRIALS: u64 = 5;
/// Those that must be found at least.
const MISTAKES: u64 = 25;

/// A mistake of the server's side or of the client's.
#[derive(Debug, Clone, Copy)]
enum Planted {
    Server(Mistake),
    Client(seiriken_client::planted::Mistake),
}

/// How a mistake was found.
#[derive(Debug)]
struct Found {
    histories: u64,
    breach: String,
}

/// Runs the gate. The effort's time does not matter: there are as many mistakes as there are.
pub fn run(effort: &Effort) -> Report {
    catch_panics();
    let mut report = Report::new("mistakes").seeded(effort.seed);
    let open: Mutex<Vec<Planted>> = Mutex::new(all().rev().collect());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(mistake) = take(&open) {
                    let found = search(mistake, effort.seed);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((mistake, found));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(mistake, _)| mistake.name());
    let mut found = 0;
    for (mistake, trials) in &done {
        let name = mistake.name();
        if trials.len() < usize::try_from(TRIALS).unwrap_or(usize::MAX) {
            report.find(format!("{name} was found {} times of {TRIALS}", trials.len()));
            continue;
        }
        found += 1;
        eprintln!("| `{name}` | {} | {} |", median(trials), told(trials));
    }
    report.count("mistakes found", found, MISTAKES.max(done.len() as u64));
    report
}

fn all() -> impl DoubleEndedIterator<Item = Planted> {
    let server = Mistake::ALL.iter().copied().map(Planted::Server);
    server.chain(seiriken_client::planted::Mistake::ALL.iter().copied().map(Planted::Client))
}

fn take(open: &Mutex<Vec<Planted>>) -> Option<Planted> {
    open.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn search(mistake: Planted, seed: u64) -> Vec<Found> {
    mistake.plant();
    let found = (0..TRIALS).map_while(|trial| first_broken(seed.wrapping_add((trial + 1) << 32)));
    let found = found.collect();
    planted::plant(None);
    seiriken_client::planted::plant(None);
    found
}

fn first_broken(first: u64) -> Option<Found> {
    (1..=HISTORIES).find_map(|histories| {
        let played = play(&draw(first + histories), false).ok()?;
        let breach = played.breaches.into_iter().next()?;
        Some(Found { histories, breach })
    })
}

fn median(trials: &[Found]) -> u64 {
    let mut histories: Vec<u64> = trials.iter().map(|found| found.histories).collect();
    histories.sort_unstable();
    histories.get(histories.len() / 2).copied().unwrap_or_default()
}

/// What they broke; the words of an assertion without its place.
fn told(trials: &[Found]) -> String {
    let mut breaches: Vec<&str> =
        trials.iter().map(|found| found.breach.lines().last().unwrap_or_default()).collect();
    breaches.sort_unstable();
    breaches.dedup();
    breaches.join("; ")
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
