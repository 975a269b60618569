//! What a gate says in the end, as the program prints it.

use std::fmt;

use serde::Deserialize;

/// The last line that a gate prints on standard output.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    gate: String,
    counts: Vec<Count>,
    seed: Option<u64>,
    findings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Count {
    what: String,
    #[serde(rename = "count")]
    number: u64,
    minimum: u64,
}

impl Report {
    /// Of a gate that is no part of the program: what, how many, how many at least.
    pub(super) fn new(
        gate: &str,
        counts: &[(&str, u64, u64)],
        seed: u64,
        findings: Vec<String>,
    ) -> Self {
        let count = |&(what, number, minimum): &(&str, u64, u64)| {
            let what = what.to_owned();
            Count { what, number, minimum }
        };
        let counts = counts.iter().map(count).collect();
        Self { gate: gate.to_owned(), counts, seed: Some(seed), findings }
    }

    pub(super) fn read(output: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(output.lines().last().unwrap_or_default())
    }

    pub(super) fn findings(&self) -> &[String] {
        &self.findings
    }

    pub(super) fn holds(&self) -> bool {
        self.findings.is_empty() && self.counts.iter().all(|count| count.number >= count.minimum)
    }

    /// How many of what, and from which seed.
    pub(super) fn counts(&self) -> String {
        let counts: Vec<String> =
            self.counts.iter().map(|count| format!("{} {}", count.number, count.what)).collect();
        let seed = self.seed.map(|seed| format!(", seed {seed}")).unwrap_or_default();
        counts.join(", ") + &seed
    }
}

/// One line: what, how many, minimum, seed, verdict.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<10} {:<6}", self.gate, if self.holds() { "holds" } else { "FAILS" })?;
        for (place, Count { what, number: count, minimum }) in self.counts.iter().enumerate() {
            write!(f, "{} {count} {what} (min {minimum})", if place == 0 { "" } else { "," })?;
        }
        self.seed.iter().try_for_each(|seed| write!(f, ", seed {seed}"))?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n           {finding}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = r#"{"gate":"model","counts":[{"what":"states","count":9,"minimum":10}],"seed":3,"findings":[]}"#;

    #[test]
    fn a_report_is_one_line() {
        let report = Report::read(&format!("progress\n{MODEL}\n")).unwrap();
        assert_eq!(report.to_string(), "model      FAILS  9 states (min 10), seed 3");
        assert_eq!(report.counts(), "9 states, seed 3");
        assert!(!report.holds(), "nine are fewer than ten");
    }

    #[test]
    fn a_gate_that_says_nothing_has_not_reported() {
        assert!(Report::read("").is_err());
        assert!(Report::read("thread 'main' panicked").is_err());
    }
}
