//! `cargo xtask bench orders`: the order service, exactly once, in memory and on SQLite, beside bare
//! axum and beside the textbook design, which keeps everything in memory. Goals 4 and 12.

use std::path::Path;

use crate::failure::{Failure, While};
use crate::fill;
use crate::goal::{Bound, Goal, Unit};
use crate::machine;
use crate::options::Options;
use crate::peers::{self, TEXTBOOK};
use crate::picture::{Panel, Whose};
use crate::results::{CPU, Case, Kind, P50, P99, PER_S, Results};
use crate::rounds::{self, Plan};
use crate::side::{Place, Side};
use crate::spread::{median, number};
use crate::summary::BARE;
use crate::table::grouped;
use crate::{draw, stopwatch};

pub(crate) const MEMORY: &str = "order service, memory";
pub(crate) const SQLITE: &str = "order service, SQLite";

pub(crate) const CONNECTIONS: usize = 64;

/// Connections at which the slowest answers are looked at, and at which an answer is timed that
/// waits for nobody else.
const FEWER: usize = 32;
pub(crate) const ALONE: usize = 1;

pub(crate) const SYNC: &str = "one fdatasync in place, p50";

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let filled = place.file("filled.db");
    let service = place.service(&with_keys(options.keys), Some(&filled));
    prepare(place, &service, &filled, options.keys).await?;
    let many = options.connections;
    let fewer = [(Kind::New, FEWER), (Kind::New, ALONE)];
    let both = [Kind::Replays, Kind::New];

    let mut bare = Plan::new(place.bare(), &[Kind::New], many);
    bare.loads.extend(fewer);
    let memory = Plan::new(place.service(MEMORY, None), &both, many);
    let anew = place.file("anew.db");
    let mut empty = Plan::new(place.service(SQLITE, Some(&anew)), &both, many);
    empty.loads.extend(fewer);
    empty.side.anew = Some(anew);
    let mut plans = vec![bare, memory, empty, Plan::new(service, &both, many)];
    if options.with_peers() {
        plans.push(Plan::new(peers::textbook().await?, &[Kind::New], many));
    }
    rounds::all(&plans, options, &place.log(), results, |results| {
        results.measured(SYNC, "µs", number(machine::sync_in_place(place.folder())?));
        Ok(())
    })
    .await
}

/// The order service on a file that holds so many already.
fn with_keys(keys: u64) -> String {
    format!("{SQLITE}, {} live keys", grouped(keys))
}

/// Makes the file with many live keys.
pub(crate) async fn prepare(
    place: &Place,
    service: &Side,
    file: &Path,
    keys: u64,
) -> Result<(), Failure> {
    service.start(&place.log()).await?.stop().await?;
    let started = stopwatch::now();
    fill::fill(file, keys).await.while_doing("filling a file")?;
    let seconds = started.elapsed().as_secs_f64();
    eprintln!("a file has {} live keys more, in {seconds:.1} s", grouped(keys));
    Ok(())
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let many = results.connections();
    let new = |side| Case::new(side, Kind::New, many);
    let beside = |figure, case, other| results.ratio(figure, case, other);
    let p99 = results.spread(P99, Case::new(SQLITE, Kind::New, FEWER)).median / 1000.0;
    vec![
        Goal::times(
            4,
            "order service on SQLite, new orders: requests/s beside bare axum",
            beside(PER_S, new(SQLITE), new(BARE)),
        )
        .at_least(0.5, 0.65),
        Goal::times(4, "the same, CPU", beside(CPU, new(SQLITE), new(BARE))).at_most(2.2, 1.8),
        Goal::times(
            4,
            "the same, requests/s beside the textbook Express server in memory",
            beside(PER_S, new(SQLITE), new(TEXTBOOK)),
        )
        .at_least(8.0, 10.0),
        Goal::times(
            4,
            "with many live keys, requests/s beside none",
            beside(PER_S, new(&with_keys(results.keys)), new(SQLITE)),
        )
        .aiming(Bound::AtLeast(0.95)),
        Goal::times(4, "p99 on 32 connections", p99).in_unit(Unit::Millis).at_most(2.5, 1.5),
        Goal::times(4, "p50 on one connection beside fdatasync + bare axum", alone(results))
            .aiming(Bound::AtMost(1.5)),
        Goal::times(
            12,
            "order service on SQLite, replays: CPU beside new orders on bare axum",
            beside(CPU, Case::new(SQLITE, Kind::Replays, many), new(BARE)),
        )
        .at_most(1.4, 1.0),
    ]
}

/// What one order takes that waits for nobody, beside the least that it could take: each round by
/// itself.
fn alone(results: &Results) -> f64 {
    let [ours, bare] = [SQLITE, BARE].map(|side| Case::new(side, Kind::New, ALONE));
    median(results.of(ours).filter_map(|sample| {
        let sync = results.values(SYNC).get(sample.round.checked_sub(1)?)?;
        let bare = results.of(bare).find(|bare| bare.round == sample.round)?;
        Some(P50(sample) / (sync + P50(bare)))
    }))
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    draw::loads(results, |side| match side {
        BARE => Whose::Bare,
        TEXTBOOK => Whose::Peer,
        _ => Whose::Ours,
    })
}

/// The one sentence for whoever reads no further. Nothing when the textbook was not measured.
pub(crate) fn headline(results: &Results) -> String {
    let case = |side| Case::new(side, Kind::New, results.connections());
    let of = |side| results.spread(PER_S, case(side)).median;
    let ratio = results.ratio(PER_S, case(SQLITE), case(TEXTBOOK));
    if ratio.is_nan() {
        return String::new();
    }
    format!(
        "**Exactly once, and on the disk before it is answered: {:.0} orders per second. The textbook \
         design on Express, which keeps everything in memory and forgets it with its process: \
         {:.0}. That is {ratio:.1} times as many** (on the same machine in the same run, server and load \
         generator sharing its cores).\n",
        of(SQLITE),
        of(TEXTBOOK),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Sample;
    use crate::results::tests::sample;

    fn alone_sample(round: usize, side: &str, p50_us: u64) -> Sample {
        Sample { connections: ALONE, p50_us, ..sample(round, side, 1.0, 1.0) }
    }

    #[test]
    fn an_order_alone_is_held_to_the_sync_of_its_own_round() {
        let mut results = Results::default();
        for (round, sync, bare, ours) in [(1, 100.0, 50, 300), (2, 200.0, 100, 300)] {
            results.measured(SYNC, "µs", sync);
            results.samples.push(alone_sample(round, BARE, bare));
            results.samples.push(alone_sample(round, SQLITE, ours));
        }
        assert!((alone(&results) - 1.5).abs() < 1e-9); // between 2.0 and 1.0
    }

    #[test]
    fn the_headline_needs_the_textbook() {
        let mut results = Results::default();
        results.samples.push(sample(1, SQLITE, 20_000.0, 30.0));
        assert_eq!(headline(&results), "");
        results.samples.push(sample(1, TEXTBOOK, 4_000.0, 250.0));
        let headline = headline(&results);
        assert!(headline.contains("20000 orders") && headline.contains("5.0 times"), "{headline}");
    }
}
