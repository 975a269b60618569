//! `cargo xtask bench opaque`: a handler that knows nothing of Seiriken, behind the layer on SQLite:
//! its claim is on the disk before it runs, its answer before it is sent. Goal 5.

use crate::draw;
use crate::failure::Failure;
use crate::goal::Goal;
use crate::memory::whose;
use crate::options::Options;
use crate::picture::Panel;
use crate::results::{Case, Kind, PER_S, Results};
use crate::rounds::{self, Plan};
use crate::side::Place;
use crate::summary::BARE;

pub(crate) const OURS: &str = "library, SQLite, opaque effect";

pub(crate) const CONNECTIONS: usize = 64;

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let file = place.file("opaque.db");
    let mut ours = place.on_sqlite(OURS, &file);
    ours.anew = Some(file);
    let plans = [
        Plan::new(place.bare(), &[Kind::New], options.connections),
        Plan::new(ours, &[Kind::Replays, Kind::New], options.connections),
    ];
    rounds::all(&plans, options, &place.log(), results, |_| Ok(())).await
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let new = |side| Case::new(side, Kind::New, results.connections());
    let beside_bare = results.ratio(PER_S, new(OURS), new(BARE));
    vec![
        Goal::times(
            5,
            "opaque effect on SQLite, new keys: requests/s beside bare axum",
            beside_bare,
        )
        .at_least(0.42, 0.55),
    ]
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    draw::loads(results, whose)
}
