//! What has been done and found, counted.

use std::collections::BTreeMap;

use super::server::Log;
use crate::witness::history::{Course, Try};
use crate::witness::told::Told;

/// Of one chain of lives, or of many.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) kills: u64,
    pub(super) pauses: u64,
    pub(super) holds: u64,
    /// How often somebody was stopped at each point.
    pub(super) points: BTreeMap<String, u64>,
    pub(super) takeovers: u64,
    pub(super) careful: u64,
    /// Operations whose success was heard.
    done: u64,
    /// Answers that an earlier process had given, and a later one gave again.
    replays_after_restart: u64,
    indeterminate: u64,
    /// Outcomes that were unknown, and which their late owner settled.
    healed: u64,
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

    pub(super) fn hear(&mut self, log: Log) {
        self.takeovers += log.takeovers;
        for line in log.trouble {
            self.find(format!("in the log: {line}"));
        }
    }

    /// Some of what was found, the worst first.
    pub(super) fn worst(mut self) -> Vec<String> {
        self.findings.sort_by_key(|finding| !finding.contains("I1:"));
        self.findings.truncate(FINDINGS_SHOWN);
        self.findings
    }

    /// Counts what has become of an operation.
    pub(super) fn see(&mut self, course: &Course) {
        let success = |one: &&Try| matches!(one.ended, Some((_, Told::Success { .. })));
        let lives = || course.tries.iter().filter(success).map(|one| one.life);
        if let Some(first) = lives().min() {
            self.done += 1;
            self.replays_after_restart += lives().filter(|life| *life > first).count() as u64;
        }
        let unknown =
            course.tries.iter().any(|one| matches!(one.ended, Some((_, Told::OutcomeUnknown))));
        self.indeterminate += u64::from(unknown);
        self.healed += u64::from(unknown && lives().next().is_some());
    }

    pub(super) fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.pauses += other.pauses;
        self.holds += other.holds;
        self.takeovers += other.takeovers;
        self.careful += other.careful;
        self.done += other.done;
        self.replays_after_restart += other.replays_after_restart;
        self.indeterminate += other.indeterminate;
        self.healed += other.healed;
        for (point, times) in other.points {
            *self.points.entry(point).or_default() += times;
        }
        other.findings.into_iter().for_each(|finding| self.find(finding));
    }

    /// How many points somebody was stopped at so often.
    fn points_reached(&self, times: u64) -> u64 {
        self.points.values().filter(|reached| **reached >= times).count() as u64
    }

    /// What there was, and how much of it there must be in the set for every change.
    pub(super) fn counts(&self, points: u64, times: u64) -> [(&'static str, u64, u64); 11] {
        [
            ("kills", self.kills, 150),
            ("pauses past the lease", self.pauses, 30),
            ("threads held past the lease", self.holds, 30),
            ("points reached three times", self.points_reached(times), points.max(20)),
            ("takeovers", self.takeovers, 15),
            ("operations done", self.done, 500),
            ("answers given again after a restart", self.replays_after_restart, 500),
            ("outcomes unknown", self.indeterminate, 10),
            ("of them settled by their late owner", self.healed, 1),
            ("operations of the careful client", self.careful, 100),
            ("planned points", points, 20),
        ]
    }
}
