//! `cargo xtask bench peers`: what others have made for the same purpose, on the servers that they
//! are made for, beside the library in memory.

use crate::draw;
use crate::failure::Failure;
use crate::goal::Goal;
use crate::memory::OURS;
use crate::options::Options;
use crate::peers::{self, EXPRESS, FASTAPI, IDEMKIT, IDEMPOTENT};
use crate::picture::{Panel, Whose};
use crate::results::{Kind, Results};
use crate::rounds::{self, Plan};
use crate::side::Place;
use crate::summary::BARE;

pub(crate) const CONNECTIONS: usize = 32;

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let mut sides = vec![place.bare(), place.in_memory(OURS)];
    if options.with_peers() {
        // The textbook design has to be there: it is what everything is held to.
        sides.extend(peers::node().await?);
        let left_out = &mut results.left_out;
        let rust = peers::idempotent().await.map(|side| [side]);
        sides.extend(peers::or_left_out(rust, IDEMPOTENT, left_out));
        let python = peers::python().await;
        sides.extend(peers::or_left_out(python, &format!("{FASTAPI}, {IDEMKIT}"), left_out));
    }
    let plan = |side: crate::side::Side| {
        let kinds: &[Kind] =
            if is_bare(&side.name) { &[Kind::New] } else { &[Kind::Replays, Kind::New] };
        Plan::new(side, kinds, options.connections)
    };
    let plans: Vec<Plan> = sides.into_iter().map(plan).collect();
    rounds::all(&plans, options, &place.log(), results, |_| Ok(())).await
}

fn is_bare(side: &str) -> bool {
    [BARE, EXPRESS, FASTAPI].contains(&side)
}

/// There are none: the goals are held to one of these at a time, elsewhere.
pub(crate) fn goals(_: &Results) -> Vec<Goal> {
    Vec::new()
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    draw::loads(results, |side| match side {
        OURS => Whose::Ours,
        bare if is_bare(bare) => Whose::Bare,
        _ => Whose::Peer,
    })
}
