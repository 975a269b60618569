//! What happened in all schedules together: a run in which hardly anything did shows nothing.

use std::ops::AddAssign;

use crate::wire::Told;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    ordered: u32,
    replayed: u32,
    invalid: u32,
    in_progress: u32,
    other_request: u32,
    other_caller: u32,
    /// Requests that a process left without an answer when it was killed.
    pub(crate) killed: u32,
    /// Orders that were made although the client had left, or the process was killed before the
    /// answer got through: nobody heard of them at first, and they were found later.
    pub(crate) made_after_leaving: u32,
    pub(crate) made_before_a_kill: u32,
}

impl Seen {
    pub(crate) fn count(&mut self, told: &Told) {
        let count = match told {
            Told::Ordered(_) => &mut self.ordered,
            Told::Replayed(_) => &mut self.replayed,
            Told::Invalid => &mut self.invalid,
            Told::InProgress => &mut self.in_progress,
            Told::OtherRequest => &mut self.other_request,
            Told::OtherCaller => &mut self.other_caller,
        };
        *count += 1;
    }

    /// Far below what is usual, so that chance does not fail it.
    pub(crate) fn assert_enough_of_everything(&self, schedules: u32, retries_are_refused: bool) {
        let in_progress = if retries_are_refused { self.in_progress } else { u32::MAX };
        for (what, count, in_100_schedules) in [
            ("ordered", self.ordered, 200),
            ("replayed", self.replayed, 200),
            ("invalid", self.invalid, 25),
            ("in progress", in_progress, 60),
            ("other request", self.other_request, 200),
            ("other caller", self.other_caller, 200),
            ("killed", self.killed, 50),
            ("made after leaving", self.made_after_leaving, 20),
            ("made before a kill", self.made_before_a_kill, 2),
        ] {
            let floor = in_100_schedules * schedules / 100;
            assert!(count >= floor, "{what}: {count} times, and it should be {floor}: {self:?}");
        }
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.ordered += other.ordered;
        self.replayed += other.replayed;
        self.invalid += other.invalid;
        self.in_progress += other.in_progress;
        self.other_request += other.other_request;
        self.other_caller += other.other_caller;
        self.killed += other.killed;
        self.made_after_leaving += other.made_after_leaving;
        self.made_before_a_kill += other.made_before_a_kill;
    }
}
