//! `seiriken-proof GATE`: runs one gate. `cargo xtask prove` builds it and runs them all.

use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use seiriken_proof::corpora;
use seiriken_proof::effort::Effort;
use seiriken_proof::report::Report;

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
}

/// In the order in which they run: what a change breaks first comes first.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Gate {
    Model,
    Corpora,
}

fn main() -> ExitCode {
    let Cli { gate, minutes, seed } = Cli::parse();
    run(gate, &Effort::new(minutes, seed)).end()
}

fn run(gate: Gate, effort: &Effort) -> Report {
    match gate {
        Gate::Model => Report::new("model"),
        Gate::Corpora => corpora::run(effort),
    }
}
