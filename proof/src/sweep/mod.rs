//! Exhaustive sweeps: each counts its points by a run without a fault, and then runs every one.

mod bench;
mod calls;
mod checker;
#[cfg(seiriken_proof)]
mod commits;
mod dropped;
mod front;
#[cfg(seiriken_proof)]
mod held;
mod ledger;
mod scenario;
#[cfg(seiriken_proof)]
mod shop;
mod tally;
mod timed;
mod wire;
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
    on_a_store(bench::memory, effort, &mut tally);
    on_a_store(bench::sqlite, effort, &mut tally);
    #[cfg(seiriken_proof)]
    {
        commits::every_point(&mut tally);
        commits::dropped_at_every_poll(&mut tally);
    }
    drop(quiet);
    wire::every_point(&mut tally);
    tally.into_report(Report::new("sweep").seeded(effort.seed))
}

fn on_a_store<S: Store + Sweep>(bench: impl Fn() -> Bench<S>, _effort: &Effort, tally: &mut Tally) {
    let bench = bench();
    for scenario in Scenario::all() {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            let stage = Stage { bench: &bench, front, scenario };
            stage.every_point(tally);
        }
    }
    dropped::at_every_poll(&bench, tally);
}
