//! What a gate says in the end: one line for people, the same as JSON for the ledger.

use std::fmt;
use std::process::ExitCode;

use serde::Serialize;

/// What a gate has done and found.
#[derive(Debug, Serialize)]
pub struct Report {
    gate: &'static str,
    counts: Vec<Count>,
    /// Where the random choices started, in a gate that makes some.
    seed: Option<u64>,
    findings: Vec<String>,
}

/// How many there were of something, and how many there must be at least.
#[derive(Debug, Serialize)]
pub struct Count {
    what: &'static str,
    #[serde(rename = "count")]
    number: u64,
    minimum: u64,
}

impl Report {
    /// Of this gate, with nothing counted and nothing found.
    pub fn new(gate: &'static str) -> Self {
        Self { gate, counts: Vec::new(), seed: None, findings: Vec::new() }
    }

    /// Made from this seed.
    #[must_use]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Says how many there were. Fewer than `minimum` fail the gate: it would prove nothing.
    pub fn count(&mut self, what: &'static str, count: u64, minimum: u64) {
        self.counts.push(Count { what, number: count, minimum });
    }

    /// Something that must not be. One of them fails the gate.
    pub fn find(&mut self, finding: impl Into<String>) {
        self.findings.push(finding.into());
    }

    /// How many were found so far.
    pub fn findings(&self) -> usize {
        self.findings.len()
    }

    /// Whether nothing was found, and enough was looked at.
    pub fn holds(&self) -> bool {
        self.findings.is_empty() && self.counts.iter().all(Count::suffices)
    }

    /// Prints it: the line for people on standard error, JSON on standard output.
    pub fn end(&self) -> ExitCode {
        eprintln!("{self}");
        match serde_json::to_string(self) {
            Ok(json) => println!("{json}"),
            Err(error) => eprintln!("the report cannot be written as JSON: {error}"),
        }
        if self.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Count {
    fn suffices(&self) -> bool {
        self.number >= self.minimum
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.gate)?;
        for (place, count) in self.counts.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{} {} (at least {})", count.number, count.what, count.minimum)?;
            if !count.suffices() {
                f.write_str(" TOO FEW")?;
            }
        }
        if let Some(seed) = self.seed {
            write!(f, ", seed {seed}")?;
        }
        write!(f, ": {}", if self.holds() { "holds" } else { "FAILS" })?;
        self.findings.iter().try_for_each(|finding| write!(f, "\n  {finding}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_that_found_nothing_and_looked_enough_holds() {
        let mut report = Report::new("model").seeded(7);
        report.count("states", 10, 10);
        assert!(report.holds());
        assert_eq!(report.to_string(), "model: 10 states (at least 10), seed 7: holds");
    }

    #[test]
    fn too_few_fail_as_a_finding_does() {
        let mut few = Report::new("model");
        few.count("states", 9, 10);
        few.count("pairs", 3, 1);
        assert!(!few.holds());
        assert_eq!(
            few.to_string(),
            "model: 9 states (at least 10) TOO FEW, 3 pairs (at least 1): FAILS"
        );
        let mut found = Report::new("model");
        found.find("I1: two effects");
        assert!(!found.holds());
        assert!(found.to_string().ends_with("FAILS\n  I1: two effects"));
    }
}
