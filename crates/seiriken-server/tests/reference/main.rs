//! Random schedules against the real program, and against a reference that is short enough to be
//! seen to be right: they agree on every answer, and on which orders there are in the end.
//!
//! A schedule asks, asks again with a changed order or as somebody else, asks many times at once,
//! leaves in the middle, and kills or stops the program with requests under way. Where a client
//! has gone or the program was killed, nobody can know whether the order was made; the reference
//! takes either and holds on to what it sees next.
//!
//! `SEIRIKEN_REFERENCE_CASES=5000` makes a long run of it. A schedule that fails is made shorter,
//! shown, and tried first from then on (`regressions.txt`); since the machine has its part in what
//! happens, it may take a few tries to fail again.

mod reference;
mod run;
mod schedule;
mod seen;
mod service;
mod wire;

use std::cell::RefCell;

use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};

use crate::seen::Seen;

/// Schedules per test, unless the environment says otherwise.
const CASES: u32 = 60;

/// So long a schedule that fails is tried to be made shorter.
const SHRINKING_MS: u32 = 60_000;

/// Holds the program to the reference; `on_concurrent` is the option of that name.
fn agrees_with_the_reference(on_concurrent: &'static str) {
    let cases = std::env::var("SEIRIKEN_REFERENCE_CASES").map(|cases| cases.parse());
    let cases = cases.map_or(CASES, |cases| cases.expect("a number of cases"));
    let regressions = FileFailurePersistence::Direct("tests/reference/regressions.txt");
    let mut runner = TestRunner::new(Config {
        cases,
        max_shrink_time: SHRINKING_MS,
        failure_persistence: Some(Box::new(regressions)),
        ..Config::default()
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let all_seen = RefCell::new(Seen::default());
    let outcome = runner.run(&schedule::any_schedule(), |schedule| {
        let seen = runtime.block_on(run::run(&schedule, on_concurrent));
        *all_seen.borrow_mut() += seen.map_err(TestCaseError::fail)?;
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    let all_seen = all_seen.into_inner();
    println!("{cases} schedules, --on-concurrent {on_concurrent}: {all_seen:?}");
    all_seen.assert_enough_of_everything(cases, on_concurrent == "reject");
}

#[test]
fn any_schedule_is_answered_as_the_reference_answers() {
    agrees_with_the_reference("reject");
}

#[test]
fn any_schedule_is_answered_as_the_reference_answers_where_retries_wait() {
    agrees_with_the_reference("wait=60s");
}
