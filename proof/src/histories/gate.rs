//! The gate: the same seed gives the same history; what was once found stays mended; and then as
//! many histories as there is time for.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use super::mark::{MARKS, Mark, Marks};
use super::plan::Plan;
use super::{catch_panics, draw, play, shrink};
use crate::effort::Effort;
use crate::report::Report;

/// The set for every change.
const HISTORIES: u64 = 1_000_000;
/// So many seeds are played twice first.
const TWICE: u64 = 100;
/// A seed's block belongs to one thread.
const BLOCK: u64 = 1_000;
/// Findings that are shown; the first one is as good as a hundred.
const SHOWN: usize = 5;

/// What must be seen in 100 000 histories: fewer prove nothing.
const FLOORS: &[(&str, Mark, u64)] = &[
    ("takeovers", Mark::TakenOver, 2_000),
    ("claims recognised after a lost acknowledgement", Mark::Yours, 300),
    ("stale owners refused", Mark::StaleRefused, 300),
    ("late answers taken after all", Mark::Healed, 200),
    ("replays", Mark::Replayed, 50_000),
    ("acknowledgements lost", Mark::AckLost, 1_000),
    ("unknown outcomes", Mark::Indeterminate, 1_000),
    ("pending outcomes", Mark::Pending, 400),
    ("mismatches", Mark::Mismatch, 5_000),
    ("other callers refused", Mark::CredentialChanged, 3_000),
    ("keys too old", Mark::KeyExpired, 300),
    ("crashes", Mark::Crashed, 10_000),
    ("pauses", Mark::Paused, 5_000),
    ("clock jumps", Mark::ClockJumped, 3_000),
    ("stores lost", Mark::Forgot, 300),
    ("callers gone", Mark::HungUp, 10_000),
    ("renewals", Mark::Renewed, 20_000),
    ("keys freed", Mark::Freed, 1_000),
    ("outcomes resolved as done", Mark::ResolvedAsDone, 100),
    ("outcomes resolved as not done", Mark::ResolvedAsNotDone, 100),
    ("keys deleted", Mark::Deleted, 1_000),
    ("persons told that it is too late", Mark::PersonTooLate, 100),
];

/// Histories that were once broken, by what they broke.
const REGRESSIONS: &[(&str, &str)] = &[
    (
        "a store that never answers held the key for ever",
        include_str!("regressions/a_hung_store.json"),
    ),
    (
        "a key that had been refused, came again, ran and was forgotten counted as never run",
        include_str!("regressions/a_request_that_comes_twice.json"),
    ),
];

/// What was found, over all threads.
#[derive(Debug, Default)]
struct Found {
    marks: Mutex<Vec<Marks>>,
    findings: Mutex<Vec<String>>,
}

/// Runs the gate.
pub fn run(effort: &Effort) -> Report {
    catch_panics();
    let mut report = Report::new("histories").seeded(effort.seed);
    regressions(&mut report);
    let alike = same_twice(effort.seed, &mut report);
    report.count("seeds played twice alike", alike, TWICE);
    let found = Found::default();
    let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| histories(effort, &next, &stop, &found));
        }
    });
    let played = found.marks.lock().unwrap_or_else(PoisonError::into_inner);
    let histories = played.len() as u64 * BLOCK;
    report.count("histories", histories, HISTORIES.min(300_000));
    for (what, mark, floor) in FLOORS {
        let seen = played.iter().map(|marks| marks[*mark as usize]).sum();
        report.count(what, seen, floor * histories / 100_000);
    }
    for finding in found.findings.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        report.find(finding);
    }
    report
}

fn histories(effort: &Effort, next: &AtomicU64, stop: &AtomicBool, found: &Found) {
    loop {
        let block = next.fetch_add(1, Ordering::Relaxed);
        if stop.load(Ordering::Relaxed) || !effort.goes_on(block * BLOCK, HISTORIES) {
            return;
        }
        let mut marks = [0; MARKS];
        let first = effort.seed.wrapping_mul(1 << 40).wrapping_add(block * BLOCK);
        for seed in first..first + BLOCK {
            match play(&draw(seed), false) {
                Ok(played) if played.breaches.is_empty() => {
                    marks.iter_mut().zip(played.marks).for_each(|(sum, seen)| *sum += seen);
                }
                Ok(_) => {
                    let mut findings =
                        found.findings.lock().unwrap_or_else(PoisonError::into_inner);
                    findings.push(told(&shrink(&draw(seed)), seed));
                    stop.store(findings.len() >= SHOWN, Ordering::Relaxed);
                }
                Err(error) => {
                    found.findings.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        let mut played = found.marks.lock().unwrap_or_else(PoisonError::into_inner);
        played.push(marks);
        if played.len().is_multiple_of(250) {
            eprintln!("{} histories", played.len() as u64 * BLOCK);
        }
    }
}

/// A finding, with the plan that repeats it: a file for `regressions/`.
fn told(plan: &Plan, seed: u64) -> String {
    let breach = play(plan, false).ok().and_then(|played| played.breaches.into_iter().next());
    let plan = serde_json::to_string(plan).unwrap_or_else(|error| error.to_string());
    format!("{} (seed {seed}): {plan}", breach.unwrap_or_default())
}

fn same_twice(seed: u64, report: &mut Report) -> u64 {
    let mut alike = 0;
    for seed in (seed..).take(usize::try_from(TWICE).unwrap_or(100)) {
        let hash = || play(&draw(seed), false).map(|played| played.hash);
        match (hash(), hash()) {
            (Ok(first), Ok(second)) if first == second => alike += 1,
            (first, second) => {
                report.find(format!("seed {seed} gives {first:?} and then {second:?}"));
            }
        }
    }
    alike
}

fn regressions(report: &mut Report) {
    let mut held = 0;
    for (name, plan) in REGRESSIONS {
        let played = serde_json::from_str(plan)
            .map_err(|error| error.to_string())
            .and_then(|plan: Plan| play(&plan, false));
        match played {
            Ok(played) if played.breaches.is_empty() => held += 1,
            Ok(played) => report.find(format!("{name}: {:?}", played.breaches)),
            Err(error) => report.find(format!("{name}: {error}")),
        }
    }
    report.count("regressions", held, REGRESSIONS.len() as u64);
}

/// Shows one history: its plan, what happened, what was broken.
pub fn show(seed: u64) -> ExitCode {
    let plan = draw(seed);
    println!("{plan:#?}");
    match play(&plan, true) {
        Ok(played) => {
            played.trace.iter().chain(&played.breaches).for_each(|line| println!("{line}"));
            if played.breaches.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
