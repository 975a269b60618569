//! What has been done and found, counted.

use crate::witness::history::{Course, Try};
use crate::witness::told::Told;

/// Of one round, or of many.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) databases_killed: u64,
    pub(super) nodes_killed: u64,
    pub(super) pauses: u64,
    pub(super) partitions: u64,
    pub(super) commits_cut: u64,
    pub(super) losses_told: u64,
    orders: u64,
    requests: u64,
    replays: u64,
    unavailable: u64,
    pub(super) findings: Vec<String>,
}

/// More of them help nobody.
const FINDINGS_SHOWN: usize = 20;
const FINDINGS_KEPT: usize = 1000;

impl Tally {
    pub(super) fn find(&mut self, finding: impl Into<String>) {
        let finding = finding.into();
        if self.findings.len() < FINDINGS_KEPT && !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    pub(super) fn hear(&mut self, log: Vec<String>) {
        for line in log {
            self.find(format!("in the log: {line}"));
        }
    }

    /// Counts what has become of an order.
    pub(super) fn see(&mut self, course: &Course) {
        let told = |one: &Try| one.ended.as_ref().map(|(_, told)| told.clone());
        let count = |which: fn(&Told) -> bool| {
            course.tries.iter().filter_map(told).filter(which).count() as u64
        };
        self.orders += u64::from(count(|told| matches!(told, Told::Success { .. })) > 0);
        self.requests += course.tries.len() as u64;
        self.replays += count(|told| matches!(told, Told::Success { replayed: true, .. }));
        self.unavailable += count(|told| *told == Told::Unavailable);
    }

    /// Some of what was found, the worst first.
    pub(super) fn worst(mut self) -> Vec<String> {
        self.findings.sort_by_key(|finding| !finding.contains("I1:"));
        self.findings.truncate(FINDINGS_SHOWN);
        self.findings
    }

    pub(super) fn add(&mut self, other: Self) {
        self.databases_killed += other.databases_killed;
        self.nodes_killed += other.nodes_killed;
        self.pauses += other.pauses;
        self.partitions += other.partitions;
        self.commits_cut += other.commits_cut;
        self.losses_told += other.losses_told;
        self.orders += other.orders;
        self.requests += other.requests;
        self.replays += other.replays;
        self.unavailable += other.unavailable;
        other.findings.into_iter().for_each(|finding| self.find(finding));
    }

    /// What there was, and how much of it there must be in the set for every change.
    pub(super) fn counts(&self) -> [(&'static str, u64, u64); 10] {
        [
            ("orders", self.orders, 20_000),
            ("requests for them", self.requests, 60_000),
            ("replays", self.replays, 30_000),
            ("databases killed", self.databases_killed, 8),
            ("processes killed", self.nodes_killed, 8),
            ("pauses past the lease", self.pauses, 8),
            ("partitions", self.partitions, 8),
            ("connections cut at a COMMIT", self.commits_cut, 60),
            ("requests refused while the store was away", self.unavailable, 20),
            ("losses told", self.losses_told, 100),
        ]
    }
}
