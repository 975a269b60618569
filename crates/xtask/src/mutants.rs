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

use clap::{Args, ValueEnum};

use self::{
    passes::Part,
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

/// Which mutants are made.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// Make those alone whose name fits this, such as `record/codec.rs`
    #[arg(long, value_name = "REGEX", conflicts_with = "part")]
    only: Option<String>,
    /// Make those alone that earlier runs have found, and that docs/survivors.md does not explain
    #[arg(long, conflicts_with_all = ["only", "part"])]
    found: bool,
    /// Make those of these parts alone: each can have its own hour
    #[arg(long, value_name = "PART", num_args = 1.., value_delimiter = ',')]
    part: Vec<Part>,
}

/// Makes those that were chosen, or all.
pub(crate) fn run(root: &Path, chosen: &Chosen) -> Result<(), Failure> {
    if !Command::cargo(&["mutants", "--version"]).answers(root) {
        println!("cargo-mutants is missing; installing {VERSION}, which takes some minutes, once");
        let install = ["install", "cargo-mutants", "--locked", "--version", VERSION];
        Command::cargo(&install).run(root)?;
    }
    let commit = ledger::commit(root)?;
    let trees = Tree::all(root)?;
    let some = |patterns: &[String], of: &str| {
        let results = in_each(&trees, |tree| passes::with_all_tests(tree, patterns))?;
        told(root, &commit, of, &results)
    };
    if chosen.found {
        let found = found(root)?;
        if found.is_empty() {
            // Without a pattern, all would be made.
            println!("whatever was found has its reason in {SURVIVORS}");
            return Ok(());
        }
        return some(&found, "what was found before");
    }
    if let Some(pattern) = &chosen.only {
        return some(std::slice::from_ref(pattern), &format!("`{pattern}`"));
    }
    let parts = if chosen.part.is_empty() { Part::value_variants() } else { &chosen.part };
    // A part whose row is written is not lost with those after it.
    let each = parts.iter().map(|&part| told(root, &commit, &part.name(), &in_part(&trees, part)?));
    each.fold(Ok(()), Result::and)
}

/// Patterns of what the ledger has, and the list does not explain. What is no longer there fits none.
fn found(root: &Path) -> Result<Vec<String>, Failure> {
    let found: BTreeSet<String> = ledger::findings(root, "mutants")?.into_iter().collect();
    Ok(found.difference(&explained(root)?).map(|name| passes::pattern_of_name(name)).collect())
}

fn explained(root: &Path) -> Result<BTreeSet<String>, Failure> {
    let list = fs::read_to_string(root.join(SURVIVORS))
        .map_err(|error| Failure::new(format!("{SURVIVORS}: {error}"), SURVIVORS))?;
    Ok(read(&list))
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
    let explained = explained(root)?;
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
