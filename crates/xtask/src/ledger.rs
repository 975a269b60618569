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

/// What the campaign's runs have found, as it is written there.
pub(crate) fn findings(root: &Path, campaign: &str) -> Result<Vec<String>, Failure> {
    let ledger = fs::read_to_string(root.join(LEDGER))
        .map_err(|error| Failure::new(format!("{LEDGER}: {error}"), LEDGER))?;
    Ok(found(&ledger, campaign))
}

fn found(ledger: &str, campaign: &str) -> Vec<String> {
    let of_row = |row: &str| {
        let (_, cells) = row.split_once(&format!("| {campaign} | "))?;
        let (_, findings) = cells.strip_suffix(" |")?.split_once(" | ")?;
        Some(findings.split("<br>").map(|finding| finding.replace("\\|", "|")).collect::<Vec<_>>())
    };
    let all = ledger.lines().filter_map(of_row).flatten();
    all.filter(|finding| finding != "none").collect()
}

fn line(date: &str, commit: &str, entry: &Entry<'_>) -> String {
    let Entry { campaign, counts, findings } = entry;
    // A bar of its own would end the cell.
    let findings = findings.join("<br>").replace('|', "\\|");
    let findings = if findings.is_empty() { "none" } else { &findings };
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

    #[test]
    fn what_rows_have_found_is_read_again() {
        let findings = ["a.rs: replace | with ^ in f".to_owned(), "b.rs: delete !".to_owned()];
        let row = |campaign, findings| {
            let counts = "9 caught".to_owned();
            line("2026-01-02", "abc1234", &Entry { campaign, counts, findings })
        };
        let ledger = [row("mutants", &findings), row("mutants", &[]), row("guards", &findings)];
        assert!(ledger[0].contains(r"replace \| with ^"), "{ledger:?}");
        assert_eq!(found(&ledger.concat(), "mutants"), findings);
    }
}
