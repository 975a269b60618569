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
mod late;
mod ledger;
mod random;
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
use self::calls::{Point, Stage};
use self::front::FrontKind;
use self::random::Random;
use self::scenario::Scenario;
use self::tally::Tally;
use self::work::Quiet;
use crate::effort::Effort;
use crate::report::Report;

/// So many pairs of faults are drawn for every change.
const PAIRS: u64 = 2000;

/// Runs every point of every sweep, and pairs of faults at the store's calls, drawn at random.
pub fn run(effort: &Effort) -> Report {
    let mut tally = Tally::default();
    let quiet = Quiet::new();
    let (memory, sqlite) = (bench::memory(), bench::sqlite());
    let (on_memory, on_sqlite) = (on(&memory, &mut tally), on(&sqlite, &mut tally));
    let mut random = Random::new(effort.seed);
    while effort.goes_on(tally.pairs, PAIRS) {
        pair(&on_memory, &mut random, &mut tally);
        pair(&on_sqlite, &mut random, &mut tally);
    }
    #[cfg(seiriken_proof)]
    {
        commits::every_point(&mut tally);
        commits::dropped_at_every_poll(&mut tally);
    }
    drop(quiet);
    wire::every_point(&mut tally);
    tally.into_report(Report::new("sweep").seeded(effort.seed))
}

/// The scenarios on one store, and their points.
type Stages<'b, S> = Vec<(Stage<'b, S>, Vec<Point>)>;

fn on<'b, S: Store + Sweep>(bench: &'b Bench<S>, tally: &mut Tally) -> Stages<'b, S> {
    let mut stages = Vec::new();
    for scenario in Scenario::all() {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            let stage = Stage { bench, front, scenario };
            let points = stage.every_point(tally);
            stages.push((stage, points));
        }
    }
    dropped::at_every_poll(bench, tally);
    stages
}

fn pair<S: Store + Sweep>(stages: &Stages<'_, S>, random: &mut Random, tally: &mut Tally) {
    let (stage, points) = random.one_of(stages);
    stage.pair([*random.one_of(points), *random.one_of(points)], tally);
}
