//! What the sweeps have seen: too little of it, and they would have proved nothing.

use super::ledger::{History, Told};
use crate::report::Report;

/// Counts of points, of events, and what was found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) calls: u64,
    pub(super) pairs: u64,
    pub(super) commits: u64,
    pub(super) polls: u64,
    pub(super) cuts: u64,
    pub(super) lost: u64,
    takeovers: u64,
    unknown: u64,
    replays: u64,
    pending: u64,
    recognised: u64,
    findings: Vec<String>,
}

/// So many findings are told; the rest is counted.
const TOLD_MAX: usize = 40;

impl Tally {
    /// Something that must not be.
    pub(super) fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// How much was found.
    pub(super) fn found(&self) -> usize {
        self.findings.len()
    }

    /// Counts what happened in one point.
    pub(super) fn saw(&mut self, history: &History) {
        self.takeovers += history.takeovers;
        self.recognised += history.recognised;
        for told in history.requests.iter().filter_map(|request| request.told.as_ref()) {
            match told.told {
                Told::Unknown => self.unknown += 1,
                Told::Pending => self.pending += 1,
                Told::Answer { replayed: true, .. } => self.replays += 1,
                _ => {}
            }
        }
    }

    /// Counts replays that were seen elsewhere.
    pub(super) fn replayed(&mut self, replays: u64) {
        self.replays += replays;
    }

    pub(super) fn into_report(self, mut report: Report) -> Report {
        report.count("store calls at fault", self.calls, 5500);
        report.count("pairs of them", self.pairs, 2000);
        report.count("commits at fault", self.commits, if cfg!(seiriken_proof) { 160 } else { 0 });
        report.count("polls dropped", self.polls, 700);
        report.count("frames and bytes cut", self.cuts, 9400);
        report.count("takeovers", self.takeovers, 1000);
        report.count("effects recognised by their key", self.recognised, 700);
        report.count("outcomes unknown", self.unknown, 2000);
        report.count("outcomes pending", self.pending, 700);
        report.count("replays", self.replays, 20_000);
        report.count("acknowledgements lost", self.lost, 1200);
        let more = self.findings.len().saturating_sub(TOLD_MAX);
        self.findings.into_iter().take(TOLD_MAX).for_each(|finding| report.find(finding));
        if more > 0 {
            report.find(format!("and {more} more"));
        }
        report
    }
}
