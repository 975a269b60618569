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
    if let Some(pattern) = only {
        let of = [pattern.to_owned()];
        let results = in_each(&trees, |tree| passes::with_all_tests(tree, &of))?;
        return told(root, &commit, &format!("`{pattern}`"), &results);
    }
    let parts = if parts.is_empty() { Part::value_variants() } else { parts };
    // A part whose row is written is not lost with those after it.
    let each = parts.iter().map(|&part| told(root, &commit, &part.name(), &in_part(&trees, part)?));
    each.fold(Ok(()), Result::and)
}

/// A part under its own tests; then, under all tests, what those have not noticed.
fn in_part(trees: &[Tree], part: Part) -> Result<Results, Failure> {
    let mut results = in_each(trees, |tree| passes::part(tree, part))?;
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
fn told(root: &Path, commit: &str, of: &str, results: &Results) -> Result<(), Failure> {
    if results.caught.is_empty() {
        let repeat = "cargo xtask campaign mutants";
        return Err(Failure::new("no mutant was caught: the tests did not run", repeat));
    }
    let list = fs::read_to_string(root.join(SURVIVORS))
        .map_err(|error| Failure::new(format!("{SURVIVORS}: {error}"), SURVIVORS))?;
    let explained = read(&list);
    let survivors: BTreeSet<String> = results.missed.iter().map(|mutant| name(mutant)).collect();
    let findings: Vec<String> = survivors.difference(&explained).cloned().collect();
    let killed: BTreeSet<String> = results.caught.iter().map(|mutant| name(mutant)).collect();
    // Some of its name, which has no line, are killed perhaps, and others are not.
    for killed in explained.intersection(&killed).filter(|name| !survivors.contains(*name)) {
        println!("{SURVIVORS} has one that is killed: {killed}");
    }
    let counts = format!(
        "{} caught of {of}, {} survived and are explained, {} do not compile, {} run for ever",
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
