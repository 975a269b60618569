//! The benchmarks by their names: what each measures, and what is made of it.

use clap::ValueEnum;

use crate::failure::{Failure, While};
use crate::goal::Goal;
use crate::machine::Machine;
use crate::options::{Asked, Options, Size};
use crate::picture::Picture;
use crate::results::Results;
use crate::side::Place;
use crate::table::grouped;
use crate::{
    beside, checkout, goal, growth, memory, opaque, orders, postgres, proxy, redis, reopen,
    stopwatch, summary,
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Benchmark {
    /// The library in memory beside bare axum and the crate `idempotent`.
    Memory,
    /// The order service beside bare axum and the textbook design.
    Orders,
    /// An opaque effect on SQLite beside bare axum.
    Opaque,
    /// On PostgreSQL beside pgbench.
    Postgres,
    /// On Redis beside the crate `idempotent`.
    Redis,
    /// The proxy beside nginx.
    Proxy,
    /// Opening with many live keys.
    Reopen,
    /// Few live keys and many; a key that many wait for.
    Growth,
    /// What others have made.
    Peers,
}

impl Benchmark {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Orders => "orders",
            Self::Opaque => "opaque",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Proxy => "proxy",
            Self::Reopen => "reopen",
            Self::Growth => "growth",
            Self::Peers => "peers",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Memory => "Safe retries in memory, beside the bare handler",
            Self::Orders => "Orders exactly once, beside the textbook design in memory",
            Self::Opaque => "An effect elsewhere: claim and answer on the disk",
            Self::Postgres => "On PostgreSQL, beside pgbench with statements written by hand",
            Self::Redis => "On Redis, beside the crate idempotent",
            Self::Proxy => "The proxy, beside nginx that knows no keys",
            Self::Reopen => "Back after a stop and after a kill",
            Self::Growth => "What a request costs when there are many keys",
            Self::Peers => "What others have made for the same purpose",
        }
    }

    fn connections(self) -> usize {
        match self {
            Self::Memory => memory::CONNECTIONS,
            Self::Orders => orders::CONNECTIONS,
            Self::Opaque => opaque::CONNECTIONS,
            Self::Postgres => postgres::CONNECTIONS,
            Self::Redis => redis::CONNECTIONS,
            Self::Proxy => proxy::CONNECTIONS,
            Self::Reopen => reopen::CONNECTIONS,
            Self::Growth => growth::CONNECTIONS,
            Self::Peers => beside::CONNECTIONS,
        }
    }

    fn quick_keys(self) -> u64 {
        if self == Self::Reopen { reopen::KEYS_TOLD_FROM } else { 100_000 }
    }

    /// Measures. Progress goes to standard error.
    pub(crate) async fn run(self, asked: &Asked, command: String) -> Result<Results, Failure> {
        let options = Options::new(asked, self.connections(), self.quick_keys());
        let place = Place::new(&options.dir)?;
        let mut results = Results {
            benchmark: self.name().to_owned(),
            command,
            measured: stopwatch::today(),
            commit: checkout::commit(),
            machine: Machine::this_one(place.folder())?,
            keys: options.keys,
            method: method(&options),
            ..Results::default()
        };
        match self {
            Self::Memory => memory::run(&options, &place, &mut results).await,
            Self::Orders => orders::run(&options, &place, &mut results).await,
            Self::Opaque => opaque::run(&options, &place, &mut results).await,
            Self::Postgres => postgres::run(&options, &place, &mut results).await,
            Self::Redis => redis::run(&options, &place, &mut results).await,
            Self::Proxy => proxy::run(&options, &place, &mut results).await,
            Self::Reopen => reopen::run(&options, &place, &mut results).await,
            Self::Growth => growth::run(&options, &place, &mut results).await,
            Self::Peers => beside::run(&options, &place, &mut results).await,
        }
        .while_doing(self.name())?;
        Ok(results)
    }

    pub(crate) fn goals(self, results: &Results) -> Vec<Goal> {
        match self {
            Self::Memory => memory::goals(results),
            Self::Orders => orders::goals(results),
            Self::Opaque => opaque::goals(results),
            Self::Postgres => postgres::goals(results),
            Self::Redis => redis::goals(results),
            Self::Proxy => proxy::goals(results),
            Self::Reopen => reopen::goals(results),
            Self::Growth => growth::goals(results),
            Self::Peers => beside::goals(results),
        }
    }

    /// The tables, as they are printed and as the documents show them.
    pub(crate) fn tables(self, results: &Results) -> String {
        let goals = self.goals(results);
        let tables = summary::summary(results);
        if goals.is_empty() { tables } else { format!("{tables}\n{}", goal::table(&goals)) }
    }

    pub(crate) fn picture(self, results: &Results) -> Picture {
        let panels = match self {
            Self::Memory => memory::panels(results),
            Self::Orders => orders::panels(results),
            Self::Opaque => opaque::panels(results),
            Self::Postgres => postgres::panels(results),
            Self::Redis => redis::panels(results),
            Self::Proxy => proxy::panels(results),
            Self::Reopen => reopen::panels(results),
            Self::Growth => growth::panels(results),
            Self::Peers => beside::panels(results),
        };
        let note = format!(
            "Bars: median of the rounds; lines: least to most. {}, {}, {}.",
            results.command, results.measured, results.commit
        );
        Picture { title: self.title().to_owned(), panels, note }
    }
}

fn method(options: &Options) -> String {
    let rounds = format!(
        "{} of {} s for each load, {} live keys where there are many",
        if options.rounds == 1 {
            "1 round".to_owned()
        } else {
            format!("{} rounds", options.rounds)
        },
        options.length.as_secs_f64(),
        grouped(options.keys)
    );
    match options.size {
        Size::Full => rounds,
        Size::Quick | Size::Smoke => format!("a quick run: {rounds}"),
    }
}
