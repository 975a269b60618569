//! What may be told to whom, and when.

use seiriken::engine::Decision;
use seiriken::record::RecordedResponse;
use seiriken_client::verdict::{AtDeadline, Verdict};

use super::judge::{Arrival, Judge, Seen};
use super::mark::Mark;
use super::plan::{Effect, Fault, Intent, WorkEnds};
use super::service::{Own, Request, execution_of};

/// A message takes no longer than this, in milliseconds, unless something holds it up.
const STALE: u64 = 100;

/// How an intent ended, for its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// With this status, from an answer that is recorded or not.
    Definite { status: u16, recorded: bool },
    /// Nobody can say.
    Unknown,
    /// Certainly nothing was sent.
    NothingSent,
}

impl Judge {
    /// A process decides what a request is told.
    pub(super) fn told(
        &mut self,
        request: Request,
        arrival: Arrival,
        now: u64,
        decision: &Decision<Own>,
    ) -> u64 {
        let Request { which, intent } = request;
        let (number, mark) = kind(decision);
        let decided = self.note("told", &[which as u64, number]);
        self.mark(mark);
        self.not_fresh_after_an_answer(intent, arrival, now, decision);
        self.hears_its_neighbour(intent, arrival, now, decision);
        match decision {
            Decision::Executed { response, .. } | Decision::Replayed(response) => {
                self.durable_and_ones_own(intent, arrival, response);
            }
            Decision::Indeterminate if self.plan.effect != Effect::Elsewhere => {
                self.breach("an outcome is told as unknown that is not");
            }
            Decision::Mismatch if !self.others(intent, |other| other.request != intent.request) => {
                self.breach("a request does not match itself");
            }
            Decision::CredentialChanged
                if !self.others(intent, |other| other.caller != intent.caller) =>
            {
                self.breach("a caller is taken for another");
            }
            Decision::KeyExpired => {
                let forgotten = self.keys[usize::from(intent.key)].forgotten;
                if !self.plan.dated || !(forgotten || self.aged(intent.key, now)) {
                    self.breach("a key is refused for its age too early");
                }
            }
            Decision::InProgress { .. } => self.waits_for_somebody(intent, now),
            Decision::KeyFromFuture | Decision::QuotaExceeded => {
                self.breach("a key is refused without a reason");
            }
            _ => {}
        }
        decided
    }

    /// After the first acknowledged answer, whoever asks gets it again, or is told that it cannot
    /// be looked up now.
    fn not_fresh_after_an_answer(
        &mut self,
        intent: Intent,
        arrival: Arrival,
        now: u64,
        decision: &Decision<Own>,
    ) {
        let key = &self.keys[usize::from(intent.key)];
        let Some((heard, answer)) = &key.heard else { return };
        let forgettable = key.forgotten || (self.plan.dated && self.aged(intent.key, now));
        if *heard >= arrival.moment || !self.is_of(answer, intent) {
            return;
        }
        let fine = match decision {
            Decision::Replayed(response) => {
                response == answer || self.told_late(intent.key, arrival, response)
            }
            Decision::Pending | Decision::StoreUnavailable => true,
            Decision::KeyExpired => forgettable,
            _ => false,
        };
        if !fine {
            self.breach("I3: an answer that was heard is not given again");
        }
    }

    /// Who is told that the first request is running was not the first, and it has not ended long
    /// ago.
    fn waits_for_somebody(&mut self, intent: Intent, now: u64) {
        let key = &self.keys[usize::from(intent.key)];
        let begun = self.executions.iter().any(|seen| seen.key == usize::from(intent.key));
        // Work may go on for long after its commit, and those who wait are told when it has ended.
        let at_the_end = self.plan.effect != Effect::InTheRecordsTransaction;
        let long_ago = key.durable.is_some() && now > key.recorded_at + STALE;
        let done = long_ago && at_the_end && !self.strayed();
        if key.arrivals == 1 && !begun {
            self.breach("a request is told to wait for itself");
        }
        if done {
            self.breach("a request is told to wait for what has long been done");
        }
    }

    /// Who comes to a process while that works on the same request hears the answer together with the
    /// owner, and not when its patience is over.
    fn hears_its_neighbour(
        &mut self,
        intent: Intent,
        arrival: Arrival,
        now: u64,
        decision: &Decision<Own>,
    ) {
        if let Decision::Executed { response, .. } = decision {
            let number = usize::try_from(execution_of(response)).unwrap_or(0);
            if let Some(seen) = number.checked_sub(1).and_then(|at| self.executions.get_mut(at)) {
                seen.told_at = Some(now);
            }
            return;
        }
        let waited = matches!(decision, Decision::Replayed(_) | Decision::InProgress { .. });
        if !waited || self.strayed() {
            return;
        }
        let late = self.executions.iter().any(|seen| {
            let of = self.plan.intents[seen.intent];
            let same =
                (of.key, of.request, of.caller) == (intent.key, intent.request, intent.caller);
            let here = seen.node == arrival.node;
            let since = seen.told_at.map(|told| told.max(arrival.at));
            same && here && seen.freed.is_none() && since.is_some_and(|since| now > since + STALE)
        });
        if late {
            self.breach("who waits beside the owner is not told its answer");
        }
    }

    /// Whether calls or processes may have been held up. (A clock that is put forward overtakes an
    /// owner that is alive: who waits for it in its own process learns of its successor's answer from
    /// the store, at the next try.)
    fn strayed(&self) -> bool {
        self.plan.faults.iter().any(|fault| {
            matches!(
                fault,
                Fault::Store { .. }
                    | Fault::Crash { .. }
                    | Fault::Pause { .. }
                    | Fault::ClockJump { .. }
            )
        })
    }

    fn durable_and_ones_own(
        &mut self,
        intent: Intent,
        arrival: Arrival,
        response: &RecordedResponse,
    ) {
        let key = &self.keys[usize::from(intent.key)];
        let past = self.told_late(intent.key, arrival, response);
        let durable = key.durable.as_ref() == Some(response) || key.forgotten || past;
        let happened = match self.plan.effect {
            Effect::DeduplicatedByKey => key.effects > 0 || past,
            _ => self.of(response).is_some_and(|seen| seen.effect),
        };
        if !durable {
            self.breach("I10: an answer is told that is not durable");
        }
        if !self.is_of(response, intent) {
            self.breach("I11: an answer goes to another request or another caller");
        }
        if response.status() == 201 && !happened {
            self.breach("I5: success is told and nothing has happened");
        }
    }

    /// A client hears an answer that is recorded.
    pub(super) fn heard(&mut self, intent: Intent, response: &RecordedResponse) {
        let number = usize::from(intent.key);
        let moment = self.note("heard", &[number as u64, execution_of(response)]);
        if self.of_the_past(intent.key, response) {
            return;
        }
        match &self.keys[number].heard {
            Some((_, first)) if first != response => self.breach("I2: two answers are heard"),
            Some(_) => {}
            None => self.keys[number].heard = Some((moment, response.clone())),
        }
    }

    /// A client makes up its mind. `decided`: when the answer was made that decided it.
    pub(super) fn concluded(&mut self, which: usize, end: End, decided: u64) {
        match end {
            End::Definite { status, recorded } => {
                self.note("definite", &[which as u64, u64::from(status)]);
                self.mark(Mark::Definite);
                if !recorded {
                    self.refused.push((which, decided));
                }
            }
            End::Unknown => self.mark(Mark::Unknown),
            End::NothingSent => {
                self.mark(Mark::NothingSent);
                self.refused.push((which, u64::MAX));
            }
        }
    }

    /// The history is over; these keys are indeterminate.
    pub(super) fn finish(&mut self, indeterminate: &[u8]) {
        #[cfg(seiriken_proof)]
        if seiriken::planted::planted(seiriken::planted::Mistake::Canary)
            && self.plan.seed.is_multiple_of(100)
        {
            self.breach("the canary is dead");
        }
        if self.executions.iter().any(|seen| !seen.died && seen.ended.is_none()) {
            self.breach("work that was begun never ends");
        }
        for (which, decided) in std::mem::take(&mut self.refused) {
            let decided = decided.min(self.probing);
            // What a person has had forgotten was nothing for whoever asks later.
            let mine =
                |seen: &&Seen| seen.intent == which && seen.began < decided && seen.freed.is_none();
            if self.executions.iter().filter(mine).any(|seen| seen.effect) {
                self.breach("a client is told that nothing happened, and it did");
            }
        }
        let indeterminate = indeterminate.iter().map(|key| usize::from(*key));
        let unhealed: Vec<usize> =
            indeterminate.filter(|key| self.keys[*key].durable.is_none()).collect();
        for key in unhealed {
            let of_key = || self.executions.iter().filter(|seen| seen.key == key);
            let answered = of_key().any(|seen| {
                let alive = !seen.died && seen.freed.is_none();
                alive && matches!(seen.ended, Some(WorkEnds::Well | WorkEnds::Refused))
            });
            let excused = of_key().any(|seen| {
                seen.died || !matches!(seen.ended, Some(WorkEnds::Well | WorkEnds::Refused))
            });
            if answered {
                self.breach("the answer of an owner that is alive is lost");
            }
            if !self.strayed() && !excused {
                self.breach("an outcome is unknown, and nobody has failed");
            }
        }
    }

    /// The execution that made an answer.
    pub(super) fn of(&self, response: &RecordedResponse) -> Option<&Seen> {
        let number = usize::try_from(execution_of(response)).ok()?.checked_sub(1)?;
        self.executions.get(number)
    }

    fn is_of(&self, response: &RecordedResponse, intent: Intent) -> bool {
        self.of(response).is_some_and(|seen| {
            let of = self.plan.intents[seen.intent];
            (of.request, of.caller) == (intent.request, intent.caller)
        })
    }

    fn others(&self, intent: Intent, differs: impl Fn(&Intent) -> bool) -> bool {
        self.plan.intents.iter().any(|other| other.key == intent.key && differs(other))
    }
}

/// What a client concludes from a verdict that is final.
pub(super) fn end_of(verdict: Verdict, recorded: bool) -> Option<End> {
    match verdict {
        Verdict::Definite(status) => Some(End::Definite { status, recorded }),
        Verdict::Unknown(_) => Some(End::Unknown),
        Verdict::Retry(_) => None,
    }
}

/// What a client concludes when there is no time left.
pub(super) fn end_at_deadline(at: AtDeadline) -> End {
    match at {
        AtDeadline::Definite(status) => End::Definite { status, recorded: false },
        AtDeadline::NothingSent => End::NothingSent,
        AtDeadline::Unknown => End::Unknown,
    }
}

fn kind(decision: &Decision<Own>) -> (u64, Mark) {
    match decision {
        Decision::Executed { response, .. } => (1_000 + execution_of(response), Mark::Executed),
        Decision::Replayed(response) => (2_000 + execution_of(response), Mark::Replayed),
        Decision::NotRecorded { freed, .. } => (10 + u64::from(*freed), Mark::NotRecorded),
        Decision::Panicked { freed } => (20 + u64::from(*freed), Mark::Panicked),
        Decision::InProgress { .. } => (1, Mark::InProgress),
        Decision::KeyExpired => (2, Mark::KeyExpired),
        Decision::KeyFromFuture => (3, Mark::KeyExpired),
        Decision::QuotaExceeded => (4, Mark::KeyExpired),
        Decision::Mismatch => (5, Mark::Mismatch),
        Decision::CredentialChanged => (6, Mark::CredentialChanged),
        Decision::Indeterminate => (7, Mark::Indeterminate),
        Decision::Pending => (8, Mark::Pending),
        Decision::StoreUnavailable => (9, Mark::StoreUnavailable),
    }
}
