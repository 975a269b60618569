//! `cargo xtask bench growth`: what a request costs with few live keys and with many, and what a key
//! costs that many wait for. Goal 11.

mod hot_key;
mod step;

use std::rc::Rc;
use std::time::Duration;

use self::hot_key::{Owner, waited_for};
use self::step::{MEMORY, POSTGRES, REDIS, SQLITE, Step};
use crate::draw;
use crate::failure::Failure;
use crate::goal::{Bound, Goal, Unit};
use crate::options::{Options, Size};
use crate::picture::{Panel, Whose};
use crate::postgres::PostgresServer;
use crate::results::{Case, Kind, Results, TOGETHER};
use crate::rounds;
use crate::side::Place;
use crate::table::grouped;

pub(crate) const CONNECTIONS: usize = 64;

/// Fewer keys than these are what everything is held to.
const FEWEST: u64 = 10_000;

/// So many fit into the memory of a small machine, and are soon put into a database.
const MOST_ELSEWHERE: u64 = 2_000_000;

/// A store, the most keys that are looked at on it, and by which factor a request may cost more then.
const STORES: [(&str, u64, f64); 4] = [
    (SQLITE, u64::MAX, 1.1),
    (MEMORY, MOST_ELSEWHERE, 1.1),
    (POSTGRES, MOST_ELSEWHERE, 1.3),
    (REDIS, MOST_ELSEWHERE, 1.1),
];

const WAITERS: usize = 1000;
const CLAIMS: &str = "claims until 1000 wait for a key of this process";
const POLLS_HERE: &str = "polls a second while they wait, owner in this process";
const POLLS_AWAY: &str = "polls a second while they wait, owner elsewhere";

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let (waiters, watched) = match options.size {
        Size::Smoke => (10, Duration::from_millis(100)),
        Size::Quick | Size::Full => (WAITERS, Duration::from_secs(4)),
    };
    let here = waited_for(waiters, Owner::SameNode, watched).await?;
    let away = waited_for(waiters, Owner::OtherNode, watched).await?;
    results.measured(CLAIMS, "claims", here.claims);
    results.measured(POLLS_HERE, "1/s", here.polls_per_s);
    results.measured(POLLS_AWAY, "1/s", away.polls_per_s);

    let mut steps = Vec::new();
    for keys in sizes(options.keys) {
        steps.push(Step::on_sqlite(place, keys).await?);
    }
    let elsewhere = sizes(options.keys.min(MOST_ELSEWHERE));
    steps.extend(elsewhere.iter().map(|keys| Step::in_memory(place, *keys)));
    if let Some(server) = or_left_out(
        PostgresServer::start(&options.dir, &mut results.left_out),
        POSTGRES,
        &mut results.left_out,
    ) {
        let server = Rc::new(server);
        for &keys in &elsewhere {
            steps.push(Step::on_postgres(&server, options, place, keys).await?);
        }
    }
    let on_redis = elsewhere.iter().map(|keys| Step::on_redis(options, place, *keys));
    let on_redis: Result<Vec<_>, _> = on_redis.collect();
    steps.extend(or_left_out(on_redis, REDIS, &mut results.left_out).unwrap_or_default());
    let order: Vec<usize> = (0..steps.len()).collect();
    for round in 0..options.rounds {
        for &number in rounds::rotated(&order, round) {
            steps[number].measure(options, place, round + 1, results).await?;
        }
    }
    Ok(())
}

/// A store whose server is not there is left out, and one line says why.
fn or_left_out<T>(
    started: Result<T, Failure>,
    store: &str,
    left_out: &mut Vec<String>,
) -> Option<T> {
    started
        .map_err(|failure| {
            let line = format!("Left out: {store}: {failure}.");
            eprintln!("{line}");
            left_out.push(line);
        })
        .ok()
}

/// Up to so many, each ten times the last; two at least.
fn sizes(most: u64) -> Vec<u64> {
    let mut sizes = vec![most];
    while let Some(&last) = sizes.last()
        && (last / 10 >= FEWEST || sizes.len() < 2)
    {
        sizes.push(last / 10);
    }
    sizes.reverse();
    sizes
}

fn name(store: &str, keys: u64) -> String {
    format!("{store}, {} live keys", grouped(keys))
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (store, most, factor) in STORES {
        let sizes = sizes(results.keys.min(most));
        let [Some(&fewest), Some(&many)] = [sizes.first(), sizes.last()] else { continue };
        let [few_name, many_name] = [fewest, many].map(|keys| name(store, keys));
        for kind in [Kind::New, Kind::Replays] {
            let [few, many_keys] =
                [&few_name, &many_name].map(|side| Case::new(side, kind, results.connections()));
            let what = format!(
                "{store}, {}: CPU with {} live keys beside {}",
                kind.words(),
                grouped(many),
                grouped(fewest)
            );
            // With that of the database server, where there is one: that is where the keys are.
            let ratio = results.ratio(TOGETHER, many_keys, few);
            // A store that was left out has no goal to miss.
            if !ratio.is_nan() {
                goals.push(Goal::times(11, what, ratio).landing(Bound::AtMost(factor)));
            }
        }
    }
    let count = |what: &str, most| {
        let goal = Goal::times(11, what, results.quantity(what)).in_unit(Unit::Count);
        goal.landing(Bound::AtMost(most))
    };
    goals.extend([count(CLAIMS, 1.0), count(POLLS_HERE, 2.0), count(POLLS_AWAY, 2.0)]);
    goals
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    // Requests per second say the same, less exactly.
    draw::loads(results, |_| Whose::Ours).into_iter().take(1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::sample;

    #[test]
    fn sizes_grow_tenfold_from_ten_thousand() {
        assert_eq!(sizes(1_000_000), [10_000, 100_000, 1_000_000]);
        assert_eq!(sizes(100_000), [10_000, 100_000]);
        assert_eq!(sizes(1000), [100, 1000]);
    }

    #[test]
    fn a_request_is_held_to_what_it_costs_with_few_keys_and_its_database_counts() {
        let sample = |keys, server, database| {
            let mut sample = sample(1, &name(POSTGRES, keys), 1000.0, server);
            sample.database_us = Some(database);
            sample
        };
        let samples = vec![sample(10_000, 10.0, 30.0), sample(100_000, 10.0, 40.0)];
        let goals = goals(&Results { samples, keys: 100_000, ..Results::default() });
        let growth: Vec<_> = goals.iter().filter(|goal| goal.what.starts_with("order")).collect();
        assert_eq!(growth.len(), 1, "no other store was measured: {goals:?}");
        assert!((growth[0].measured - 1.25).abs() < 1e-9 && growth[0].verdict() == "land");
    }
}
