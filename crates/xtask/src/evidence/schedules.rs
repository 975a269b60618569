//! Gate `schedules`: what is shared between threads, under schedules that shuttle chooses.
//!
//! It needs a build of its own, in which the locks are shuttle's: `--cfg seiriken_shuttle`. What is
//! run are the unit tests of the library that are named so.

use std::path::Path;

use super::report::Report;
use crate::command::{Command, Failure};

/// The compiler of the workspace's crates with `--cfg seiriken_shuttle`.
const COMPILER: &str = "crates/xtask/rustc-for-schedules";

/// So many tests there are.
const TESTS_MIN: u64 = 8;

/// Of each test, on every change.
const SCHEDULES: u64 = 10_000;

/// Each test runs half of its schedules at random and half by priorities.
const HALVES: u64 = 2;

/// What a test says at its end.
const MARK: &str = "held under schedules: ";

/// Runs the set for every change, or for so many minutes.
pub(super) fn run(root: &Path, minutes: Option<u64>, seed: u64) -> Result<Report, Failure> {
    let schedules = ["--", "schedules", "--nocapture", "--test-threads", "1"];
    let test = tests(&schedules).with("SEIRIKEN_SEED", seed.to_string());
    let test = match minutes {
        None => test.with("SEIRIKEN_SCHEDULES", SCHEDULES.to_string()),
        Some(minutes) => {
            let seconds = minutes * 60 / (TESTS_MIN * HALVES);
            test.with("SEIRIKEN_SECONDS", seconds.max(1).to_string())
        }
    };
    println!("      $ {test}");
    Ok(read(&test.read_out(root)?, seed))
}

/// Builds the tests.
pub(super) fn build_command() -> Command {
    tests(&["--no-run"])
}

fn tests(arguments: &[&str]) -> Command {
    let build = ["test", "--profile", "proof", "--package", "seiriken", "--lib"];
    let features = ["--no-default-features", "--features", "sqlite"];
    Command::cargo(&[&build[..], &features, arguments].concat())
        .with("RUSTC_WORKSPACE_WRAPPER", COMPILER)
}

fn read(output: &str, seed: u64) -> Report {
    let held = || output.lines().filter_map(|line| line.split_once(MARK)?.1.rsplit_once(": "));
    let schedules = held().filter_map(|(_, done)| done.parse::<u64>().ok()).sum();
    let failed = |line: &str| {
        let (test, _) = line.strip_prefix("test ")?.split_once(" ... FAILED")?;
        Some(format!("{test}: its last schedule is above"))
    };
    let mut findings: Vec<String> = output.lines().filter_map(failed).collect();
    if findings.is_empty() && !output.contains("test result: ok") {
        findings.push("the tests did not come to their end".to_owned());
    }
    let counts = [
        ("tests", held().count() as u64, TESTS_MIN),
        ("schedules", schedules, TESTS_MIN * SCHEDULES),
    ];
    Report::new("schedules", &counts, seed, findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedules_of_all_tests_are_counted() {
        let one = "test a::schedules::one ... \nheld under schedules: claims: 10000\nok\n";
        let output = one.repeat(8) + "\ntest result: ok. 8 passed; 0 failed\n";
        let report = read(&output, 3);
        assert!(report.holds(), "{report}");
        assert_eq!(report.counts(), "8 tests, 80000 schedules, seed 3");
        assert!(!read(&one.repeat(7), 3).holds(), "one is missing, and the end");
    }

    #[test]
    fn a_schedule_that_breaks_something_is_a_finding() {
        let output = "test a::schedules::one ... FAILED\n\ntest result: FAILED. 7 passed; 1 failed";
        let report = read(output, 1);
        assert_eq!(report.findings(), ["a::schedules::one: its last schedule is above"]);
        assert!(!read("", 1).holds());
    }
}
