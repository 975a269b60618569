//! `cargo xtask bench instructions`: what the hot path costs in instructions, beside the counts that
//! are committed. A growth is told and nothing fails by it: whether it is worth it, a person decides.

use std::path::Path;

use clap::Args;

use crate::{
    apt,
    command::{Command, Failure},
    tools::Tool,
};

const COMMITTED: &str = "docs/performance/instructions.json";

/// How instructions are counted.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct Instructions {
    /// Write what was counted down, to be committed
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(root: &Path, options: Instructions) -> Result<(), Failure> {
    if !is_there(root) {
        let failure = Failure::new("nothing to count instructions with", "valgrind --version");
        return Err(failure.hinting(Tool::Valgrind.advice()));
    }
    command(options).run(root)
}

/// As part of the step `bench`, also where there is no valgrind.
pub(crate) fn told(root: &Path) -> Result<(), Failure> {
    if is_there(root) {
        return command(Instructions::default()).run(root);
    }
    println!("      instructions are not counted: {}", Tool::Valgrind.advice());
    Ok(())
}

fn is_there(root: &Path) -> bool {
    if Tool::Valgrind.is_missing(root) && apt::is_there(root) {
        println!("valgrind is missing; installing the one of the distribution");
        // What came of it is asked below: without it there are no counts, and all else can go on.
        let _ = apt::install(root, &["valgrind"]);
    }
    !Tool::Valgrind.is_missing(root)
}

fn command(Instructions { write }: Instructions) -> Command {
    let program = ["run", "--release", "--quiet", "--package", "seiriken-bench", "--bin"];
    let count = ["hot-path", "--", "count", "--committed", COMMITTED];
    let write: &[&str] = if write { &["--write"] } else { &[] };
    Command::cargo(&[&program[..], &count, write].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_down_only_when_that_is_asked_for() {
        let program = "cargo run --release --quiet --package seiriken-bench --bin hot-path -- ";
        let count = "count --committed docs/performance/instructions.json";
        for (write, option) in [(false, ""), (true, " --write")] {
            let shown = command(Instructions { write }).to_string();
            assert_eq!(shown, format!("{program}{count}{option}"));
        }
    }
}
