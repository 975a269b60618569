//! The report as JUnit XML, which most CI systems show.

use std::fmt::Write;

use super::Report;
use crate::check::verdict::{Judged, Verdict};

pub(super) fn write(report: &Report) -> String {
    let (tests, failures) = (report.judged.len(), report.number_of(Verdict::Fail));
    let skipped = report.number_of(Verdict::Skip);
    let name = escaped(&report.subject);
    let counts =
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a String does not fail.
    let _ = writeln!(xml, "<testsuites {counts}>");
    let _ = writeln!(xml, "  <testsuite name=\"{name}\" {counts}>");
    for judged in &report.judged {
        case(&mut xml, judged);
    }
    xml + "  </testsuite>\n</testsuites>\n"
}

fn case(xml: &mut String, judged: &Judged) {
    let id = judged.requirement.id();
    let section = escaped(judged.requirement.section());
    let detail = escaped(&judged.finding.detail);
    let _ = write!(xml, "    <testcase classname=\"idempotency-key {section}\" name=\"{id}\">");
    let _ = match judged.finding.verdict {
        Verdict::Pass => Ok(()),
        Verdict::Skip => write!(xml, "<skipped message=\"{detail}\"/>"),
        Verdict::Warn => {
            write!(xml, "<system-out>warn: {detail}\n{}</system-out>", escaped(&evidence(judged)))
        }
        Verdict::Fail => {
            write!(xml, "<failure message=\"{detail}\">{}</failure>", escaped(&evidence(judged)))
        }
    };
    xml.push_str("</testcase>\n");
}

fn evidence(judged: &Judged) -> String {
    let mut text = String::new();
    for step in &judged.evidence {
        text.extend(["$ ", &step.curl, "\n  ", &step.answer, "\n"]);
    }
    text
}

/// Characters that XML has no form for are left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c) => {}
            c => escaped.push(c),
        }
    }
    escaped
}
