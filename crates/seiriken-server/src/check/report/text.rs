//! The report for people: a line for each requirement, and the evidence under what does not hold.

use std::fmt::Write;

use super::Report;
use crate::check::verdict::{Judged, Verdict};

pub(super) fn write(report: &Report) -> String {
    let mut text =
        format!("{}, against draft-ietf-httpapi-idempotency-key-header-07\n\n", report.subject);
    for judged in &report.judged {
        line(&mut text, judged);
    }
    let [pass, warn, fail, skip] = [Verdict::Pass, Verdict::Warn, Verdict::Fail, Verdict::Skip]
        .map(|verdict| format!("{} {}", report.number_of(verdict), verdict.word()));
    text + &format!("\n{pass}, {warn}, {fail}, {skip}\n")
}

fn line(text: &mut String, judged: &Judged) {
    let Judged { requirement, finding, evidence } = judged;
    let word = match finding.verdict {
        // What a reader looks for.
        Verdict::Fail => "FAIL",
        other => other.word(),
    };
    let section = match requirement.section() {
        "Security Considerations" => "Sec.",
        number => number,
    };
    // Writing into a String does not fail.
    let _ = writeln!(text, "{word}  {:<17} {section:<5} {}", requirement.id(), finding.detail);
    if finding.verdict != Verdict::Fail {
        return;
    }
    for step in evidence {
        if !step.curl.is_empty() {
            let _ = writeln!(text, "      $ {}", step.curl);
        }
        let _ = writeln!(text, "        {}", step.answer);
    }
}
