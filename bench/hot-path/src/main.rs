//! The hot path by itself: one operation so many times, which callgrind counts the instructions of
//! (`cargo xtask bench instructions`).

use clap::Parser;
use seiriken_hot_path::{ALL, HotPath};

/// The hot path, one operation at a time.
#[derive(Debug, Parser)]
enum Command {
    /// Names the operations, a line each.
    List,
    /// Does one operation so many times.
    Run {
        /// Which.
        operation: String,
        /// How many times.
        times: u32,
    },
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::List => ALL.iter().for_each(|path| println!("{path}")),
        Command::Run { operation, times } => repeat(&operation, times)?,
    }
    Ok(())
}

fn repeat(operation: &str, times: u32) -> anyhow::Result<()> {
    // Its timers are made and dropped; nobody waits for one.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let _inside = runtime.enter();
    let mut operation = HotPath::named(operation)?.prepared()?;
    (0..times).for_each(|_| operation());
    Ok(())
}
