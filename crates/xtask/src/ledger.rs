//! A line in `docs/ledger.md` for each full run.

use std::{fs, path::Path};

use crate::command::{Command, Failure};

const LEDGER: &str = "docs/ledger.md";

/// What a campaign has done, to be kept.
#[derive(Debug)]
pub(crate) struct Entry<'e> {
    pub(crate) campaign: &'e str,
    /// How many of what, and from which seed.
    pub(crate) counts: String,
    pub(crate) findings: &'e [String],
}

/// The commit that is checked out, and whether the tree is still it.
pub(crate) fn commit(root: &Path) -> Result<String, Failure> {
    let trusted = format!("safe.directory={}", root.display());
    let describe = ["-c", &trusted, "describe", "--always", "--dirty", "--exclude", "*"];
    Ok(Command::new("git", &describe).read(root)?.trim().to_owned())
}

pub(crate) fn note(root: &Path, commit: &str, entry: &Entry<'_>) -> Result<(), Failure> {
    let date = Command::new("date", &["-u", "+%Y-%m-%d"]).read(root)?;
    let failed = |error: std::io::Error| {
        let repeat = format!("cargo xtask campaign {}", entry.campaign);
        Failure::new(format!("{LEDGER}: {error}"), repeat)
    };
    let mut ledger = fs::read_to_string(root.join(LEDGER)).map_err(failed)?;
    ledger.push_str(&line(date.trim(), commit, entry));
    fs::write(root.join(LEDGER), ledger).map_err(failed)
}

fn line(date: &str, commit: &str, entry: &Entry<'_>) -> String {
    let Entry { campaign, counts, findings } = entry;
    let findings = if findings.is_empty() { "none".to_owned() } else { findings.join("<br>") };
    format!("| {date} | {commit} | {campaign} | {counts} | {findings} |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_one_row_of_a_table() {
        let counts = || "2 guards, 5 tests".to_owned();
        assert_eq!(
            line(
                "2026-01-02",
                "abc1234",
                &Entry { campaign: "guards", counts: counts(), findings: &[] }
            ),
            "| 2026-01-02 | abc1234 | guards | 2 guards, 5 tests | none |\n"
        );
        let findings = ["one".to_owned(), "two".to_owned()];
        let entry = Entry { campaign: "guards", counts: counts(), findings: &findings };
        assert!(line("", "", &entry).ends_with("| one<br>two |\n"));
    }
}
