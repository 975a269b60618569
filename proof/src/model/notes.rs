//! Which of the interesting events a step is.

use seiriken::record::EffectClass;
use seiriken::record::transition::{ClaimOutcome, Granted, ReleaseOutcome, RenewOutcome};

use super::around::usable_until;
use super::checker::Checked;
use super::event::Event;
use super::person::BY_A_PERSON;
use super::record::{RETENTION, Small, Stage, number};
use super::setup::Part;
use super::world::World;

impl Checked {
    pub(super) fn note_claim(&self, before: &World, worker: usize, told: &ClaimOutcome) {
        let part = &self.setup.parts[worker];
        let key = &before.keys[part.key];
        let event = match told {
            ClaimOutcome::Granted(grant) => match grant.how {
                Granted::First => Event::First,
                Granted::TakenOver => Event::TakenOver,
                Granted::Yours if lease_over(key.record, before) => Event::YoursLate,
                Granted::Yours => Event::Yours,
            },
            ClaimOutcome::Completed(response) if number(response) == BY_A_PERSON => {
                Event::ReplayOfAPerson
            }
            ClaimOutcome::Completed(_) => Event::Replay,
            ClaimOutcome::InProgress { .. } => Event::Wait,
            ClaimOutcome::Mismatch { .. } => Event::Mismatch,
            ClaimOutcome::CredentialChanged => Event::CredentialChanged,
            ClaimOutcome::Indeterminate if lease_over(key.record, before) => Event::OwnerVanished,
            ClaimOutcome::Indeterminate => Event::Indeterminate,
            ClaimOutcome::KeyExpired if self.too_old(before, part) => Event::KeyExpired,
            ClaimOutcome::KeyExpired => Event::KeySwept,
            ClaimOutcome::KeyFromFuture => Event::KeyFromFuture,
            ClaimOutcome::QuotaExceeded => Event::QuotaReached,
        };
        self.seen.note(event);
        if before.full && key.record.is_some() {
            self.seen.note(Event::FullAndAnswered);
        }
        self.note_edges(before, worker, told);
    }

    /// The moments around those at which something turns, where the answer shows it.
    fn note_edges(&self, before: &World, worker: usize, told: &ClaimOutcome) {
        let part = &self.setup.parts[worker];
        let granted = matches!(told, ClaimOutcome::Granted(_));
        let now = i128::from(before.now.as_millis());
        let since = |turn: seiriken::clock::Timestamp| now - i128::from(turn.as_millis());
        match before.keys[part.key].record.map(|record| record.stage) {
            Some(Stage::InProgress { lease_until, .. }) => self.note_edge(
                since(lease_until),
                [Event::LeaseEdgeBefore, Event::LeaseEdgeAt, Event::LeaseEdgeAfter],
            ),
            Some(Stage::Completed { expires_at, .. }) => self.note_edge(
                since(expires_at),
                [Event::AnswerEdgeBefore, Event::AnswerEdgeAt, Event::AnswerEdgeAfter],
            ),
            _ => {}
        }
        let Some(date) = self.setup.date.filter(|_| part.dated) else { return };
        if granted || *told == ClaimOutcome::KeyExpired {
            let edges = [Event::DateEdgeBefore, Event::DateEdgeAt, Event::DateEdgeAfter];
            self.note_edge(since(usable_until(date, part)), edges);
        }
        match since(date.minted) + i128::from(RETENTION.skew.as_secs()) * 1_000 {
            0 if granted => self.seen.note(Event::FutureEdgeAt),
            -1 if *told == ClaimOutcome::KeyFromFuture => self.seen.note(Event::FutureEdgeAfter),
            _ => {}
        }
    }

    fn note_edge(&self, past: i128, [before, at, after]: [Event; 3]) {
        match past {
            -1 => self.seen.note(before),
            0 => self.seen.note(at),
            1 => self.seen.note(after),
            _ => {}
        }
    }

    pub(super) fn note_renewal(&self, before: &World, key: usize, told: RenewOutcome) {
        self.seen.note(match told {
            RenewOutcome::Renewed if lease_over(before.keys[key].record, before) => {
                Event::RenewedLate
            }
            RenewOutcome::Renewed => Event::Renewed,
            RenewOutcome::Lost => Event::StaleRenewal,
        });
    }

    pub(super) fn note_completion(&self, before: &World, key: usize, recorded: bool) {
        let record = before.keys[key].record;
        if record.is_some_and(|record| record.answer() == Some(BY_A_PERSON)) {
            self.seen.note(Event::PersonWasFirst);
        } else if !recorded {
            self.seen.note(Event::StaleCompletion);
        } else if record.is_some_and(|record| record.unresolved()) {
            self.seen.note(Event::Heal);
        } else if record.is_some_and(|record| record.answer().is_some()) {
            self.seen.note(Event::CompletedAgain);
        } else if lease_over(record, before) {
            self.seen.note(Event::LateCompletion);
        }
    }

    pub(super) fn note_release(&self, told: ReleaseOutcome) {
        self.seen.note(match told {
            ReleaseOutcome::Freed => Event::Freed,
            ReleaseOutcome::LeaseEnded => Event::LeaseEnded,
            ReleaseOutcome::Indeterminate => Event::OwnerCannotSay,
            ReleaseOutcome::Stale => Event::StaleRelease,
        });
    }

    pub(super) fn note_sweep(&self, before: &World, key: usize, after: &World) {
        let (Some(record), left) = (before.keys[key].record, after.keys[key].record) else {
            return;
        };
        let event = match (record.stage, left) {
            (Stage::Completed { .. }, None) => Event::AnswerForgotten,
            (Stage::Indeterminate { .. }, None) => Event::OutcomeForgotten,
            (Stage::InProgress { .. }, None) if record.class == EffectClass::Keyed => {
                Event::OrphanForgotten
            }
            (Stage::InProgress { .. }, None) => Event::OrphanRemoved,
            (Stage::InProgress { .. }, Some(left)) if left.unresolved() => Event::OrphanUnresolved,
            _ => return,
        };
        self.seen.note(event);
    }

    /// Whether the key is too old by itself.
    pub(super) fn too_old(&self, world: &World, part: &Part) -> bool {
        self.setup.date.is_some_and(|date| world.now >= usable_until(date, part))
    }
}

fn lease_over(record: Option<Small>, world: &World) -> bool {
    record.and_then(|record| record.lease_until()).is_some_and(|until| until <= world.now)
}
