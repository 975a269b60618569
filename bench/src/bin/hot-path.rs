//! The hot path by itself: one operation so many times, which callgrind counts the instructions of,
//! and the program behind `cargo xtask bench instructions`, which starts itself under callgrind.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use seiriken_bench::Failure;
use seiriken_bench::hot_path::HotPath;
use seiriken_bench::instructions::{self, Options};

/// The hot path, one operation at a time.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Does one operation so many times.
    Run {
        /// Which.
        operation: String,
        /// How many times.
        times: u32,
    },
    /// Counts the instructions of all of them, with valgrind.
    Count {
        /// The counts to compare with.
        #[arg(long)]
        committed: PathBuf,
        /// Writes there what was counted.
        #[arg(long)]
        write: bool,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("hot-path: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Run { operation, times } => repeat(&operation, times),
        Command::Count { committed, write } => {
            let program = std::env::current_exe();
            let program = program.map_err(|error| Failure::new(format!("finding us: {error}")))?;
            instructions::run(&program, Options { file: &committed, write })
        }
    }
}

fn repeat(operation: &str, times: u32) -> Result<(), Failure> {
    // Its timers are made and dropped; nobody waits for one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| Failure::new(format!("starting: {error}")))?;
    let _inside = runtime.enter();
    let mut operation = HotPath::named(operation)?.prepared()?;
    (0..times).for_each(|_| operation());
    Ok(())
}
