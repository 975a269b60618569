//! Which tests look at which mutants. To build and run all of them for each mutant takes four times as
//! long, and nearly every mutant is noticed by the tests that stand next to it.

use std::fs;

use clap::ValueEnum;

use super::{results::Results, tree::Tree};
use crate::command::Failure;

/// A part of the code. Each has tests that look at its mutants first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// The key record and its transitions
    Record,
    /// The stores: their contract, the one in memory, what they share
    Store,
    /// The store on SQLite: its index in memory, and how that comes back at the start
    Index,
    /// The store on SQLite: what reads and writes its rows
    Rows,
    /// The engine
    Engine,
    /// What a request says: key, identity, fingerprint, scope
    Request,
}

impl Part {
    /// Of the names of mutants, which begin with their file.
    fn pattern(self) -> String {
        let of_sqlite = |files: &[&str]| format!("store/sqlite/({})[./]", files.join("|"));
        let files = match self {
            Self::Record => "record/".to_owned(),
            Self::Store => "store/[a-z_]*[.]rs".to_owned(),
            Self::Index => of_sqlite(INDEX),
            Self::Rows => of_sqlite(ROWS),
            Self::Engine => "engine/".to_owned(),
            Self::Request => "(fingerprint/|[a-z_]*[.]rs)".to_owned(),
        };
        format!("^crates/seiriken/src/{files}")
    }

    fn tests(self) -> &'static [&'static str] {
        match self {
            Self::Record => &["--lib", "--test=transitions"],
            Self::Store | Self::Index | Self::Rows => {
                &["--lib", "--test=conformance", "--test=faulty", "--test=sqlite", "--test=sweep"]
            }
            Self::Engine => {
                &["--lib", "--test=engine", "--test=layer", "--test=regressions", "--test=sweep"]
            }
            Self::Request => &["--lib", "--test=dated_keys"],
        }
    }

    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}

/// Of the folder `store/sqlite`.
const INDEX: &[&str] = &["compact", "expiries", "index", "recent", "scan", "snapshot"];
const ROWS: &[&str] = &[
    "acknowledge",
    "commit",
    "error",
    "file_lock",
    "group",
    "issuing",
    "mod",
    "operate",
    "reader",
    "rows",
    "schema",
    "sweep",
    "tokens",
    "tx",
    "verb",
    "writer",
];

/// Each of them takes seconds. They look only at what the others have not noticed.
const SLOW: &[&str] = &[
    "defective::every_defect_is_found_by_the_clause_that_is_about_it",
    "explore::an_effect_in_the_records_transaction_happens_once",
    "explore::an_effect_that_is_deduplicated_by_key_happens_once",
    "of_several_rows_of_one_key_the_latest_counts_whoever_reads_it_first",
];

/// All tests of the library but those in its documentation, which are slow and test the same, and those
/// that start databases: what they test is not changed here.
pub(super) const ALL: &[&str] = &[
    "--lib",
    "--test=conformance",
    "--test=dated_keys",
    "--test=engine",
    "--test=faulty",
    "--test=ignored_members",
    "--test=layer",
    "--test=regressions",
    "--test=sqlite",
    "--test=sqlite_process",
    "--test=sweep",
    "--test=transitions",
];

/// Tries a tree's share of the mutants of a part, under the tests that stand next to them.
pub(super) fn part(tree: &Tree, part: Part) -> Result<Results, Failure> {
    let look = Look { tests: part.tests(), without: SLOW, seconds: "25" };
    pass(tree, &part.name(), &[part.pattern()], &look)
}

/// Tries a tree's share of the mutants that fit one of the patterns, under all tests. They take a
/// minute, and more where the machine has something else to do: who takes much longer never ends.
pub(super) fn with_all_tests(tree: &Tree, patterns: &[String]) -> Result<Results, Failure> {
    pass(tree, "all", patterns, &Look { tests: ALL, without: &[], seconds: "300" })
}

/// With which tests a mutant is looked at.
struct Look<'l> {
    tests: &'l [&'l str],
    without: &'l [&'l str],
    /// What takes longer runs for ever.
    seconds: &'l str,
}

/// A pattern that the name of this mutant alone fits.
pub(super) fn pattern(mutant: &str) -> String {
    let mut pattern = String::from("^");
    for c in mutant.chars() {
        if r"\.+*?()|[]{}^$#&-~".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('$');
    pattern
}

/// A pattern that fits the mutants of this name, on whatever line they are.
pub(super) fn pattern_of_name(name: &str) -> String {
    pattern(name).replacen(r"\.rs: ", r"\.rs:\d+:\d+: ", 1)
}

fn pass(tree: &Tree, name: &str, of: &[String], look: &Look<'_>) -> Result<Results, Failure> {
    let output = format!("target/passes/{name}");
    fs::create_dir_all(tree.folder.join(&output)).map_err(|error| {
        Failure::new(format!("{output}: {error}"), "cargo xtask campaign mutants")
    })?;
    let shard = tree.share();
    let mut arguments = vec!["mutants", "--package=seiriken", "--in-place", "--baseline=skip"];
    arguments.extend(["--timeout", look.seconds, "--shard", &shard, "--sharding=round-robin"]);
    arguments.extend(["--output", &output]);
    arguments.extend(of.iter().flat_map(|pattern| ["--re", pattern]));
    // Behind `--` they would hold for running alone, and all tests would be built each time.
    let tests: Vec<String> = look.tests.iter().map(|test| format!("--cargo-arg={test}")).collect();
    arguments.extend(tests.iter().map(String::as_str));
    arguments.extend(["--", "--"]);
    arguments.extend(look.without.iter().flat_map(|test| ["--skip", test]));
    let mutate = tree.cargo(&arguments);
    // It ends with an error where one survived: what survived is in its results.
    let _ = mutate.run(&tree.folder);
    match Results::read(&tree.folder.join(output).join("mutants.out")) {
        Ok(Some(results)) => Ok(results),
        Ok(None) => Err(Failure::new("not all mutants were tried", mutate.to_string())),
        Err(error) => Err(Failure::new(error.to_string(), mutate.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    #[test]
    fn a_pattern_is_the_name_and_nothing_else() {
        let mutant = "crates/seiriken/src/key.rs:104:9: replace || with && in run_end";
        let expected = r"^crates/seiriken/src/key\.rs:104:9: replace \|\| with \&\& in run_end$";
        assert_eq!(pattern(mutant), expected);
        let name = "crates/seiriken/src/key.rs: replace || with && in run_end";
        let expected = r"^crates/seiriken/src/key\.rs:\d+:\d+: replace \|\| with \&\& in run_end$";
        assert_eq!(pattern_of_name(name), expected);
    }

    /// One that belongs to no part would have no mutants, and nobody would notice.
    #[test]
    fn each_file_of_the_store_on_sqlite_belongs_to_one_part() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seiriken/src/store/sqlite");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let names = entries.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        // No mutants are made of what makes commits fail.
        let there: BTreeSet<_> = names.filter(|name| name != "commit_faults").collect();
        let parts = INDEX.iter().chain(ROWS).map(|name| (*name).to_owned());
        assert_eq!(parts.clone().collect::<BTreeSet<_>>(), there);
        assert_eq!(parts.count(), there.len(), "one is in both");
    }
}
