//! Exhaustive sweeps: each counts its points by a run without a fault, and then runs every one.

mod bench;
mod calls;
mod checker;
#[cfg(seiriken_proof)]
mod commits;
mod dropped;
mod forgets;
mod front;
#[cfg(seiriken_proof)]
mod held;
mod late;
mod ledger;
mod person;
#[cfg(seiriken_proof)]
mod planted;
mod random;
mod scenario;
mod servers;
mod share;
#[cfg(seiriken_proof)]
mod shop;
mod tally;
mod there;
mod timed;
mod visited;
mod wire;
mod work;
mod world;

use self::bench::Bench;
use self::calls::{Point, Stage};
use self::forgets::Forgets;
use self::front::FrontKind;
use self::random::Random;
use self::scenario::Scenario;
use self::servers::Servers;
use self::share::Share;
use self::tally::{On, Tally};
use self::work::Quiet;
use crate::effort::Effort;
use crate::report::Report;

/// So many pairs of faults are drawn for every change.
const PAIRS: u64 = 2000;

/// Of that many pairs one on each server.
const PAIRS_FOR_ONE_ON_A_SERVER: u64 = 20;

/// Runs every point of every sweep (where the store is a server, and for a change, a share of them),
/// and pairs of faults at the store's calls, drawn at random.
pub fn run(effort: &Effort) -> Report {
    let mut tally = Tally::default();
    let quiet = Quiet::new();
    let servers = Servers::start();
    let (memory, sqlite) = (bench::memory(), bench::sqlite());
    let (postgres, redis) = (bench::postgres(&servers), bench::redis(&servers));
    let on_memory = on(&memory, effort, &mut tally);
    let on_sqlite = on(&sqlite, effort, &mut tally);
    let on_postgres = on(&postgres, effort, &mut tally);
    let on_redis = on(&redis, effort, &mut tally);
    let mut random = Random::new(effort.seed);
    let mut round: u64 = 0;
    while effort.goes_on(tally.pairs(), PAIRS) {
        pair(&on_memory, &mut random, &mut tally);
        pair(&on_sqlite, &mut random, &mut tally);
        round += 2;
        if round.is_multiple_of(PAIRS_FOR_ONE_ON_A_SERVER) {
            pair(&on_postgres, &mut random, &mut tally);
            pair(&on_redis, &mut random, &mut tally);
        }
    }
    #[cfg(seiriken_proof)]
    {
        commits::every_point(&mut tally);
        commits::dropped_at_every_poll(&mut tally);
        planted::are_found(&mut tally);
    }
    drop(quiet);
    wire::every_point(&servers, effort, &mut tally);
    tally.into_report(Report::new("sweep").seeded(effort.seed))
}

/// The share of the points that is played: a server takes its time for each.
fn share(on: On, effort: &Effort) -> Share {
    match on {
        On::Memory | On::Sqlite => Share::all(),
        _ if effort.until.is_some() => Share::all(),
        On::Postgres => Share::one_in(5, effort.seed),
        On::Redis => Share::one_in(3, effort.seed),
    }
}

/// The scenarios on one store, and their points.
type Stages<'b, S> = Vec<(Stage<'b, S>, Vec<Point>)>;

fn on<'b, S: Forgets>(bench: &'b Bench<S>, effort: &Effort, tally: &mut Tally) -> Stages<'b, S> {
    let mut share = share(bench.on, effort);
    let mut stages = Vec::new();
    for scenario in Scenario::all() {
        for front in [FrontKind::Engine, FrontKind::Layer] {
            let stage = Stage { bench, front, scenario };
            let points = stage.every_point(&mut share, tally);
            stages.push((stage, points));
        }
    }
    dropped::at_every_poll(bench, tally);
    stages
}

fn pair<S: Forgets>(stages: &Stages<'_, S>, random: &mut Random, tally: &mut Tally) {
    let (stage, points) = random.one_of(stages);
    stage.pair([*random.one_of(points), *random.one_of(points)], tally);
}
