//! `cargo xtask bench`: builds what users run, as they build it, then starts the benchmark of the
//! crate `seiriken-bench`.
//!
//! The options are read here, so that a wrong one is refused before anything is compiled. What they
//! are unless said, the benchmark knows.

use std::path::{Path, PathBuf, absolute};

use clap::{Args, Subcommand, value_parser};

use crate::command::{Command, Failure};

/// What is measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Benchmark {
    /// The order service on each store beside bare axum: requests per second, CPU time, latency,
    /// memory per key, time to open (on Linux)
    Orders {
        /// Live keys in the file that is filled [default: 1000000]
        #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
        keys: Option<u64>,
        /// How long each load of each round is measured [default: 3]
        #[arg(long, value_name = "S", value_parser = value_parser!(u64).range(1..))]
        seconds: Option<u64>,
        /// Connections of the load generator [default: 64]
        #[arg(long, value_name = "C", value_parser = value_parser!(u64).range(1..=1000))]
        connections: Option<u64>,
        #[command(flatten)]
        run: Run,
    },
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
    commands(benchmark)?.iter().try_for_each(|command| command.run(root))
}

/// The least of everything: that the benchmarks still run, and were answered rightly. How fast says
/// nothing then, and nobody looks at it.
pub(crate) fn smoke(root: &Path) -> Result<(), Failure> {
    let once = || Run { rounds: Some(1), dir: None };
    let (keys, seconds) = (Some(1000), Some(1));
    // CPU time is read from /proc. Elsewhere the figures cannot be had, and need not be.
    if cfg!(target_os = "linux") {
        run(root, &Benchmark::Orders { keys, seconds, connections: None, run: once() })?;
    }
    run(root, &Benchmark::Layout { keys, commits: Some(10), run: once() })
}

/// Two builds, not one: together, each would be built with what only the other needs.
fn commands(benchmark: &Benchmark) -> Result<[Command; 2], Failure> {
    let service = Command::cargo(&["build", "--release", "--package", "seiriken-server"]);
    let start = ["run", "--release", "--quiet", "--package", "seiriken-bench", "--"];
    let arguments = arguments(benchmark)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Ok([service, Command::cargo(&[&start[..], &arguments].concat())])
}

fn arguments(benchmark: &Benchmark) -> Result<Vec<String>, Failure> {
    let (name, own, run) = match benchmark {
        Benchmark::Orders { keys, seconds, connections, run } => {
            let own = [("--keys", keys), ("--seconds", seconds), ("--connections", connections)];
            ("orders", own.to_vec(), run)
        }
        Benchmark::Layout { keys, commits, run } => {
            ("layout", vec![("--keys", keys), ("--commits", commits)], run)
        }
    };
    let mut arguments = vec![name.to_owned()];
    for (option, value) in own.into_iter().chain([("--rounds", &run.rounds)]) {
        arguments.extend(value.iter().flat_map(|value| [option.to_owned(), value.to_string()]));
    }
    if let Some(dir) = &run.dir {
        // The benchmark is started at the root of the workspace, and this may be another folder.
        let dir = absolute(dir).map_err(|error| {
            Failure::new(format!("{}: {error}", dir.display()), "cargo xtask bench --help")
        })?;
        arguments.extend(["--dir".to_owned(), dir.display().to_string()]);
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_passed_on_and_nothing_else() {
        let run = Run { rounds: Some(2), dir: None };
        let orders = Benchmark::Orders { keys: Some(7), seconds: None, connections: Some(1), run };
        let expected = ["orders", "--keys", "7", "--connections", "1", "--rounds", "2"];
        assert_eq!(arguments(&orders).unwrap(), expected);
        let layout = Benchmark::Layout { keys: None, commits: None, run: Run::default() };
        assert_eq!(arguments(&layout).unwrap(), ["layout"]);
    }

    #[test]
    fn a_folder_is_where_the_caller_says_it_is() {
        let run = Run { rounds: None, dir: Some("here".into()) };
        let arguments = arguments(&Benchmark::Layout { keys: None, commits: None, run }).unwrap();
        let here = std::env::current_dir().unwrap().join("here");
        assert_eq!(arguments, ["layout", "--dir", here.to_str().unwrap()]);
    }

    #[test]
    fn the_service_is_built_as_users_build_it() {
        let layout = Benchmark::Layout { keys: None, commits: None, run: Run::default() };
        let shown = commands(&layout).unwrap().map(|command| command.to_string());
        assert_eq!(
            shown,
            [
                "cargo build --release --package seiriken-server",
                "cargo run --release --quiet --package seiriken-bench -- layout"
            ]
        );
    }
}
