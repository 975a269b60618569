//! `seiriken-proof GATE`: runs one gate. `cargo xtask prove` builds it and runs them all.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use seiriken_proof::corpora;
use seiriken_proof::disk;
use seiriken_proof::effort::Effort;
use seiriken_proof::fleet;
use seiriken_proof::histories;
use seiriken_proof::kills;
use seiriken_proof::model;
use seiriken_proof::power;
use seiriken_proof::report::Report;
use seiriken_proof::sweep;

/// Runs one gate of the evidence and says what it found.
#[derive(Debug, Parser)]
#[command(name = "seiriken-proof")]
struct Cli {
    gate: Gate,
    /// Goes on for so long, instead of running the gate's set for every change
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Where random choices start
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Shows the history of this seed, event by event, instead
    #[arg(long, value_name = "SEED")]
    play: Option<u64>,
}

/// In the order in which they run: what a change breaks first comes first.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Gate {
    Model,
    Histories,
    #[cfg(seiriken_proof)]
    Mistakes,
    Sweep,
    Kills,
    Fleet,
    Power,
    Disk,
    Corpora,
}

fn main() -> ExitCode {
    let Cli { gate, minutes, seed, play } = Cli::parse();
    if let Some(seed) = play {
        return histories::show(seed);
    }
    run(gate, &Effort::new(minutes, seed)).end()
}

fn run(gate: Gate, effort: &Effort) -> Report {
    match gate {
        Gate::Histories => histories::run(effort),
        #[cfg(seiriken_proof)]
        Gate::Mistakes => seiriken_proof::mistakes::run(effort),
        Gate::Model => model::run(effort),
        Gate::Sweep => sweep::run(effort),
        Gate::Kills => kills::run(effort),
        Gate::Fleet => fleet::run(effort),
        Gate::Power => power::run(effort),
        Gate::Disk => disk::run(effort),
        Gate::Corpora => corpora::run(effort),
    }
}
