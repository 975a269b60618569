//! What a recording has in it; and that a sync stands before every acknowledgement.

use std::collections::BTreeMap;

use super::deed::{Deed, Kind};
use super::mark::Mark;
use super::record::Recording;
use super::trace::Event;
use crate::report::Report;
use seiriken::record::EffectClass;

/// Counts of what recordings have in them.
#[derive(Debug, Default)]
pub(super) struct Survey {
    acknowledgements: u64,
    /// An answer of an earlier process, given again.
    replays: u64,
    checkpoints: u64,
    /// The log was begun anew over what it held.
    restarts: u64,
    kills: u64,
    swept: u64,
    rotations: u64,
}

impl Survey {
    /// Looks through a recording. An acknowledgement of something durable without a sync of the
    /// log since it was asked for is a finding: whatever the disk does, nobody knows then.
    pub(super) fn add(&mut self, recording: &Recording, report: &mut Report) {
        let mut asked: BTreeMap<u64, usize> = BTreeMap::new();
        let (mut opening, mut generation, mut sync) = (0, 0, 0);
        let (mut sweeping, mut rotating, mut filling, mut database_written) = (0, 0, 0, false);
        let mut closed = false;
        for (place, event) in recording.events.iter().enumerate() {
            let mark = match event {
                Event::Sync { file, since } if file.ends_with("-wal") => {
                    sync = *since;
                    continue;
                }
                Event::Sync { .. } => {
                    self.checkpoints += u64::from(std::mem::take(&mut database_written));
                    continue;
                }
                Event::Write { file, offset, .. } if file.ends_with("-wal") => {
                    self.restarts += u64::from(*offset == 0);
                    continue;
                }
                Event::Write { .. } => {
                    database_written = true;
                    continue;
                }
                Event::Ended => {
                    self.kills += u64::from(!std::mem::take(&mut closed));
                    continue;
                }
                Event::Mark(mark) => mark,
                _ => continue,
            };
            let since = match mark {
                Mark::Opening(number) => {
                    (opening, generation) = (place, *number);
                    continue;
                }
                Mark::Ask(number, _) | Mark::Ending(number) => {
                    asked.insert(*number, place);
                    continue;
                }
                Mark::Sweeping => {
                    sweeping = place;
                    continue;
                }
                Mark::Rotating => {
                    rotating = place;
                    continue;
                }
                Mark::Closed => {
                    closed = true;
                    continue;
                }
                Mark::Filling => {
                    filling = place;
                    continue;
                }
                Mark::Swept(0) | Mark::Refused(_) | Mark::Clock(_) => continue,
                Mark::Swept(removed) => {
                    self.swept += *removed as u64;
                    sweeping
                }
                Mark::Filled(_) => filling,
                Mark::Rotated(..) => {
                    self.rotations += 1;
                    rotating
                }
                Mark::Answered(_, by) if *by != generation => {
                    self.replays += 1;
                    opening
                }
                Mark::Granted(number, _)
                    if Deed::of(recording.seed, *number).class() == EffectClass::Transactional =>
                {
                    continue;
                }
                // What earlier processes have left was made durable when the file was opened.
                Mark::Unsaid(number) if is_left(recording.seed, *number) => opening,
                Mark::Opened(_) => opening,
                Mark::Granted(number, _)
                | Mark::Answered(number, _)
                | Mark::Freed(number)
                | Mark::Unsaid(number) => asked.get(number).copied().unwrap_or(place),
            };
            self.acknowledgements += 1;
            if sync <= since {
                report.find(format!(
                    "event {place} of seed {}: '{mark}' and no sync of the log since event {since}",
                    recording.seed
                ));
            }
        }
    }

    /// Says how much there was.
    pub(super) fn count(&self, report: &mut Report) {
        report.count("acknowledgements after a sync", self.acknowledgements, 400);
        report.count("answers given again", self.replays, 50);
        report.count("checkpoints", self.checkpoints, 3);
        report.count("times that the log began anew", self.restarts, 4);
        report.count("processes killed before a sync", self.kills, 2);
        report.count("answers swept", self.swept, 10);
        report.count("rotations of a secret", self.rotations, 1);
    }
}

/// Whether its owner leaves it without an end.
fn is_left(seed: u64, number: u64) -> bool {
    matches!(Deed::of(seed, number).kind, Kind::Separate(_, super::deed::End::Left))
}
