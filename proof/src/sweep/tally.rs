//! What the sweeps have seen: too little of it, and they would have proved nothing.

use super::ledger::{History, Persons, Told};
use crate::report::Report;

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Memory,
    Sqlite,
    Postgres,
    Redis,
}

/// Counts of points on one store.
#[derive(Debug, Default)]
pub(super) struct Points {
    pub(super) calls: u64,
    pub(super) pairs: u64,
    pub(super) polls: u64,
    pub(super) cuts: u64,
}

/// Counts of points, of events, and what was found.
#[derive(Debug, Default)]
pub(super) struct Tally {
    on: [Points; 4],
    pub(super) commits: u64,
    pub(super) lost: u64,
    /// Calls at fault by which a person changes a record.
    pub(super) desk: u64,
    persons: Persons,
    takeovers: u64,
    unknown: u64,
    replays: u64,
    pending: u64,
    recognised: u64,
    /// Planted mistakes that were found.
    pub(super) mistakes: u64,
    findings: Vec<String>,
}

/// So many findings are told; the rest is counted.
const TOLD_MAX: usize = 40;

impl On {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
        }
    }
}

impl Tally {
    pub(super) fn on(&mut self, store: On) -> &mut Points {
        &mut self.on[store as usize]
    }

    /// On all stores.
    pub(super) fn pairs(&self) -> u64 {
        self.on.iter().map(|points| points.pairs).sum()
    }

    /// Something that must not be.
    pub(super) fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    /// How much was found.
    pub(super) fn found(&self) -> usize {
        self.findings.len()
    }

    /// What was found first.
    #[cfg(seiriken_proof)]
    pub(super) fn first_finding(&self) -> Option<&str> {
        self.findings.first().map(String::as_str)
    }

    /// Counts what happened in one point.
    pub(super) fn saw(&mut self, history: &History) {
        self.takeovers += history.takeovers;
        self.recognised += history.recognised;
        self.persons.add(&history.persons);
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
        let [memory, sqlite, postgres, redis] = &self.on;
        report.count("store calls at fault on memory", memory.calls, 3400);
        report.count("on SQLite", sqlite.calls, 3400);
        report.count("on PostgreSQL", postgres.calls, 620);
        report.count("on Redis", redis.calls, 1050);
        report.count("pairs of them", self.pairs(), 2000);
        report.count("on PostgreSQL", postgres.pairs, 90);
        report.count("on Redis", redis.pairs, 90);
        report.count("commits at fault", self.commits, if cfg!(seiriken_proof) { 160 } else { 0 });
        report.count("polls dropped on memory", memory.polls, 350);
        report.count("on SQLite", sqlite.polls, 350);
        report.count("on PostgreSQL", postgres.polls, 300);
        report.count("on Redis", redis.polls, 300);
        report.count("frames and bytes cut on memory", memory.cuts, 4700);
        report.count("on SQLite", sqlite.cuts, 4700);
        report.count("on PostgreSQL", postgres.cuts, 900);
        report.count("on Redis", redis.cuts, 1500);
        report.count("takeovers", self.takeovers, 1500);
        report.count("effects recognised by their key", self.recognised, 1150);
        report.count("outcomes unknown", self.unknown, 3100);
        report.count("outcomes pending", self.pending, 900);
        report.count("replays", self.replays, 30_000);
        report.count("acknowledgements lost", self.lost, 2000);
        report.count("calls of a person at fault", self.desk, 240);
        report.count("answers that a person gave", self.persons.answered, 350);
        report.count("keys that a person freed", self.persons.freed, 180);
        report.count("keys that a person had forgotten", self.persons.forgotten, 780);
        report.count("words that changed nothing", self.persons.nothing, 1200);
        report.count("planted mistakes found", self.mistakes, mistakes());
        let more = self.findings.len().saturating_sub(TOLD_MAX);
        self.findings.into_iter().take(TOLD_MAX).for_each(|finding| report.find(finding));
        if more > 0 {
            report.find(format!("and {more} more"));
        }
        report
    }
}

/// So many are planted: in builds that can.
#[cfg(seiriken_proof)]
fn mistakes() -> u64 {
    super::planted::MISTAKES.len() as u64
}

#[cfg(not(seiriken_proof))]
fn mistakes() -> u64 {
    0
}
