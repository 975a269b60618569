//! Which tests look at which mutants. To build and run all of them for each mutant takes four times as
//! long, and nearly every mutant is noticed by the tests that stand next to it.

use std::{fs, path::Path};

use super::results::Results;
use crate::command::{Command, Failure};

/// A part of the code, and the tests that look at its mutants first.
pub(super) struct Part {
    name: &'static str,
    /// Of the names of mutants, which begin with their file.
    pattern: &'static str,
    tests: &'static [&'static str],
}

pub(super) const PARTS: &[Part] = &[
    Part {
        name: "record",
        pattern: "^crates/seiriken/src/record/",
        tests: &["--lib", "--test=transitions"],
    },
    Part { name: "store", pattern: "^crates/seiriken/src/store/", tests: STORE },
    Part {
        name: "engine",
        pattern: "^crates/seiriken/src/engine/",
        tests: &["--lib", "--test=engine", "--test=sweep"],
    },
    Part {
        name: "request",
        pattern: "^crates/seiriken/src/(fingerprint/|[a-z_]*[.]rs)",
        tests: &["--lib", "--test=dated_keys"],
    },
];

const STORE: &[&str] = &["--lib", "--test=conformance", "--test=sqlite"];

/// Tries the mutants of a part under the part's tests.
pub(super) fn part(tree: &Path, part: &Part) -> Result<Results, Failure> {
    println!("{}: under {}", part.name, part.tests.join(" "));
    pass(tree, part.name, &[part.pattern.to_owned()], part.tests)
}

/// Tries the mutants that fit one of the patterns under all tests of the library.
pub(super) fn with_all_tests(tree: &Path, patterns: &[String]) -> Result<Results, Failure> {
    println!("under all tests");
    pass(tree, "all", patterns, &["--lib", "--tests"])
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

fn pass(tree: &Path, name: &str, of: &[String], tests: &[&str]) -> Result<Results, Failure> {
    let output = format!("target/passes/{name}");
    fs::create_dir_all(tree.join(&output)).map_err(|error| {
        Failure::new(format!("{output}: {error}"), "cargo xtask campaign mutants")
    })?;
    // Built once, and copied for each of the jobs.
    let prepare = ["test", "--no-run", "--quiet", "--profile=mutants", "--package=seiriken"];
    let folder = tree.join("target").to_string_lossy().into_owned();
    let prepare = Command::cargo(&[&prepare, &["--all-features"][..], tests].concat());
    prepare.with("CARGO_TARGET_DIR", folder.as_str()).run(tree)?;
    let mut arguments =
        vec!["mutants", "--package=seiriken", "--copy-target=true", "--output", &output];
    arguments.extend(of.iter().flat_map(|pattern| ["--re", pattern]));
    arguments.push("--");
    arguments.extend(tests);
    let parent = tree.parent().unwrap_or(tree).to_string_lossy().into_owned();
    let mutate = Command::cargo(&arguments).with("TMPDIR", parent);
    // It ends with an error where one survived: what survived is in its results.
    let _ = mutate.run(tree);
    let results = tree.join(output).join("mutants.out");
    match Results::read(&results) {
        Ok(Some(results)) => Ok(results),
        Ok(None) => Err(Failure::new("not all mutants were tried", mutate.to_string())),
        Err(error) => Err(Failure::new(error.to_string(), mutate.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_the_name_and_nothing_else() {
        let mutant = "crates/seiriken/src/key.rs:104:9: replace || with && in run_end";
        let expected = r"^crates/seiriken/src/key\.rs:104:9: replace \|\| with \&\& in run_end$";
        assert_eq!(pattern(mutant), expected);
    }
}
