//! `cargo xtask bench`: builds what users run, as they build it, then starts the benchmark of the
//! crate `seiriken-bench`. Where nobody looks at the figures, what the tests were built with will do.
//!
//! The options are read here, so that a wrong one is refused before anything is compiled. What they
//! are unless said, the benchmark knows.

use std::path::{Path, PathBuf, absolute};

use clap::{Args, Subcommand, value_parser};

use crate::command::{Command, Failure};
use crate::{databases, target};

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Benchmark {
    /// The library in memory beside bare axum and the crate `idempotent` (goals 1 to 3)
    Memory(Measured),
    /// The order service beside bare axum and the textbook design on Express (goals 4 and 12)
    Orders(Measured),
    /// An effect elsewhere, its claim and answer on SQLite, beside bare axum (goal 5)
    Opaque(Measured),
    /// PostgreSQL: orders in one transaction, opaque effects, beside pgbench (goals 7 and 8)
    Postgres(Measured),
    /// Redis: the library beside the crate `idempotent` (goal 9)
    Redis(Measured),
    /// The proxy beside nginx that passes everything through (goal 10)
    Proxy(Measured),
    /// Opening with many live keys after a stop and after a kill; memory per key (goal 6)
    Reopen(Measured),
    /// CPU time with few live keys and with many; a key that many wait for (goal 11)
    Growth(Measured),
    /// What others have made, on the servers they are made for, beside the library in memory
    Peers(Measured),
    /// Two ways to lay out rows in SQLite: decision 1
    Layout {
        /// Live keys in the files that are filled [default: 1000000]
        #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
        keys: Option<u64>,
        /// How many commits are measured per round [default: 1000]
        #[arg(long, value_name = "C", value_parser = value_parser!(u64).range(1..=1_000_000))]
        commits: Option<u64>,
        #[command(flatten)]
        run: Run,
    },
    /// Make the pictures and tables of docs/performance.md from the results beside it
    Draw,
}

/// What every benchmark of requests has (on Linux: CPU time is read from `/proc`).
#[derive(Debug, Default, Args)]
pub(crate) struct Measured {
    /// Less of everything, in about a minute
    #[arg(long)]
    quick: bool,
    /// Keep the rounds, the picture and the tables in docs/performance
    #[arg(long)]
    write: bool,
    /// Live keys, where many are needed [default: 1000000]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1000..))]
    keys: Option<u64>,
    /// How long each load of each round is measured [default: 3]
    #[arg(long, value_name = "S", value_parser = value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Connections of the load generator [default: 64; memory, postgres, redis, proxy, peers: 32]
    #[arg(long, value_name = "C", value_parser = value_parser!(u64).range(2..=1000))]
    connections: Option<u64>,
    #[command(flatten)]
    run: Run,
    /// Next to nothing, and no peers
    #[arg(skip)]
    smoke: bool,
}

/// What every benchmark has.
#[derive(Debug, Default, Args)]
pub(crate) struct Run {
    /// How many rounds there are [default: 8]
    #[arg(long, value_name = "R", value_parser = value_parser!(u64).range(1..=1000))]
    rounds: Option<u64>,
    /// Where the files lie while it runs [default: the target folder of cargo]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(crate) fn run(root: &Path, benchmark: &Benchmark) -> Result<(), Failure> {
    if benchmark.has_databases() {
        databases::installed(root)?;
    }
    commands(root, benchmark)?.iter().try_for_each(|command| command.run(root))
}

/// The least of everything: that the benchmarks still run, and were answered rightly. How fast says
/// nothing then, and nobody looks at it. Without peers: those come from the network.
pub(crate) fn smoke(root: &Path) -> Result<(), Failure> {
    let program = target::tested_programs(root)?.join("seiriken-bench").display().to_string();
    let run = |benchmark: &Benchmark| {
        if benchmark.has_databases() {
            databases::installed(root)?;
        }
        let arguments = arguments(root, benchmark)?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Command::new(program.as_str(), &arguments).run(root)
    };
    let smoke = || Measured { smoke: true, ..Measured::default() };
    // CPU time is read from /proc. Elsewhere the figures cannot be had, and need not be.
    if cfg!(target_os = "linux") {
        for benchmark in [
            Benchmark::Memory(smoke()),
            Benchmark::Orders(smoke()),
            Benchmark::Opaque(smoke()),
            Benchmark::Postgres(smoke()),
            Benchmark::Redis(smoke()),
            Benchmark::Proxy(smoke()),
            Benchmark::Reopen(smoke()),
            Benchmark::Growth(smoke()),
            Benchmark::Peers(smoke()),
        ] {
            run(&benchmark)?;
        }
    }
    let once = Run { rounds: Some(1), dir: None };
    run(&Benchmark::Layout { keys: Some(1000), commits: Some(10), run: once })
}

/// Two builds, not one: together, each would be built with what only the other needs.
fn commands(root: &Path, benchmark: &Benchmark) -> Result<[Command; 2], Failure> {
    let service = Command::cargo(&["build", "--profile", "dist", "--package", "seiriken-server"]);
    let start = ["run", "--profile", "dist", "--quiet", "--package", "seiriken-bench", "--"];
    let arguments = arguments(root, benchmark)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Ok([service, Command::cargo(&[&start[..], &arguments].concat())])
}

fn arguments(root: &Path, benchmark: &Benchmark) -> Result<Vec<String>, Failure> {
    let docs = root.join("docs").display().to_string();
    let (name, measured) = match benchmark {
        Benchmark::Draw => return Ok(vec!["draw".to_owned(), docs]),
        Benchmark::Layout { keys, commits, run } => {
            let mut arguments = vec!["layout".to_owned()];
            arguments.extend(options(&[("--keys", *keys), ("--commits", *commits)]));
            arguments.extend(run.arguments()?);
            return Ok(arguments);
        }
        Benchmark::Memory(measured) => ("memory", measured),
        Benchmark::Orders(measured) => ("orders", measured),
        Benchmark::Opaque(measured) => ("opaque", measured),
        Benchmark::Postgres(measured) => ("postgres", measured),
        Benchmark::Redis(measured) => ("redis", measured),
        Benchmark::Proxy(measured) => ("proxy", measured),
        Benchmark::Reopen(measured) => ("reopen", measured),
        Benchmark::Growth(measured) => ("growth", measured),
        Benchmark::Peers(measured) => ("peers", measured),
    };
    let Measured { quick, write, keys, seconds, connections, run, smoke } = measured;
    let mut arguments = vec!["measure".to_owned(), name.to_owned()];
    arguments.extend(quick.then(|| "--quick".to_owned()));
    arguments.extend(smoke.then(|| "--smoke".to_owned()));
    if *write {
        arguments.extend(["--write".to_owned(), docs]);
    }
    arguments.extend(options(&[
        ("--keys", *keys),
        ("--seconds", *seconds),
        ("--connections", *connections),
    ]));
    arguments.extend(run.arguments()?);
    Ok(arguments)
}

/// Those that have a value.
fn options(options: &[(&str, Option<u64>)]) -> Vec<String> {
    let words =
        |(name, value): &(&str, Option<u64>)| Some([(*name).to_owned(), (*value)?.to_string()]);
    options.iter().filter_map(words).flatten().collect()
}

// === impl Benchmark ===

impl Benchmark {
    /// Whether it starts what has to be installed.
    fn has_databases(&self) -> bool {
        matches!(self, Self::Postgres(_) | Self::Redis(_) | Self::Proxy(_))
    }
}

// === impl Run ===

impl Run {
    fn arguments(&self) -> Result<Vec<String>, Failure> {
        let mut arguments = options(&[("--rounds", self.rounds)]);
        if let Some(dir) = &self.dir {
            // The benchmark is started at the root of the workspace, and this may be another folder.
            let dir = absolute(dir).map_err(|error| {
                Failure::new(format!("{}: {error}", dir.display()), "cargo xtask bench --help")
            })?;
            arguments.extend(["--dir".to_owned(), dir.display().to_string()]);
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(benchmark: &Benchmark) -> Vec<String> {
        arguments(Path::new("root"), benchmark).unwrap()
    }

    #[test]
    fn what_was_asked_for_is_passed_on_and_nothing_else() {
        let run = Run { rounds: Some(2), dir: None };
        let asked = Measured { quick: true, keys: Some(7000), run, ..Measured::default() };
        let expected = ["measure", "orders", "--quick", "--keys", "7000", "--rounds", "2"];
        assert_eq!(given(&Benchmark::Orders(asked)), expected);
        assert_eq!(given(&Benchmark::Memory(Measured::default())), ["measure", "memory"]);
        let layout = Benchmark::Layout { keys: None, commits: Some(3), run: Run::default() };
        assert_eq!(given(&layout), ["layout", "--commits", "3"]);
    }

    #[test]
    fn results_are_kept_with_the_documents_when_asked() {
        let asked = Measured { write: true, ..Measured::default() };
        let docs = Path::new("root").join("docs").display().to_string();
        assert_eq!(given(&Benchmark::Growth(asked)), ["measure", "growth", "--write", &docs]);
        assert_eq!(given(&Benchmark::Draw), ["draw", &docs]);
    }

    #[test]
    fn a_folder_is_where_the_caller_says_it_is() {
        let run = Run { rounds: None, dir: Some("here".into()) };
        let arguments = given(&Benchmark::Layout { keys: None, commits: None, run });
        let here = std::env::current_dir().unwrap().join("here");
        assert_eq!(arguments, ["layout", "--dir", here.to_str().unwrap()]);
    }

    #[test]
    fn the_service_is_built_as_it_runs_in_production() {
        let layout = Benchmark::Layout { keys: None, commits: None, run: Run::default() };
        let commands = commands(Path::new("root"), &layout).unwrap();
        assert_eq!(
            commands.map(|command| command.to_string()),
            [
                "cargo build --profile dist --package seiriken-server",
                "cargo run --profile dist --quiet --package seiriken-bench -- layout"
            ]
        );
    }
}
