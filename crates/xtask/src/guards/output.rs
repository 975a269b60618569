//! What a test program's output says of each test.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    /// There is no such test.
    Missing,
}

/// How a test program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with its summary.
    Finished,
    /// By a signal, an abort, or because it did not end by itself.
    CutOff,
}

/// A test that is a function of that name, also where it stands once per store. One that did not
/// come to its end has failed.
pub(super) fn of_test(name: &str, output: &str, end: End) -> Verdict {
    let lines = output.lines().filter_map(|line| line.strip_prefix("test "));
    let results = lines.filter_map(|line| line.split_once(" ... "));
    let of_name = results.filter(|(test, _)| test.split("::").any(|part| part == name));
    let results: Vec<&str> = of_name.map(|(_, result)| result).collect();
    if results.iter().any(|result| result.starts_with("FAILED")) {
        Verdict::Failed
    } else if !results.is_empty() {
        Verdict::Passed
    } else if end == End::CutOff {
        Verdict::Failed
    } else {
        Verdict::Missing
    }
}

/// A clause of the conformance suite: the test that holds a store to all of them names each that
/// is broken.
pub(super) fn of_clause(name: &str, output: &str, end: End) -> Verdict {
    let broken = format!("::{name}: ");
    match end {
        _ if output.contains(&broken) => Verdict::Failed,
        End::CutOff => Verdict::Failed,
        End::Finished => Verdict::Passed,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passes",
            Self::Failed => "fails",
            Self::Missing => "does not exist",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 4 tests
test faults::sure::memory ... ok
test faults::sure::sqlite ... FAILED
test faults::surely ... ok
test lasting has been running for over 60 seconds
test stores ... FAILED

---- stores stdout ----
the store breaks its contract in
  claim::the_first_claim_is_granted: on purpose
";

    #[test]
    fn a_test_fails_where_one_of_its_name_does_or_does_not_end() {
        assert_eq!(of_test("sure", OUTPUT, End::Finished), Verdict::Failed);
        assert_eq!(of_test("surely", OUTPUT, End::Finished), Verdict::Passed);
        assert_eq!(of_test("lasting", OUTPUT, End::CutOff), Verdict::Failed);
        assert_eq!(of_test("sur", OUTPUT, End::Finished), Verdict::Missing);
    }

    #[test]
    fn a_clause_fails_where_it_is_named() {
        let verdict = |name| of_clause(name, OUTPUT, End::Finished);
        assert_eq!(verdict("the_first_claim_is_granted"), Verdict::Failed);
        assert_eq!(verdict("claim_is_granted"), Verdict::Passed);
    }
}
