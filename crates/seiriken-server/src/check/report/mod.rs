//! What was found out, for people, for programs and for a CI.

mod json;
mod junit;
mod text;

use super::requirement::Requirement;
use super::verdict::{Judged, Verdict};

/// All verdicts about one endpoint.
#[derive(Debug)]
pub(super) struct Report {
    subject: String,
    judged: Vec<Judged>,
    broken_off: bool,
}

impl Report {
    /// About this endpoint; nothing is known yet.
    pub(super) fn new(subject: String) -> Self {
        Self { subject, judged: Vec::new(), broken_off: false }
    }

    pub(super) fn add(&mut self, judged: Judged) {
        self.judged.push(judged);
    }

    /// A scenario could not be played to its end.
    pub(super) fn break_off(&mut self) {
        self.broken_off = true;
    }

    pub(super) fn broken_off(&self) -> bool {
        self.broken_off
    }

    pub(super) fn verdict(&self, of: Requirement) -> Option<Verdict> {
        let judged = self.judged.iter().find(|judged| judged.requirement == of)?;
        Some(judged.finding.verdict)
    }

    pub(super) fn worst(&self) -> Verdict {
        let verdicts = self.judged.iter().map(|judged| judged.finding.verdict);
        verdicts.max().unwrap_or(Verdict::Skip)
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        text::write(self)
    }

    /// For programs.
    pub(super) fn json(&self) -> String {
        json::write(self)
    }

    /// For a CI.
    pub(super) fn junit(&self) -> String {
        junit::write(self)
    }

    fn number_of(&self, verdict: Verdict) -> usize {
        self.judged.iter().filter(|judged| judged.finding.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::check::verdict::{Finding, Step};

    fn report() -> Report {
        let mut report = Report::new("POST http://shop/orders".to_owned());
        let step = Step { curl: "curl <x> & 'y'".to_owned(), answer: "HTTP 201\u{7}".to_owned() };
        for (requirement, finding, evidence) in [
            (Requirement::KeyMissing, Finding::pass("400"), vec![]),
            (Requirement::Replay, Finding::fail("ran \"again\""), vec![step]),
            (Requirement::Fidelity, Finding::skip("replay does not hold"), vec![]),
            (Requirement::ReplayMarker, Finding::warn("none"), vec![]),
        ] {
            report.add(Judged { requirement, finding, evidence });
        }
        report
    }

    #[test]
    fn people_read_verdict_requirement_section_and_reason() {
        assert_eq!(
            report().text(),
            "POST http://shop/orders, against draft-ietf-httpapi-idempotency-key-header-07\n\n\
             pass  key-missing       2.7   400\n\
             FAIL  replay            2.6   ran \"again\"\n\
             \x20     $ curl <x> & 'y'\n\
             \x20       HTTP 201\u{7}\n\
             skip  fidelity          2.6   replay does not hold\n\
             warn  replay-marker     none  none\n\n\
             1 pass, 1 warn, 1 fail, 1 skip\n"
        );
    }

    #[test]
    fn programs_read_the_same() {
        let json: Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(json["endpoint"], "POST http://shop/orders");
        let found = &json["requirements"][1];
        assert_eq!(found["id"], "replay");
        assert_eq!(found["verdict"], "fail");
        assert_eq!(found["section"], "2.6");
        assert_eq!(found["detail"], "ran \"again\"");
        assert_eq!(found["evidence"][0]["curl"], "curl <x> & 'y'");
        assert_eq!(json["summary"]["fail"], 1);
        assert_eq!(json["requirements"].as_array().unwrap().len(), 4);
    }

    #[test]
    fn a_ci_reads_what_failed_and_what_was_skipped() {
        let xml = report().junit();
        assert!(xml.contains(r#"tests="4" failures="1" errors="0" skipped="1""#), "{xml}");
        assert!(xml.contains(r#"<failure message="ran &quot;again&quot;">"#), "{xml}");
        assert!(xml.contains("curl &lt;x&gt; &amp; 'y'"), "{xml}");
        assert!(xml.contains(r#"<skipped message="replay does not hold"/>"#), "{xml}");
        assert!(!xml.contains('\u{7}'), "no control character is XML: {xml}");
    }
}
