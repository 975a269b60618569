//! What a recording has in it; and that a sync stands before every acknowledgement.

use std::collections::BTreeMap;

use seiriken::record::EffectClass;

use super::FINDINGS_MAX;
use super::deed::Deed;
use super::mark::Mark;
use super::record::Recording;
use super::trace::Event;
use crate::report::Report;

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

/// Where in a recording something was asked for that has not been acknowledged.
#[derive(Debug, Default)]
struct Asked {
    seed: u64,
    generation: u64,
    opening: usize,
    /// And whether its end was asked for, after its claim.
    deeds: BTreeMap<u64, (usize, bool)>,
    /// A sweep, a rotation, a filling: one of them at a time.
    other: usize,
}

impl Survey {
    /// Looks through a recording. An acknowledgement of something durable without a sync of the
    /// log since it was asked for is a finding: whatever the disk does, nobody knows then.
    pub(super) fn add(&mut self, recording: &Recording, report: &mut Report) {
        let seed = recording.seed;
        let mut asked = Asked { seed, ..Asked::default() };
        let (mut synced, mut database_written, mut closed) = (0, false, false);
        for (place, event) in recording.events.iter().enumerate() {
            match event {
                Event::Sync { file, since } if file.ends_with("-wal") => synced = *since,
                Event::Sync { .. } => {
                    self.checkpoints += u64::from(std::mem::take(&mut database_written));
                }
                Event::Write { file, offset, .. } if file.ends_with("-wal") => {
                    self.restarts += u64::from(*offset == 0);
                }
                Event::Write { .. } => database_written = true,
                Event::Ended => self.kills += u64::from(!std::mem::take(&mut closed)),
                Event::Mark(mark) => {
                    closed |= *mark == Mark::Closed;
                    self.count_mark(mark, &asked);
                    let Some(since) = asked.hear(place, mark) else { continue };
                    self.acknowledgements += 1;
                    if synced <= since && report.findings() < FINDINGS_MAX {
                        let what = format!("'{mark}' and no sync of the log since event {since}");
                        report.find(format!("event {place} of seed {seed}: {what}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn count_mark(&mut self, mark: &Mark, asked: &Asked) {
        match mark {
            Mark::Swept(removed) => self.swept += *removed as u64,
            Mark::Rotated(..) => self.rotations += 1,
            Mark::Answered(_, by) if *by != asked.generation => self.replays += 1,
            _ => {}
        }
    }

    /// Says how much there was.
    pub(super) fn count(&self, report: &mut Report) {
        report.count("acknowledgements after a sync", self.acknowledgements, 300);
        report.count("answers given again", self.replays, 50);
        report.count("checkpoints", self.checkpoints, 3);
        report.count("times that the log began anew", self.restarts, 4);
        report.count("processes killed before a sync", self.kills, 2);
        report.count("answers swept", self.swept, 5);
        report.count("rotations of a secret", self.rotations, 1);
    }
}

impl Asked {
    /// The event since which a sync must stand, where this acknowledges something durable.
    fn hear(&mut self, place: usize, mark: &Mark) -> Option<usize> {
        match mark {
            Mark::Opening(generation) => {
                (self.opening, self.generation) = (place, *generation);
                None
            }
            Mark::Ask(number, _) | Mark::Ending(number) => {
                self.deeds.insert(*number, (place, matches!(mark, Mark::Ending(_))));
                None
            }
            Mark::Sweeping | Mark::Rotating | Mark::Filling => {
                self.other = place;
                None
            }
            Mark::Swept(0) | Mark::Refused(_) | Mark::Clock(_) | Mark::Closed => None,
            Mark::Swept(_) | Mark::Rotated(..) | Mark::Filled(_) => Some(self.other),
            Mark::Opened(_) => Some(self.opening),
            // What earlier processes have left was made durable when the file was opened.
            Mark::Answered(_, by) if *by != self.generation => Some(self.opening),
            Mark::Unsaid(number) if !self.deeds.get(number).is_some_and(|(_, ending)| *ending) => {
                Some(self.opening)
            }
            Mark::Granted(number, _)
                if self.deed(*number).class() == EffectClass::Transactional =>
            {
                None
            }
            Mark::Granted(number, _)
            | Mark::Answered(number, _)
            | Mark::Freed(number)
            | Mark::Unsaid(number) => Some(self.deeds.get(number).map_or(place, |(at, _)| *at)),
        }
    }

    fn deed(&self, number: u64) -> Deed {
        Deed::of(self.seed, number)
    }
}
