//! `cargo xtask campaign fuzz`: each target runs for some minutes, then its corpus is made small.
//!
//! What the targets check stands in `proof/src/fuzz`; `cargo xtask prove --only corpora` replays
//! their corpora without a fuzzer. No sanitizer is used: there is no unsafe code here to watch, and
//! without one the stable compiler builds the targets.
//!
//! ```text
//! output  what the fuzzer says in the end
//! ```

mod output;

use std::{fs, path::Path};

use clap::ValueEnum;

use self::output::Output;
use crate::{
    command::{Command, Failure},
    ledger::{self, Entry},
};

/// Older and newer ones may read `fuzz/Cargo.toml` differently.
const VERSION: &str = "0.13.2";

/// Longer inputs find no more and take longer: the longest key has 255 characters, 510 with escapes.
const LENGTH_MAX: &str = "-max_len=600";

/// What is fuzzed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Target {
    /// The key's field, beside another parser
    KeyField,
    /// Fingerprints of JSON, beside exact values
    Fingerprint,
    /// A record as bytes
    RecordCodec,
    /// Verbs on both stores, beside the transition function
    Operations,
    /// What the client reads of an answer, and makes of it
    RetryAfter,
}

/// Runs the chosen targets, or all when none is chosen, and notes what they found.
pub(crate) fn run(root: &Path, minutes: u64, only: &[Target]) -> Result<(), Failure> {
    if !Command::cargo(&["fuzz", "--version"]).answers(root) {
        println!("cargo-fuzz is missing; installing {VERSION}, which takes some minutes, once");
        Command::cargo(&["install", "cargo-fuzz", "--locked", "--version", VERSION]).run(root)?;
    }
    // While it runs, the tree may go on to another commit.
    let commit = ledger::commit(root)?;
    cargo_fuzz("build", &[]).run(root)?;
    let (mut counts, mut findings) = (Vec::new(), Vec::new());
    for target in Target::value_variants() {
        if only.is_empty() || only.contains(target) {
            let output = target.fuzz(root, minutes)?;
            println!("{}: {output}", target.name());
            if let Some(finding) = &output.finding {
                println!("      {finding}");
            }
            counts.push(format!("{}: {output}", target.name()));
            findings.extend(output.finding.map(|finding| format!("{}: {finding}", target.name())));
            target.minimise(root)?;
        }
    }
    let counts = format!("{} ({minutes} min each)", counts.join("; "));
    ledger::note(root, &commit, &Entry { campaign: "fuzz", counts, findings: &findings })?;
    match findings.first() {
        None => Ok(()),
        Some(finding) => Err(Failure::new(finding, "cargo xtask campaign fuzz")),
    }
}

fn cargo_fuzz(verb: &str, arguments: &[&str]) -> Command {
    let build = ["fuzz", verb, "--sanitizer", "none", "--codegen-units", "16"];
    Command::cargo(&[&build[..], arguments].concat())
}

// === impl Target ===

impl Target {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn corpus(self) -> String {
        format!("fuzz/corpus/{}", self.name())
    }

    fn fuzz(self, root: &Path, minutes: u64) -> Result<Output, Failure> {
        let (name, corpus) = (self.name(), self.corpus());
        let seeds = format!("fuzz/seeds/{name}");
        let time = format!("-max_total_time={}", minutes * 60);
        let options = ["--", &time, LENGTH_MAX, "-print_final_stats=1", "-timeout=20"];
        let command = cargo_fuzz("run", &[&[&*name, &corpus, &seeds], &options[..]].concat());
        println!("      $ {command}");
        // What it found goes into the ledger, which knows no machine's paths.
        let said = command.read_err(root)?.replace(&format!("{}/", root.display()), "");
        Output::read(&said).ok_or_else(|| {
            let last: Vec<&str> = said.lines().rev().take(20).collect();
            Failure::new(last.into_iter().rev().collect::<Vec<_>>().join("\n"), command.to_string())
        })
    }

    /// Keeps the smallest inputs that together reach all code that the corpus reaches. How often they
    /// reach it is not looked at: that would keep five times as many.
    fn minimise(self, root: &Path) -> Result<(), Failure> {
        let (name, corpus) = (self.name(), self.corpus());
        let smaller = format!("fuzz/artifacts/{name}-corpus");
        let failed = |error: std::io::Error| Failure::new(format!("{smaller}: {error}"), &*corpus);
        // It is left over when an earlier run was ended half-way.
        let _ = fs::remove_dir_all(root.join(&smaller));
        fs::create_dir_all(root.join(&smaller)).map_err(failed)?;
        let merge = ["--", "-set_cover_merge=1", "-use_counters=0", LENGTH_MAX];
        let command = cargo_fuzz("run", &[&[&*name, &smaller, &corpus], &merge[..]].concat());
        println!("      $ {command}");
        command.read(root)?;
        fs::remove_dir_all(root.join(&corpus)).map_err(failed)?;
        fs::rename(root.join(&smaller), root.join(&corpus)).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_program_and_inputs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
        let programs = fs::read_dir(root.join("fuzz/fuzz_targets")).unwrap().count();
        assert_eq!(programs, Target::value_variants().len());
        for target in Target::value_variants() {
            let name = target.name();
            let program = format!("fuzz_targets/{name}.rs");
            assert!(manifest.contains(&format!("path = \"{program}\"")), "{name}");
            let program = fs::read_to_string(root.join("fuzz").join(program)).unwrap();
            assert!(program.contains(&format!("fuzz::{name}::check(data)")), "{name}");
            for folder in ["seeds", "corpus"] {
                let inputs = fs::read_dir(root.join("fuzz").join(folder).join(&name)).unwrap();
                assert!(inputs.count() > 0, "{name}");
            }
        }
    }
}
