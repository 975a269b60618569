//! Exhaustive sweeps: each counts its points by a run without a fault, and then runs every one.

mod bench;
mod calls;
mod checker;
mod front;
mod ledger;
mod scenario;
mod tally;
mod timed;
mod work;
mod world;

use seiriken::store::{Store, Sweep};

use self::bench::Bench;
use self::calls::Stage;
use self::front::FrontKind;
use self::scenario::Scenario;
use self::tally::Tally;
use self::work::Quiet;
use crate::effort::Effort;
use crate::report::Report;

/// Runs every point of every sweep; in a campaign, pairs of faults after that.
pub fn run(effort: &Effort) -> Report {
    let mut tally = Tally::default();
    let quiet = Quiet::new();
    store_calls(bench::memory, effort, &mut tally);
    store_calls(bench::sqlite, effort, &mut tally);
    drop(quiet);
    tally.into_report(Report::new("sweep").seeded(effort.seed))
}

fn store_calls<S: Store + Sweep>(
    bench: impl Fn() -> Bench<S>,
    _effort: &Effort,
    tally: &mut Tally,
) {
    let bench = bench();
    for scenario in Scenario::all() {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            let stage = Stage { bench: &bench, front, scenario };
            stage.every_point(tally);
        }
    }
}
