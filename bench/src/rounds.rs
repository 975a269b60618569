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
            one(plan, options, log, round + 1, None, results).await?;
        }
    }
    Ok(())
}

/// Measures one side in one round. It may stand on a database server, known by the number of its
/// first process.
pub(crate) async fn one(
    plan: &Plan,
    options: &Options,
    log: &Path,
    round: usize,
    database: Option<u32>,
    results: &mut Results,
) -> Result<(), Failure> {
    let server = plan.side.start(log).await?;
    let mut visit = Visit::new(&plan.side, &server, options, round).on(database);
    for &(kind, connections) in &plan.loads {
        results.samples.push(visit.measure(kind, connections).await?);
    }
    server.stop().await
}

/// All of them, beginning with another one in each round.
pub(crate) fn rotated<T>(all: &[T], round: usize) -> impl Iterator<Item = &T> {
    let (before, from_first) = all.split_at(round % all.len().max(1));
    from_first.iter().chain(before)
}

/// CPU time, each counted from some moment on.
#[derive(Debug, Clone, Copy)]
struct Taken {
    server: Duration,
    database: Option<Duration>,
    generator: Duration,
}

impl Taken {
    fn since(self, before: Self) -> Self {
        let both = self.database.zip(before.database);
        Self {
            server: self.server.saturating_sub(before.server),
            database: both.map(|(now, before)| now.saturating_sub(before)),
            generator: self.generator.saturating_sub(before.generator),
        }
    }
}

/// A side that runs, in one round.
pub(crate) struct Visit<'v> {
    side: &'v Side,
    server: &'v Server,
    /// The first process of the database server that it stands on.
    database: Option<u32>,
    length: Duration,
    round: usize,
    finished: Option<Arc<[Finished]>>,
}

impl<'v> Visit<'v> {
    pub(crate) fn new(side: &'v Side, server: &'v Server, options: &Options, round: usize) -> Self {
        Self { side, server, database: None, length: options.length, round, finished: None }
    }

    /// The same with a database server whose CPU time is told, too.
    pub(crate) fn on(self, database: Option<u32>) -> Self {
        Self { database, ..self }
    }

    /// Measures it under one load, and holds it to as many orders as were due.
    pub(crate) async fn measure(
        &mut self,
        kind: Kind,
        connections: usize,
    ) -> Result<Sample, Failure> {
        let measured = self.measured(kind, connections).await;
        let sample = measured.map_err(|failure| failure.at(&self.side.name))?;
        tell(&sample);
        Ok(sample)
    }

    async fn measured(&mut self, kind: Kind, connections: usize) -> Result<Sample, Failure> {
        let mut load = Load::connect(self.server.address, connections).await?;
        let work = self.work(kind, &mut load).await?;
        let made_before = load.orders_made().await?;
        let warm_up = load.run(&work, self.length / WARM_UP).await?;
        let before = self.taken()?;
        let answered = load.run(&work, self.length).await?;
        let taken = self.taken()?.since(before);
        let made = load.orders_made().await? - made_before;
        let due = warm_up.new_orders + answered.new_orders;
        if made != due {
            return Err(Failure::new(format!("{made} orders were made where {due} were due")));
        }
        Ok(self.sample(kind, connections, &answered, &taken))
    }

    fn taken(&self) -> Result<Taken, Failure> {
        Ok(Taken {
            server: self.server.cpu_time()?,
            database: self.database.map(process_tree::cpu_time).transpose()?,
            generator: process_tree::own_cpu_time()?,
        })
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

    fn sample(&self, kind: Kind, connections: usize, answered: &Answered, taken: &Taken) -> Sample {
        let (requests, elapsed) = (number(answered.requests), answered.elapsed.as_secs_f64());
        let per_request = |time: Duration| rounded(time.as_secs_f64() * 1e6 / requests);
        Sample {
            round: self.round,
            side: self.side.name.clone(),
            kind,
            connections,
            requests: answered.requests,
            requests_per_s: rounded(requests / elapsed),
            cpu_us: per_request(taken.server),
            database_us: taken.database.map(per_request),
            generator_us: per_request(taken.generator),
            generator_share: rounded(taken.generator.as_secs_f64() / elapsed),
            p50_us: answered.latencies.value_at_quantile(0.5),
            p99_us: answered.latencies.value_at_quantile(0.99),
            max_us: answered.latencies.max(),
        }
    }
}

/// Progress, for whoever waits.
pub(crate) fn tell(sample: &Sample) {
    let database = sample.database_us.map(|us| format!(" + {us:.1}")).unwrap_or_default();
    eprintln!(
        "round {}: {}, {}, {} connections: {:.0} requests/s, {:.1}{database} µs CPU",
        sample.round,
        sample.side,
        sample.kind.words(),
        sample.connections,
        sample.requests_per_s,
        sample.cpu_us,
    );
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
