//! The program behind `cargo xtask bench`, and the baseline that it measures against.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, value_parser};
use seiriken_bench::{Failure, bare, layout, orders};

/// As everywhere here: the call was wrong (`EX_USAGE`).
const BAD_USE: u8 = 64;

/// Measures what safe retries cost.
#[derive(Debug, Parser)]
#[command(name = "seiriken-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The order service on each store, beside bare axum.
    Orders {
        /// Live keys in the file that is filled.
        #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1..))]
        keys: u64,
        /// How long each load of each round is measured.
        #[arg(long, default_value_t = 3, value_parser = value_parser!(u64).range(1..))]
        seconds: u64,
        /// How many rounds there are.
        #[arg(long, default_value_t = 8, value_parser = value_parser!(u16).range(1..))]
        rounds: u16,
        /// Connections of the generator.
        #[arg(long, default_value_t = 64, value_parser = value_parser!(u16).range(1..=1000))]
        connections: u16,
        /// Where the files lie while it runs; the folder of this program unless said.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Two ways to lay out rows in SQLite.
    Layout {
        /// Live keys in the files that are filled.
        #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1..))]
        keys: u64,
        /// How many commits are measured per round.
        #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..))]
        commits: u32,
        /// How many rounds there are.
        #[arg(long, default_value_t = 8, value_parser = value_parser!(u16).range(1..))]
        rounds: u16,
        /// Where the files lie while it runs; the folder of this program unless said.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// The baseline alone, on a free port, until it is ended.
    Bare,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            print!("{}", error.render());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("seiriken-bench: {}", error.to_string().lines().next().unwrap_or_default());
            return ExitCode::from(BAD_USE);
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("seiriken-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        // The server has the threads that the order service has.
        Command::Bare => {
            started(tokio::runtime::Builder::new_multi_thread())?.block_on(bare::serve())
        }
        Command::Orders { keys, seconds, rounds, connections, dir } => {
            let options = orders::Options {
                keys,
                length: Duration::from_secs(seconds),
                rounds: rounds.into(),
                connections: connections.into(),
                dir: existing(dir)?,
            };
            measured(orders::run(&options))
        }
        Command::Layout { keys, commits, rounds, dir } => {
            let (rounds, dir) = (rounds.into(), existing(dir)?);
            measured(layout::run(layout::Options { keys, commits, rounds, dir }))
        }
    }
}

/// Measures on one thread: the other cores are the server's. Ctrl-C drops the measurement, which
/// stops its servers and removes its files.
fn measured(benchmark: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = started(tokio::runtime::Builder::new_current_thread())?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = benchmark => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted")),
        }
    });
    // A thread that is in the middle of something is not waited for.
    runtime.shutdown_background();
    result
}

fn started(mut runtime: tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, Failure> {
    let built = runtime.enable_all().build();
    built.map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))
}

/// The folder that was asked for, made if it is not there; else the one this program lies in, which
/// belongs to cargo and is on the disk that one builds on.
fn existing(dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = match dir {
        Some(dir) => dir,
        None => std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.parent()?.to_owned()))
            .ok_or_else(|| Failure::new("this program does not know where it lies; use --dir"))?,
    };
    match std::fs::create_dir_all(&dir) {
        Ok(()) => Ok(dir),
        Err(error) => Err(Failure::new(format!("{}: {error}", dir.display()))),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_are_consistent() {
        Cli::command().debug_assert();
    }
}
