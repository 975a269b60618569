//! Rounds: every side under each of its loads, in an order that rotates, so that whatever else the
//! machine does meets all of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::{Failure, While};
use crate::load::{Answered, Finished, Load, Work};
use crate::options::Options;
use crate::process::Server;
use crate::process_tree;
use crate::results::{Kind, Results, Sample, rounded};
use crate::side::Side;
use crate::spread::number;

/// So many finished orders are replayed, in turn.
const REPLAYED: usize = 1000;

/// Of the time that is measured, this part goes before it: pages, caches and branches warm up.
const WARM_UP: u32 = 5;

/// A side, and what it is asked for: requests of a kind on so many connections. Replays come first:
/// they leave the number of live keys as it is.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) side: Side,
    pub(crate) loads: Vec<(Kind, usize)>,
}

impl Plan {
    pub(crate) fn new(side: Side, kinds: &[Kind], connections: usize) -> Self {
        Self { side, loads: kinds.iter().map(|kind| (*kind, connections)).collect() }
    }
}

/// Measures all rounds, each side in a process of its own in each of them. What is to be done at
/// the beginning of a round is done by `first`.
pub(crate) async fn all(
    plans: &[Plan],
    options: &Options,
    log: &Path,
    results: &mut Results,
    mut first: impl FnMut(&mut Results) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for round in 0..options.rounds {
        first(results)?;
        for plan in rotated(plans, round) {
            let server = plan.side.start(log).await?;
            let mut visit = Visit::new(&plan.side, &server, options, round + 1);
            for &(kind, connections) in &plan.loads {
                results.samples.push(visit.measure(kind, connections).await?);
            }
            server.stop().await?;
        }
    }
    Ok(())
}

/// All of them, beginning with another one in each round.
pub(crate) fn rotated<T>(all: &[T], round: usize) -> impl Iterator<Item = &T> {
    let (before, from_first) = all.split_at(round % all.len().max(1));
    from_first.iter().chain(before)
}

/// A side that runs, in one round.
pub(crate) struct Visit<'v> {
    side: &'v Side,
    server: &'v Server,
    length: Duration,
    round: usize,
    finished: Option<Arc<[Finished]>>,
}

impl<'v> Visit<'v> {
    pub(crate) fn new(side: &'v Side, server: &'v Server, options: &Options, round: usize) -> Self {
        Self { side, server, length: options.length, round, finished: None }
    }

    /// Measures it under one load, and holds it to as many orders as were due.
    pub(crate) async fn measure(
        &mut self,
        kind: Kind,
        connections: usize,
    ) -> Result<Sample, Failure> {
        let measured = self.measured(kind, connections).await;
        let sample = measured.map_err(|failure| failure.at(&self.side.name))?;
        eprintln!(
            "round {}: {}, {}, {connections} connections: {:.0} requests/s, {:.1} µs CPU",
            self.round,
            self.side.name,
            kind.words(),
            sample.requests_per_s,
            sample.cpu_us,
        );
        Ok(sample)
    }

    async fn measured(&mut self, kind: Kind, connections: usize) -> Result<Sample, Failure> {
        let mut load = Load::connect(self.server.address, connections).await?;
        let work = self.work(kind, &mut load).await?;
        let made_before = load.orders_made().await?;
        let warm_up = load.run(&work, self.length / WARM_UP).await?;
        let (server_before, own_before) = (self.server.cpu_time()?, process_tree::own_cpu_time()?);
        let answered = load.run(&work, self.length).await?;
        let (server_after, own_after) = (self.server.cpu_time()?, process_tree::own_cpu_time()?);
        let made = load.orders_made().await? - made_before;
        let due = warm_up.new_orders + answered.new_orders;
        if made != due {
            return Err(Failure::new(format!("{made} orders were made where {due} were due")));
        }
        let server = server_after.saturating_sub(server_before);
        Ok(self.sample(kind, connections, &answered, server, own_after.saturating_sub(own_before)))
    }

    async fn work(&mut self, kind: Kind, load: &mut Load) -> Result<Work, Failure> {
        let marks = self.side.marks;
        if kind != Kind::New && self.finished.is_none() {
            self.finished = Some(load.finish(marks, REPLAYED).await?);
        }
        let finished = self.finished.clone().unwrap_or_default();
        Ok(match kind {
            Kind::New => Work::New(marks),
            Kind::Replays => Work::Replays(marks, finished),
            Kind::Mixed => Work::Mixed(marks, finished),
        })
    }

    fn sample(
        &self,
        kind: Kind,
        connections: usize,
        answered: &Answered,
        server: Duration,
        generator: Duration,
    ) -> Sample {
        let (requests, elapsed) = (number(answered.requests), answered.elapsed.as_secs_f64());
        let per_request = |time: Duration| rounded(time.as_secs_f64() * 1e6 / requests);
        Sample {
            round: self.round,
            side: self.side.name.clone(),
            kind,
            connections,
            requests: answered.requests,
            requests_per_s: rounded(requests / elapsed),
            cpu_us: per_request(server),
            generator_us: per_request(generator),
            generator_share: rounded(generator.as_secs_f64() / elapsed),
            p50_us: answered.latencies.value_at_quantile(0.5),
            p99_us: answered.latencies.value_at_quantile(0.99),
            max_us: answered.latencies.max(),
        }
    }
}

/// Makes so many new orders on a running side, and holds it to exactly as many.
pub(crate) async fn fill(
    side: &Side,
    server: &Server,
    connections: usize,
    orders: u64,
) -> Result<(), Failure> {
    let mut load = Load::connect(server.address, connections).await?;
    let before = load.orders_made().await?;
    load.fill(side.marks, orders).await.map_err(|failure| failure.at(&side.name))?;
    let made = load.orders_made().await.while_doing("counting orders")? - before;
    if made == orders {
        Ok(())
    } else {
        Err(Failure::new(format!("{made} orders were made where {orders} were due")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_one_begins_each_round() {
        let order = |round| rotated(&[1, 2, 3], round).copied().collect::<Vec<_>>();
        assert_eq!(order(0), [1, 2, 3]);
        assert_eq!(order(1), [2, 3, 1]);
        assert_eq!(order(5), [3, 1, 2]);
        assert_eq!(rotated::<u8>(&[], 3).count(), 0);
    }
}
