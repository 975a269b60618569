//! `seiriken-proof-writes FOLDER SEED NUMBER`: the process whose writes the gate `power` records.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use seiriken_proof::power;

/// Uses a store in a folder, for the gate `power` to record what it writes.
#[derive(Debug, Parser)]
struct Cli {
    folder: PathBuf,
    seed: u64,
    /// Which of the processes that follow each other: the first is 1
    number: u64,
}

fn main() -> ExitCode {
    let Cli { folder, seed, number } = Cli::parse();
    match power::write(&folder, seed, number) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
