//! What had been acknowledged up to a point of the trace, and so must be found after it.

use std::collections::BTreeMap;

use seiriken::clock::Timestamp;

use super::deed::START;
use super::mark::Mark;

/// What callers had been told.
#[derive(Debug, Clone)]
pub(super) struct Promised {
    pub(super) now: Timestamp,
    pub(super) secret: Option<String>,
    pub(super) deeds: BTreeMap<u64, Told>,
    /// The highest token that was given out.
    pub(super) token: u128,
    /// The number and the secret that issued keys are signed with.
    pub(super) issuing: Option<(u32, String)>,
    /// How often that may have been changed since.
    pub(super) rotating: u32,
    /// The version of the service's own pages.
    pub(super) filled: u32,
    /// The process that writes.
    pub(super) generation: u64,
}

/// What was asked and told about one key.
#[expect(clippy::struct_excessive_bools, reason = "each is a thing that was said or was not")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// When its key was made.
    pub(super) made: Option<Timestamp>,
    /// Which processes have asked for it: an answer of none other can stand.
    pub(super) asked_by: Vec<u64>,
    /// It was granted, by an acknowledgement that was durable if its class writes claims.
    pub(super) granted: bool,
    /// Its end was asked for, so it may stand.
    pub(super) ending: bool,
    /// The answer that a caller was given, by the process that made it.
    pub(super) answered: Option<u64>,
    pub(super) freed: bool,
    pub(super) unsaid: bool,
    /// Two callers were given two answers.
    pub(super) contradiction: bool,
}

impl Promised {
    pub(super) fn nothing() -> Self {
        Self {
            now: START,
            secret: None,
            deeds: BTreeMap::new(),
            token: 0,
            issuing: None,
            rotating: 0,
            filled: 0,
            generation: 0,
        }
    }

    pub(super) fn hear(&mut self, mark: &Mark) {
        match mark {
            Mark::Opening(generation) => self.generation = *generation,
            Mark::Opened(secret) => self.secret = Some(secret.clone()),
            Mark::Clock(now) => self.now = *now,
            Mark::Ask(number, made) => {
                let generation = self.generation;
                let deed = self.deed(*number);
                deed.made.get_or_insert(*made);
                deed.asked_by.push(generation);
                if deed.freed {
                    // As if it had never been claimed, and now it is on the way to be.
                    (deed.granted, deed.ending, deed.freed) = (false, false, false);
                }
            }
            Mark::Granted(number, token) => {
                self.token = self.token.max(*token);
                let deed = self.deed(*number);
                (deed.granted, deed.ending) = (true, false);
            }
            Mark::Ending(number) => self.deed(*number).ending = true,
            Mark::Answered(number, generation) => {
                let deed = self.deed(*number);
                deed.contradiction |= deed.answered.is_some_and(|first| first != *generation);
                deed.answered = Some(*generation);
            }
            Mark::Freed(number) => self.deed(*number).freed = true,
            Mark::Unsaid(number) => self.deed(*number).unsaid = true,
            Mark::Rotating => self.rotating += 1,
            Mark::Rotated(number, secret) => {
                self.issuing = Some((*number, secret.clone()));
                self.rotating = 0;
            }
            Mark::Filled(version) => self.filled = *version,
            Mark::Filling | Mark::Refused(_) | Mark::Sweeping | Mark::Swept(_) | Mark::Closed => {}
        }
    }

    fn deed(&mut self, number: u64) -> &mut Told {
        self.deeds.entry(number).or_default()
    }
}
