//! `cargo xtask bench instructions`: what the hot path costs in instructions, beside the counts that
//! are committed. A growth is told and nothing fails by it: whether it is worth it, a person decides.
//!
//! Time wavers with whatever else the machine does; instructions do not. callgrind counts them as
//! it runs the operation so many times, and again twice as many times: the difference is that of
//! the operations alone, without the start of the program.
//!
//! ```text
//! callgrind  one run, and what it says
//! counts     what was counted, written down and compared
//! ```

mod callgrind;
mod counts;

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use self::{
    callgrind::Count,
    counts::{Counted, Counts},
};
use crate::{
    apt,
    command::{Command, Failure},
    target,
    tools::Tool,
};

const COMMITTED: &str = "docs/performance/instructions.json";
const AGAIN: &str = "cargo xtask bench instructions";

/// Enough that tables have grown a few times; more makes no difference.
const TIMES: u32 = 256;

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
    let committed = committed(root)?;
    let now = counted(root, &program(root)?)?;
    print!("{}", now.table(committed.as_ref()));
    for line in now.told(committed.as_ref()) {
        println!("{line}");
    }
    if options.write {
        fs::write(root.join(COMMITTED), now.to_json().map_err(|error| failed(&error))?)
            .map_err(|error| failed(&error))?;
        println!("written to {COMMITTED}");
    }
    Ok(())
}

/// As part of the step `bench`, also where there is no valgrind.
pub(crate) fn told(root: &Path) -> Result<(), Failure> {
    if is_there(root) {
        return run(root, Instructions::default());
    }
    println!("      instructions are not counted: {}", Tool::Valgrind.advice());
    Ok(())
}

/// Builds what is counted, as users build it, in a folder where the dependencies are built for others too.
pub(crate) fn build() -> Command {
    Command::cargo(&["build", "--profile", "proof", "--package", "seiriken-hot-path"])
}

fn program(root: &Path) -> Result<PathBuf, Failure> {
    build().run(root)?;
    Ok(target::folder(root)?.join("proof/hot-path"))
}

fn is_there(root: &Path) -> bool {
    if Tool::Valgrind.is_missing(root) && apt::is_there(root) {
        println!("valgrind is missing; installing the one of the distribution");
        // What came of it is asked below: without it there are no counts, and all else can go on.
        let _ = apt::install(root, &["valgrind"]);
    }
    !Tool::Valgrind.is_missing(root)
}

/// None where nothing has been written down yet.
fn committed(root: &Path) -> Result<Option<Counts>, Failure> {
    let file = root.join(COMMITTED);
    if !file.exists() {
        return Ok(None);
    }
    let json = fs::read_to_string(file).map_err(|error| failed(&error))?;
    Counts::from_json(&json).map_err(|error| failed(&error)).map(Some)
}

/// `program list` names the operations; `program run NAME TIMES` does one.
fn counted(root: &Path, program: &Path) -> Result<Counts, Failure> {
    let program = program.display().to_string();
    let names = Command::new(program.as_str(), &["list"]).read(root)?;
    let count = |name: &str| {
        let once = callgrind::count(root, &program, name, TIMES)?;
        let twice = callgrind::count(root, &program, name, 2 * TIMES)?;
        let count = each(once, twice)
            .ok_or_else(|| Failure::new(format!("{name}: less work took more"), AGAIN))?;
        Ok(Counted { name: name.to_owned(), count })
    };
    let operations = names.lines().map(count).collect::<Result<_, Failure>>()?;
    let version = Command::new("rustc", &["-vV"]).read(root)?;
    let said = |what: &str| {
        let line = version.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(": "));
        let nothing = || Failure::new("the compiler names no version", "rustc -vV");
        line.map(str::to_owned).ok_or_else(nothing)
    };
    Ok(Counts { compiler: said("release")?, target: said("host")?, operations })
}

/// What one operation costs. None where twice as many cost less.
fn each(once: Count, twice: Count) -> Option<Count> {
    let times = u64::from(TIMES);
    let each = |once: u64, twice: u64| Some((twice.checked_sub(once)? + times / 2) / times);
    Some(Count {
        instructions: each(once.instructions, twice.instructions)?,
        sha256: each(once.sha256, twice.sha256)?,
    })
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(format!("{COMMITTED}: {error}"), AGAIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_the_program_falls_out() {
        let (start, times) = (1_000_000, u64::from(TIMES));
        let after = |times| Count { instructions: start + 300 * times, sha256: 10 + 7 * times };
        let cost = each(after(times), after(2 * times));
        assert_eq!(cost, Some(Count { instructions: 300, sha256: 7 }));
        assert_eq!(each(after(2 * times), after(times)), None);
    }

    #[test]
    fn what_is_counted_is_built_where_the_evidence_is() {
        assert_eq!(build().to_string(), "cargo build --profile proof --package seiriken-hot-path");
    }
}
