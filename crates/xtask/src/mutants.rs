//! `cargo xtask campaign mutants`: code is changed in small ways, and a test has to fail each time.
//!
//! What is changed says `.cargo/mutants.toml`; which tests look first says [`passes`]. A mutant that no
//! test notices has *survived*. Each survivor is in `docs/survivors.md` with the reason why none can
//! notice it; one that is not there fails the campaign.
//!
//! ```text
//! passes     each part with its own tests, then what is left with all of them
//! results    what cargo-mutants has put down
//! survivors  the list, and what of it still holds
//! tree       copies of the commit, one for each core
//! ```

mod passes;
mod results;
mod survivors;
mod tree;

use std::{collections::BTreeSet, fs, path::Path, thread};

use clap::ValueEnum;

pub(crate) use self::passes::Part;
use self::{
    results::Results,
    survivors::{name, read},
    tree::Tree,
};
use crate::{
    command::{Command, Failure},
    ledger::{self, Entry},
};

/// Others make other mutants, and the list would not fit.
const VERSION: &str = "27.1.0";

const SURVIVORS: &str = "docs/survivors.md";

/// Makes the mutants of these parts, all where none is named; or those alone whose name fits a pattern.
pub(crate) fn run(root: &Path, only: Option<&str>, parts: &[Part]) -> Result<(), Failure> {
    if !Command::cargo(&["mutants", "--version"]).answers(root) {
        println!("cargo-mutants is missing; installing {VERSION}, which takes some minutes, once");
        let install = ["install", "cargo-mutants", "--locked", "--version", VERSION];
        Command::cargo(&install).run(root)?;
    }
    let commit = ledger::commit(root)?;
    let trees = Tree::all(root)?;
    let results = match only {
        Some(pattern) => {
            in_each(&trees, |tree| passes::with_all_tests(tree, &[pattern.to_owned()]))?
        }
        None if parts.is_empty() => in_parts(&trees, Part::value_variants())?,
        None => in_parts(&trees, parts)?,
    };
    if results.caught.is_empty() {
        let repeat = "cargo xtask campaign mutants";
        return Err(Failure::new("no mutant was caught: the tests did not run", repeat));
    }
    let parts = || parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ");
    let of = only.map_or_else(parts, |pattern| format!("`{pattern}`"));
    told(root, &commit, &of, &results)
}

/// Each part under its own tests; then, under all tests, what those have not noticed.
fn in_parts(trees: &[Tree], parts: &[Part]) -> Result<Results, Failure> {
    let mut results = in_each(trees, |tree| passes::parts(tree, parts))?;
    let left: Vec<String> = results.missed.iter().map(|mutant| passes::pattern(mutant)).collect();
    if !left.is_empty() {
        println!("{} are left for all tests", left.len());
        results.missed.clear();
        results.add(in_each(trees, |tree| passes::with_all_tests(tree, &left))?);
    }
    Ok(results)
}

fn in_each(
    trees: &[Tree],
    pass: impl Fn(&Tree) -> Result<Results, Failure> + Sync,
) -> Result<Results, Failure> {
    thread::scope(|scope| {
        let passes: Vec<_> = trees.iter().map(|tree| scope.spawn(|| pass(tree))).collect();
        passes.into_iter().try_fold(Results::default(), |mut all, pass| {
            all.add(pass.join().expect("a pass does not panic")?);
            Ok(all)
        })
    })
}

/// Holds the survivors to the list, and notes what came of it.
fn told(root: &Path, commit: &str, part: &str, results: &Results) -> Result<(), Failure> {
    let list = fs::read_to_string(root.join(SURVIVORS))
        .map_err(|error| Failure::new(format!("{SURVIVORS}: {error}"), SURVIVORS))?;
    let explained = read(&list);
    let survivors: BTreeSet<String> = results.missed.iter().map(|mutant| name(mutant)).collect();
    let findings: Vec<String> = survivors.difference(&explained).cloned().collect();
    if part.is_empty() {
        for killed in explained.difference(&survivors) {
            println!("{SURVIVORS} has one that is killed: {killed}");
        }
    }
    let of = if part.is_empty() { String::new() } else { format!(" of {part}") };
    let counts = format!(
        "{} caught{of}, {} survived and are explained, {} do not compile, {} run for ever",
        results.caught.len(),
        survivors.len() - findings.len(),
        results.unviable.len(),
        results.timeout.len()
    );
    println!("{counts}");
    ledger::note(root, commit, &Entry { campaign: "mutants", counts, findings: &findings })?;
    if findings.is_empty() {
        return Ok(());
    }
    let list = findings.join("\n  ");
    Err(Failure::new(format!("no test notices\n  {list}"), "cargo xtask campaign mutants"))
}
