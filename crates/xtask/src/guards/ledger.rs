//! A line in `docs/ledger.md` for each full run.

use std::{fs, path::Path};

use super::{Tally, failure};
use crate::command::{Command, Failure};

const LEDGER: &str = "docs/ledger.md";

/// The commit that is checked out, and whether the tree is still it.
pub(super) fn commit(root: &Path) -> Result<String, Failure> {
    let trusted = format!("safe.directory={}", root.display());
    let describe = ["-c", &trusted, "describe", "--always", "--dirty", "--exclude", "*"];
    Ok(Command::new("git", &describe).read(root)?.trim().to_owned())
}

pub(super) fn note(root: &Path, commit: &str, tally: &Tally) -> Result<(), Failure> {
    let date = Command::new("date", &["-u", "+%Y-%m-%d"]).read(root)?;
    let failed = |error: std::io::Error| failure(format!("{LEDGER}: {error}"));
    let mut ledger = fs::read_to_string(root.join(LEDGER)).map_err(failed)?;
    ledger.push_str(&line(date.trim(), commit, tally));
    fs::write(root.join(LEDGER), ledger).map_err(failed)
}

fn line(date: &str, commit: &str, tally: &Tally) -> String {
    let Tally { guards, tests, findings } = tally;
    let findings = if findings.is_empty() { "none".to_owned() } else { findings.join("<br>") };
    format!("| {date} | {commit} | guards | {guards} guards, {tests} tests | {findings} |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_one_row_of_a_table() {
        let mut tally = Tally { guards: 2, tests: 5, findings: Vec::new() };
        assert_eq!(
            line("2026-01-02", "abc1234", &tally),
            "| 2026-01-02 | abc1234 | guards | 2 guards, 5 tests | none |\n"
        );
        tally.findings = vec!["one".into(), "two".into()];
        assert!(line("", "", &tally).ends_with("| one<br>two |\n"));
    }
}
