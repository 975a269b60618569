//! Runs a piece of code under many schedules of its threads, each chosen by shuttle.

#[cfg(feature = "sqlite")]
pub(crate) mod mpsc;

use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

/// SQLite needs more than shuttle's threads have of their own accord.
const STACK_BYTES: usize = 1 << 19;

/// So many changes of priority: with three, PCT finds any bug that needs three steps in an order.
const PRIORITY_CHANGES: usize = 3;

/// Half of the schedules at random, half by priorities that change at random places (PCT). Ends in
/// a panic, with the schedule, where one of them breaks an assertion or never ends.
pub(crate) fn hold(name: &str, code: impl Fn() + Send + Sync + Clone + 'static) {
    let number = |variable: &str| {
        std::env::var(variable).ok().map(|value| value.parse::<u64>().expect("a number"))
    };
    let seed = number("SEIRIKEN_SEED").unwrap_or(1);
    let time = number("SEIRIKEN_SECONDS").map(Duration::from_secs);
    let default = if time.is_some() { u64::from(u32::MAX) } else { 1_000 };
    let count = number("SEIRIKEN_SCHEDULES").unwrap_or(default) / 2;
    let count = usize::try_from(count).expect("not that many");
    let mut done = run(RandomScheduler::new_from_seed(seed, count), time, code.clone());
    done += run(PctScheduler::new_from_seed(seed, PRIORITY_CHANGES, count), time, code);
    // For `cargo xtask prove`, which counts them.
    println!("\nheld under schedules: {name}: {done}");
}

fn run(
    scheduler: impl Scheduler + 'static,
    time: Option<Duration>,
    code: impl Fn() + Send + Sync + 'static,
) -> usize {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.max_time = time;
    Runner::new(scheduler, config).run(code)
}
