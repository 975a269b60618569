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
//! ```

mod passes;
mod results;
mod survivors;

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use self::{
    passes::PARTS,
    results::Results,
    survivors::{name, read},
};
use crate::{
    command::{Command, Failure},
    ledger::{self, Entry},
};

/// Others make other mutants, and the list would not fit.
const VERSION: &str = "27.1.0";

const SURVIVORS: &str = "docs/survivors.md";

/// Makes all mutants of the configuration, or those alone whose name fits a pattern.
pub(crate) fn run(root: &Path, only: Option<&str>) -> Result<(), Failure> {
    if !Command::cargo(&["mutants", "--version"]).answers(root) {
        println!("cargo-mutants is missing; installing {VERSION}, which takes some minutes, once");
        let install = ["install", "cargo-mutants", "--locked", "--version", VERSION];
        Command::cargo(&install).run(root)?;
    }
    let commit = ledger::commit(root)?;
    let tree = Tree::of(root)?;
    let results = match only {
        Some(pattern) => passes::with_all_tests(&tree.0, &[pattern.to_owned()])?,
        None => all_parts(&tree.0)?,
    };
    if results.caught.is_empty() {
        let repeat = "cargo xtask campaign mutants";
        return Err(Failure::new("no mutant was caught: the tests did not run", repeat));
    }
    told(root, &commit, only, &results)
}

/// Each part under its own tests; then, under all tests, what those have not noticed.
fn all_parts(tree: &Path) -> Result<Results, Failure> {
    let mut results = Results::default();
    for part in PARTS {
        results.add(passes::part(tree, part)?);
    }
    let left: Vec<String> = results.missed.iter().map(|mutant| passes::pattern(mutant)).collect();
    if !left.is_empty() {
        results.missed.clear();
        results.add(passes::with_all_tests(tree, &left)?);
    }
    Ok(results)
}

/// Holds the survivors to the list, and notes what came of it.
fn told(root: &Path, commit: &str, only: Option<&str>, results: &Results) -> Result<(), Failure> {
    let list = fs::read_to_string(root.join(SURVIVORS))
        .map_err(|error| Failure::new(format!("{SURVIVORS}: {error}"), SURVIVORS))?;
    let explained = read(&list);
    let survivors: BTreeSet<String> = results.missed.iter().map(|mutant| name(mutant)).collect();
    let findings: Vec<String> = survivors.difference(&explained).cloned().collect();
    if only.is_none() {
        for killed in explained.difference(&survivors) {
            println!("{SURVIVORS} has one that is killed: {killed}");
        }
    }
    let of = only.map(|pattern| format!(" of `{pattern}`")).unwrap_or_default();
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

/// A copy of the commit, where it can be changed: the work may go on meanwhile. In memory, where there
/// is a folder for that: the stores' tests sync files again and again.
struct Tree(PathBuf);

impl Tree {
    fn of(root: &Path) -> Result<Self, Failure> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        let tree = parent.join(format!("seiriken-mutants-{}", std::process::id()));
        let path = tree.to_string_lossy().into_owned();
        Command::new("git", &["clone", "--quiet", ".", &path]).run(root)?;
        Ok(Self(tree))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
