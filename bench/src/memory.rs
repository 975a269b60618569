//! `cargo xtask bench memory`: one handler, bare, behind the layer in memory, and behind the layer
//! of the crate `idempotent` in memory. Goals 1 to 3.
//!
//! All three are built with the same allocator, that of the order service (mimalloc).

use seiriken_bench_baseline::order;

use crate::draw;
use crate::failure::Failure;
use crate::goal::{Bound, Goal, Unit};
use crate::options::Options;
use crate::peers::{self, IDEMPOTENT};
use crate::picture::{Panel, Whose};
use crate::results::{CPU, Case, Kind, PER_S, Results};
use crate::rounds::{self, Plan};
use crate::side::{Place, Side};
use crate::spread::number;
use crate::summary::BARE;

/// The library's name in tables.
pub(crate) const OURS: &str = "library, memory";

pub(crate) const CONNECTIONS: usize = 32;

const KINDS: [Kind; 3] = [Kind::Replays, Kind::Mixed, Kind::New];

/// The characters of a key here: a UUID.
const KEY_BYTES: f64 = 36.0;

/// What a key may take besides itself and the body of its answer.
const BESIDES_BYTES: f64 = 160.0;

const BODY: &str = "the body of an answer";

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let mut guarded = vec![place.in_memory(OURS)];
    if options.with_peers() {
        let peer = peers::idempotent().await.map(|side| [side]);
        guarded.extend(peers::or_left_out(peer, IDEMPOTENT, &mut results.left_out));
    }
    results.measured(BODY, "B", number(order::answer_bytes()));
    for side in &guarded {
        memory_per_key(side, options, place, results).await?;
    }
    let mut plans = vec![Plan::new(place.bare(), &[Kind::New], options.connections)];
    plans.extend(guarded.into_iter().map(|side| Plan::new(side, &KINDS, options.connections)));
    rounds::all(&plans, options, &place.log(), results, |_| Ok(())).await
}

/// What the process has grown by, for each of many keys. A first few are not counted: with them come
/// the buffers of the connections.
async fn memory_per_key(
    side: &Side,
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let server = side.start(&place.log()).await?;
    rounds::fill(side, &server, options.connections, options.keys / 100).await?;
    let before = server.resident_bytes()?;
    rounds::fill(side, &server, options.connections, options.keys).await?;
    let grown = server.resident_bytes()?.saturating_sub(before);
    server.stop().await?;
    let per_key = number(grown) / number(options.keys);
    eprintln!("{}: {per_key:.0} B per live key", side.name);
    results.measured(quantity(&side.name), "B", per_key);
    Ok(())
}

fn quantity(side: &str) -> String {
    format!("memory per live key: {side}")
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let case = |side, kind| Case::new(side, kind, results.connections());
    let bare = case(BARE, Kind::New);
    let new = case(OURS, Kind::New);
    let beside_bare = |figure, kind| results.ratio(figure, case(OURS, kind), bare);
    let per_key = results.quantity(&quantity(OURS));
    let most = KEY_BYTES + BESIDES_BYTES + results.quantity(BODY);
    vec![
        Goal::times(1, "memory store, new keys: CPU beside bare axum", beside_bare(CPU, Kind::New))
            .at_most(1.25, 1.15),
        Goal::times(1, "the same, requests/s", beside_bare(PER_S, Kind::New))
            .aiming(Bound::AtLeast(0.92)),
        Goal::times(
            2,
            "memory store, replays: CPU beside new orders on bare axum",
            beside_bare(CPU, Kind::Replays),
        )
        .at_most(1.0, 0.92),
        Goal::times(
            3,
            "memory store, new keys: CPU beside crate `idempotent` 2",
            results.ratio(CPU, new, case(IDEMPOTENT, Kind::New)),
        )
        .at_most(0.6, 0.5),
        Goal::times(
            3,
            "memory per live key beside crate `idempotent` 2",
            per_key / results.quantity(&quantity(IDEMPOTENT)),
        )
        .aiming(Bound::AtMost(0.25)),
        Goal::times(3, "memory per live key: key + body + 160 B at most", per_key)
            .in_unit(Unit::Bytes)
            .aiming(Bound::AtMost(most)),
    ]
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    let mut panels = draw::loads(results, whose);
    let bytes = [OURS, IDEMPOTENT].map(|side| (side.to_owned(), quantity(side), whose(side)));
    panels.push(draw::quantities(results, "Memory per live key, bytes (less is better)", bytes));
    panels
}

pub(crate) fn whose(side: &str) -> Whose {
    match side {
        BARE => Whose::Bare,
        IDEMPOTENT => Whose::Peer,
        _ => Whose::Ours,
    }
}
