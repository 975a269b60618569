//! `cargo xtask campaign mutants`: code is changed in small ways, and a test has to fail each time.
//!
//! What is changed, and which tests run, says `.cargo/mutants.toml`. A mutant that no test notices
//! has *survived*. Each survivor is in `docs/survivors.md` with the reason why none can notice it;
//! one that is not there fails the campaign.
//!
//! ```text
//! survivors  the list, and what of it still holds
//! ```

mod survivors;

use std::{collections::BTreeSet, fs, io, path::Path};

use self::survivors::{name, read};
use crate::{
    command::{Command, Failure},
    ledger::{self, Entry},
};

/// Others make other mutants, and the list would not fit.
const VERSION: &str = "27.1.0";

const SURVIVORS: &str = "docs/survivors.md";

/// Where cargo-mutants puts its results.
const RESULTS: &str = "mutants.out";

/// Makes all mutants of the configuration, or those alone whose name fits a pattern.
pub(crate) fn run(root: &Path, only: Option<&str>) -> Result<(), Failure> {
    if !Command::cargo(&["mutants", "--version"]).answers(root) {
        println!("cargo-mutants is missing; installing {VERSION}, which takes some minutes, once");
        let install = ["install", "cargo-mutants", "--locked", "--version", VERSION];
        Command::cargo(&install).run(root)?;
    }
    // While it runs, the tree may go on to another commit.
    let commit = ledger::commit(root)?;
    let chosen: Vec<&str> = only.iter().flat_map(|pattern| ["--re", pattern]).collect();
    let _ = fs::remove_dir_all(root.join(RESULTS));
    let mutate = Command::cargo(&[&["mutants", "--package", "seiriken"], &chosen[..]].concat());
    // In memory, where there is a folder for that: the stores' tests sync files again and again.
    let memory = "/dev/shm";
    let mutate = if Path::new(memory).is_dir() { mutate.with("TMPDIR", memory) } else { mutate };
    // It ends with an error where one survived: what survived is in its results.
    let _ = mutate.run(root);
    let results = Results::read(root)
        .map_err(|error| Failure::new(format!("{RESULTS}: {error}"), mutate.to_string()))?;
    let (made, tried) = (results.made, results.tried());
    if tried < made || results.caught == 0 {
        let reason = format!("{tried} of {made} mutants were tried");
        return Err(Failure::new(reason, mutate.to_string()));
    }
    let list = fs::read_to_string(root.join(SURVIVORS))
        .map_err(|error| Failure::new(format!("{SURVIVORS}: {error}"), SURVIVORS))?;
    let explained = read(&list);
    let survivors = &results.survivors;
    let findings: Vec<String> = survivors.difference(&explained).cloned().collect();
    if only.is_none() {
        for killed in explained.difference(survivors) {
            println!("{SURVIVORS} has one that is killed: {killed}");
        }
    }
    let of = only.map(|pattern| format!(" of `{pattern}`")).unwrap_or_default();
    let counts = format!(
        "{} caught{of}, {} survived and are explained, {} do not compile, {} run for ever",
        results.caught,
        survivors.len() - findings.len(),
        results.unviable,
        results.timeout
    );
    println!("{counts}");
    ledger::note(root, &commit, &Entry { campaign: "mutants", counts, findings: &findings })?;
    if findings.is_empty() {
        return Ok(());
    }
    let list = findings.join("\n  ");
    Err(Failure::new(format!("no test notices\n  {list}"), mutate.to_string()))
}

/// What cargo-mutants has put down.
struct Results {
    made: usize,
    caught: usize,
    missed: usize,
    unviable: usize,
    timeout: usize,
    survivors: BTreeSet<String>,
}

impl Results {
    fn read(root: &Path) -> io::Result<Self> {
        let text = |file: &str| fs::read_to_string(root.join(RESULTS).join(file));
        let lines = |file: &str| Ok::<_, io::Error>(text(file)?.lines().count());
        let made: Vec<serde_json::Value> = serde_json::from_str(&text("mutants.json")?)?;
        Ok(Self {
            made: made.len(),
            caught: lines("caught.txt")?,
            missed: lines("missed.txt")?,
            unviable: lines("unviable.txt")?,
            timeout: lines("timeout.txt")?,
            survivors: text("missed.txt")?.lines().map(name).collect(),
        })
    }

    /// Fewer than were made: it was ended half-way.
    fn tried(&self) -> usize {
        self.caught + self.missed + self.unviable + self.timeout
    }
}
