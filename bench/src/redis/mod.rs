//! `cargo xtask bench redis`: the library and the crate `idempotent`, each before the same handler and
//! on a Redis server, with both ways to keep a log that somebody would take for this. Goal 9.

mod server;
mod syncs;

use private_servers::redis::Persistence;

pub(crate) use self::server::RedisServer;
use self::syncs::Syncs;
use crate::draw;
use crate::failure::Failure;
use crate::goal::{Bound, Goal};
use crate::options::{Options, Size};
use crate::peers;
use crate::picture::{Panel, Whose};
use crate::results::{Case, Kind, PER_S, Results, TOGETHER};
use crate::rounds::{self, Plan};
use crate::side::{Place, Side};
use crate::spread::number;
use crate::summary::BARE;
use crate::trips::Trips;

pub(crate) const CONNECTIONS: usize = 32;

/// The library, as Redis is usually set where it is to keep something.
pub(crate) const EVERYSEC: &str = "library, Redis (everysec), keyed effect";

/// A way to keep the log, as `redis.conf` calls it, and who is measured with it.
struct Fsync {
    name: &'static str,
    persistence: Persistence,
    ours: &'static str,
    peer: &'static str,
}

/// About once a second, and every write before it is answered.
const FSYNCS: [Fsync; 2] = [
    Fsync {
        name: "everysec",
        persistence: Persistence::EverySecond,
        ours: EVERYSEC,
        peer: "crate idempotent 2, Redis (everysec)",
    },
    Fsync {
        name: "always",
        persistence: Persistence::Always,
        ours: "library, Redis (always), keyed effect",
        peer: "crate idempotent 2, Redis (always)",
    },
];

/// What the first ones cost besides does not count.
const FIRST: u64 = 200;

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let mut servers = Vec::new();
    for fsync in &FSYNCS {
        servers.push(RedisServer::start(&options.dir, fsync.persistence)?);
    }
    for (fsync, server) in FSYNCS.iter().zip(&mut servers) {
        let side = |url: &str| place.on_database(fsync.ours, "redis", url);
        price(fsync.ours, side, server, options, place, results).await?;
    }
    let both = [Kind::Replays, Kind::New];
    let plan = |side| Plan::new(side, &both, options.connections);
    let mut plans = vec![(Plan::new(place.bare(), &[Kind::New], options.connections), None)];
    for (at, (fsync, server)) in FSYNCS.iter().zip(&servers).enumerate() {
        let ours = place.on_database(fsync.ours, "redis", &server.url());
        plans.push((plan(ours), Some(at)));
        if options.with_peers() {
            let peer = peers::idempotent_on_redis(fsync.peer, &server.url()).await;
            let peer =
                peers::or_left_out(peer.map(|side| [side]), fsync.peer, &mut results.left_out);
            plans.extend(peer.into_iter().map(|side| (plan(side), Some(at))));
        }
    }
    for round in 0..options.rounds {
        for (plan, at) in rounds::rotated(&plans, round) {
            let process = match at {
                None => None,
                Some(at) => {
                    let server = &mut servers[*at];
                    server.anew()?;
                    Some(server.pid()?)
                }
            };
            rounds::one(plan, options, &place.log(), round + 1, process, results).await?;
        }
    }
    Ok(())
}

/// What one new order asks of Redis: round trips, syncs, bytes. Counted, not timed.
async fn price(
    name: &str,
    side: impl Fn(&str) -> Side,
    server: &mut RedisServer,
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let orders = if options.size == Size::Smoke { 50 } else { 1000 };
    server.anew()?;
    let trips = Trips::to(server.port()).await?;
    let asked = side(&format!("redis://127.0.0.1:{}", trips.port()));
    let running = asked.start(&place.log()).await?;
    rounds::fill(&asked, &running, 1, FIRST).await?;
    let before = trips.so_far();
    rounds::fill(&asked, &running, 1, orders).await?;
    let per_order = number(trips.so_far() - before) / number(orders);
    results.measured(format!("{name}: round trips for a new order"), "trips", per_order);
    match Syncs::of(server.pid()?, place.folder()).await {
        Ok(syncs) => {
            rounds::fill(&asked, &running, 1, orders).await?;
            let count = number(syncs.count().await?) / number(orders);
            let what = format!("{name}: syncs for a new order, 1 connection");
            results.measured(what, "syncs", count);
        }
        Err(failure) => {
            let line =
                format!("Left out: the syncs of {name}. strace does not count them: {failure}.");
            eprintln!("{line}");
            results.left_out.push(line);
        }
    }
    running.stop().await?;
    trips.end().await?;
    results.measured(format!("{name}: memory per live key"), "B", server.bytes_per_key()?);
    Ok(())
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let new = |side| Case::new(side, Kind::New, results.connections());
    let goals = FSYNCS.iter().flat_map(|fsync| {
        let beside_peer = |figure| results.ratio(figure, new(fsync.ours), new(fsync.peer));
        let what = format!(
            "Redis (appendfsync {}), new keys: requests/s beside crate `idempotent` 2",
            fsync.name
        );
        [
            Goal::times(9, what, beside_peer(PER_S)).at_least(1.5, 2.2),
            Goal::times(9, "the same, CPU of server and Redis", beside_peer(TOGETHER))
                .aiming(Bound::AtMost(0.5)),
        ]
    });
    goals.collect()
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    draw::loads(results, |side| match side {
        BARE => Whose::Bare,
        ours if FSYNCS.iter().any(|fsync| fsync.ours == ours) => Whose::Ours,
        _ => Whose::Peer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn each_way_to_keep_the_log_is_held_to_the_peer_with_the_same() {
        let [everysec, always] = &FSYNCS;
        let sample = |side, per_s, server, redis| {
            let mut sample = sample(1, side, per_s, server);
            sample.database_us = Some(redis);
            sample
        };
        let samples = vec![
            sample(everysec.ours, 30_000.0, 10.0, 10.0),
            sample(everysec.peer, 10_000.0, 30.0, 20.0),
            sample(always.ours, 8_000.0, 20.0, 20.0),
            sample(always.peer, 8_000.0, 30.0, 20.0),
        ];
        let goals = goals(&Results { samples, ..Results::default() });
        let reached: Vec<_> = goals.iter().map(|goal| (goal.measured, goal.verdict())).collect();
        assert_eq!(
            reached,
            [(3.0, "goal"), (0.4, "goal"), (1.0, "missed"), (0.8, "short of the goal")]
        );
    }
}
