//! What was found out about one requirement.

use super::requirement::Requirement;

/// How an endpoint stands to a requirement. The worst comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It could not be judged: the detail says why.
    Skip,
    /// It holds.
    Pass,
    /// It is allowed, and worth knowing for whoever writes a client.
    Warn,
    /// It does not hold.
    Fail,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// A verdict and one line that says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) detail: String,
}

impl Finding {
    pub(super) fn pass(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Pass, detail: detail.into() }
    }

    pub(super) fn warn(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, detail: detail.into() }
    }

    pub(super) fn fail(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, detail: detail.into() }
    }

    pub(super) fn skip(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skip, detail: detail.into() }
    }

    /// Several findings about one requirement: the worst verdict, and all that was found.
    pub(super) fn worst_of(mut findings: Vec<Self>) -> Self {
        let verdict = findings.iter().map(|found| found.verdict).max().unwrap_or(Verdict::Skip);
        // The worst is said first.
        findings.sort_by_key(|found| std::cmp::Reverse(found.verdict));
        let details: Vec<String> = findings.into_iter().map(|found| found.detail).collect();
        Self { verdict, detail: details.join("; ") }
    }
}

/// One request and what came back, for whoever wants to see it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// A command line that sends it.
    pub(super) curl: String,
    /// The answer in short, or why there was none.
    pub(super) answer: String,
}

/// A requirement with its verdict, and with the evidence unless it holds.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) requirement: Requirement,
    pub(super) finding: Finding,
    pub(super) evidence: Vec<Step>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_finding_is_the_verdict_and_is_said_first() {
        let worst =
            Finding::worst_of(vec![Finding::pass("a"), Finding::fail("b"), Finding::warn("c")]);
        assert_eq!(worst, Finding::fail("b; c; a"));
        let best = Finding::worst_of(vec![Finding::skip("a"), Finding::pass("b")]);
        assert_eq!(best.verdict, Verdict::Pass);
    }
}
