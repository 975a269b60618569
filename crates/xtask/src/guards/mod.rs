//! `cargo xtask campaign guards`: does a test fail when its guard is taken out?
//!
//! `guards.toml` says for each row of `docs/field-bugs.md` which code keeps the bug away and what
//! the code looks like without it. In a copy of the tree, one guard after another is taken out,
//! and the tests that the row names are run: each has to fail at least once. A test that passes
//! either way has *survived*, and fails the campaign, as does a guard whose text is no longer
//! found.
//!
//! ```text
//! table   the rows, the guards, and what one says of the other
//! copy    the copy of the tree, and the edits in it
//! trial   builds and runs the named tests of the copy
//! output  what a test program's output says of each test
//! ```

mod copy;
mod output;
mod table;
mod trial;

use std::{fs, path::Path};

use self::{
    copy::Copy,
    output::Verdict,
    table::{Guard, Table},
    trial::Built,
};
use crate::{
    command::Failure,
    databases,
    ledger::{self, Entry},
};

const FIELD_BUGS: &str = "docs/field-bugs.md";
const GUARDS: &str = "crates/xtask/guards.toml";

/// What became of the guards.
#[derive(Debug, Default)]
struct Tally {
    guards: usize,
    tests: usize,
    findings: Vec<String>,
}

pub(crate) fn run(root: &Path, only: Option<&str>) -> Result<(), Failure> {
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).map_err(|error| failure(format!("{path}: {error}")))
    };
    let table = Table::read(&read(FIELD_BUGS)?, &read(GUARDS)?).map_err(failure)?;
    // The order service is tested on each of them.
    databases::installed(root)?;
    // While it runs, the tree may go on to another commit.
    let commit = ledger::commit(root)?;
    let copy = Copy::make(root)?;
    let guards: Vec<&Guard> = table.guards.iter().filter(|guard| guard.is_meant(only)).collect();
    for guard in &guards {
        copy.without(guard).map_err(failure)?;
    }
    println!("with every guard in its place:");
    let mut tally = Tally::default();
    for (name, verdict) in trial(&copy, &guards)? {
        if verdict != Verdict::Passed {
            return Err(failure(format!("{name}: {verdict} with every guard in its place")));
        }
    }
    for (number, guard) in guards.iter().enumerate() {
        println!("[{}/{}] without: {}", number + 1, guards.len(), guard.name);
        tally.add(guard, take_out(&copy, guard));
    }
    println!("{tally}");
    if only.is_none() {
        let counts = format!("{} guards, {} tests", tally.guards, tally.tests);
        let entry = Entry { campaign: "guards", counts, findings: &tally.findings };
        ledger::note(root, &commit, &entry)?;
    }
    if tally.findings.is_empty() {
        Ok(())
    } else {
        Err(failure("a test does not fail without its guard"))
    }
}

/// Runs a guard's tests without it.
fn take_out(copy: &Copy, guard: &Guard) -> Result<Vec<(String, Verdict)>, Failure> {
    let files = copy.without(guard).map_err(failure)?;
    copy.write(&files)?;
    let verdicts = trial(copy, &[guard]);
    copy.restore(&files)?;
    verdicts
}

fn trial(copy: &Copy, guards: &[&Guard]) -> Result<Vec<(String, Verdict)>, Failure> {
    let mut tests: Vec<_> = guards.iter().flat_map(|guard| &guard.tests).cloned().collect();
    tests.sort();
    tests.dedup();
    let built = Built::build(copy, &tests)?;
    let verdicts = built.run(copy, &tests)?;
    for (name, verdict) in &verdicts {
        println!("      {verdict}: {name}");
    }
    Ok(verdicts)
}

// === impl Tally ===

impl Tally {
    fn add(&mut self, guard: &Guard, verdicts: Result<Vec<(String, Verdict)>, Failure>) {
        self.guards += 1;
        match verdicts {
            Ok(verdicts) => {
                for (test, verdict) in verdicts {
                    self.tests += 1;
                    if verdict != Verdict::Failed {
                        self.findings.push(format!("`{test}` {verdict} without: {}", guard.name));
                    }
                }
            }
            Err(failure) => {
                println!("{failure}");
                self.findings.push(format!("does not compile without: {}", guard.name));
            }
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let killed = self.tests.saturating_sub(self.findings.len());
        write!(f, "{} guards taken out, {} tests run, {killed} failed", self.guards, self.tests)?;
        self.findings.iter().try_for_each(|finding| write!(f, "\nfinding: {finding}"))
    }
}

fn failure(reason: impl Into<String>) -> Failure {
    Failure::new(reason, "cargo xtask campaign guards")
}
