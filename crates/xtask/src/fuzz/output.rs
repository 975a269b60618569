//! What libFuzzer says in the end.

use std::fmt;

/// How much it has done, and what it found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Output {
    executions: u64,
    /// Edges of the program that some input reaches.
    edges: u64,
    /// What an input has broken, and where that input is.
    pub(super) finding: Option<String>,
}

impl Output {
    /// `None`: it did not come to an end of which it would say something.
    pub(super) fn read(said: &str) -> Option<Self> {
        let after = |line: &str, mark: &str| {
            line.split_once(mark).and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
        };
        let last = |mark: &str| said.lines().rev().find_map(|line| after(line, mark));
        let executions = last("stat::number_of_executed_units:")?;
        let edges = last(" cov: ")?;
        Some(Self { executions, edges, finding: finding(said) })
    }
}

/// A panic says where and why, the fuzzer says which input it was; a timeout has an input alone.
fn finding(said: &str) -> Option<String> {
    let mut lines = said.lines();
    let why = lines.by_ref().find(|line| line.contains(" panicked at "));
    let why = why.and_then(|_| lines.next()).unwrap_or("it took too long, or too much");
    let input = said.lines().find_map(|line| line.split_once("Test unit written to "))?.1;
    Some(format!("{} ({})", why.trim(), input.trim()))
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} executions, {} edges", self.executions, self.edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDED: &str = "\
#2\tINITED cov: 12 ft: 13 corp: 1/1b exec/s: 0 rss: 40Mb
#900\tDONE   cov: 812 ft: 3066 corp: 900/71Kb lim: 600 exec/s: 160000 rss: 65Mb
Done 900 runs in 181 second(s)
stat::number_of_executed_units: 900
stat::peak_rss_mb:              65
";

    #[test]
    fn a_run_that_ends_says_how_much_it_did() {
        let output = Output::read(ENDED).unwrap();
        assert_eq!(output, Output { executions: 900, edges: 812, finding: None });
        assert_eq!(output.to_string(), "900 executions, 812 edges");
    }

    #[test]
    fn a_broken_promise_is_a_finding_with_its_input() {
        let said = ENDED.to_owned()
            + "thread '<unnamed>' (7) panicked at proof/src/fuzz/key_field.rs:9:5:\n\
               the syntaxes disagree\n\
               artifact_prefix='fuzz/artifacts/key_field/'; Test unit written to fuzz/artifacts/key_field/crash-1\n";
        let finding = "the syntaxes disagree (fuzz/artifacts/key_field/crash-1)";
        assert_eq!(Output::read(&said).unwrap().finding.as_deref(), Some(finding));
    }

    #[test]
    fn one_that_never_ran_says_nothing() {
        assert_eq!(Output::read("error: could not compile `seiriken`"), None);
    }
}
