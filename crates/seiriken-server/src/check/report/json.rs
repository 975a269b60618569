//! The report for programs. Members are added over time; none changes its meaning.

use serde::Serialize;

use super::Report;
use crate::check::verdict::{Judged, Verdict};

#[derive(Serialize)]
struct Written<'a> {
    endpoint: &'a str,
    draft: &'static str,
    requirements: Vec<Requirement<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct Requirement<'a> {
    id: &'static str,
    verdict: &'static str,
    section: &'static str,
    detail: &'a str,
    evidence: Vec<Evidence<'a>>,
}

#[derive(Serialize)]
struct Evidence<'a> {
    /// Empty when the command before it has sent this request as well.
    curl: &'a str,
    answer: &'a str,
}

#[derive(Serialize)]
struct Summary {
    pass: usize,
    warn: usize,
    fail: usize,
    skip: usize,
}

pub(super) fn write(report: &Report) -> String {
    let written = Written {
        endpoint: &report.subject,
        draft: "draft-ietf-httpapi-idempotency-key-header-07",
        requirements: report.judged.iter().map(requirement).collect(),
        summary: Summary {
            pass: report.number_of(Verdict::Pass),
            warn: report.number_of(Verdict::Warn),
            fail: report.number_of(Verdict::Fail),
            skip: report.number_of(Verdict::Skip),
        },
    };
    // Texts and numbers alone: nothing that JSON cannot hold.
    let text = serde_json::to_string_pretty(&written).unwrap_or_default();
    text + "\n"
}

fn requirement(judged: &Judged) -> Requirement<'_> {
    Requirement {
        id: judged.requirement.id(),
        verdict: judged.finding.verdict.word(),
        section: judged.requirement.section(),
        detail: &judged.finding.detail,
        evidence: judged
            .evidence
            .iter()
            .map(|step| Evidence { curl: &step.curl, answer: &step.answer })
            .collect(),
    }
}
