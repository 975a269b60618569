//! One operation: attempts and waits until the outcome is definite, or nobody can say.

use std::time::Duration;

use tokio::time::Instant;

use crate::answer::Answer;
use crate::attempt::{Attempted, Transport};
use crate::intent::Intent;
use crate::outcome::{NothingSent, Outcome, Unknown};
use crate::retry::retry_after;
use crate::settings::Settings;
use crate::verdict::{AtDeadline, History, RetryReason, Seen, Verdict, Why};

/// What happens in an operation, for whoever wants to show it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'o> {
    /// An attempt begins; the first one has the number 1.
    Attempt {
        /// Its number.
        number: u32,
    },
    /// It is followed by another one, after a wait.
    Waiting {
        /// The number of the attempt that has ended.
        number: u32,
        /// What came of it.
        reason: RetryReason,
        /// How long it is until the next one.
        wait: Duration,
        /// What the operating system or the connection said, if there was no answer.
        detail: Option<&'o str>,
    },
}

/// The operation's course so far.
struct Course<'s> {
    settings: &'s Settings,
    deadline: Instant,
    history: History,
    /// The last answer, whatever it was.
    last: Option<Answer>,
    /// The last refusal that asked to come again later.
    refusal: Option<Answer>,
    /// What was said when there was no answer.
    detail: Option<String>,
}

/// Runs it, at most `window` long.
pub(crate) async fn run<T: Transport>(
    settings: &Settings,
    intent: &mut Intent,
    mut transport: T,
    window: Duration,
) -> Result<Outcome, NothingSent> {
    let mut course = Course {
        settings,
        deadline: Instant::now() + window,
        history: History::new(intent.may_have_run),
        last: None,
        refusal: None,
        detail: None,
    };
    settings.budget.first_attempt();
    let mut number = 1;
    loop {
        settings.tell(&Progress::Attempt { number });
        let left = course.deadline.saturating_duration_since(Instant::now());
        // Until the contrary is known: whoever drops this future has perhaps sent something.
        intent.may_have_run = true;
        let limit = left.min(settings.attempt_timeout);
        let attempted = transport.attempt(intent, settings, limit).await;
        let verdict = course.take_in(attempted);
        intent.may_have_run = course.history.may_have_run();
        tracing::debug!(attempt = number, ?verdict, "attempt ended");
        match verdict {
            Verdict::Definite(status) => return Ok(course.definite(status)),
            Verdict::Unknown(why) => return Ok(course.unknown(intent, why)),
            Verdict::Retry(reason) => {
                if !course.wait(number, reason).await {
                    return course.out_of_time(intent);
                }
            }
        }
        number += 1;
    }
}

impl Course<'_> {
    fn take_in(&mut self, attempted: Attempted) -> Verdict {
        let (seen, detail) = match attempted {
            Attempted::NotSent(detail) => (Seen::NotSent, Some(detail)),
            Attempted::NoAnswer(detail) => (Seen::NoAnswer, Some(detail)),
            Attempted::Answered(answer) => {
                let reply = answer.reply(&self.settings.marker);
                self.last = Some(answer);
                (Seen::Answer(reply), None)
            }
        };
        self.detail = detail;
        let verdict = self.history.judge(seen);
        if let Verdict::Retry(RetryReason::Refused(_)) = verdict {
            self.refusal.clone_from(&self.last);
        }
        verdict
    }

    /// Waits as long as backoff, server and budget want. `false`, at once, when the deadline comes
    /// first: whoever asks to come later than that has ended the operation.
    async fn wait(&self, number: u32, reason: RetryReason) -> bool {
        let Settings { backoff, outside, budget, .. } = self.settings;
        let mut asked = match (&self.last, &self.detail) {
            (Some(answer), None) => retry_after(&answer.headers, outside.now()),
            _ => None,
        };
        loop {
            let wait = backoff.wait(number, asked.take(), &**outside);
            let end = Instant::now().checked_add(wait);
            let Some(end) = end.filter(|end| *end < self.deadline) else { return false };
            let detail = self.detail.as_deref();
            self.settings.tell(&Progress::Waiting { number, reason, wait, detail });
            tracing::debug!(attempt = number, ?reason, ?wait, "waiting before the next attempt");
            tokio::time::sleep_until(end).await;
            if budget.allows_retry() {
                return true;
            }
            tracing::debug!(attempt = number, "the retry budget is spent");
        }
    }

    fn definite(&mut self, status: u16) -> Outcome {
        match self.last.take() {
            Some(answer) => Outcome::Definite(answer.as_recorded(status)),
            None => unreachable!("only an answer is definite"),
        }
    }

    fn unknown(&mut self, intent: &Intent, why: Why) -> Outcome {
        Outcome::Unknown(Unknown { key: intent.key.clone(), why, last: self.last.take() })
    }

    fn out_of_time(mut self, intent: &Intent) -> Result<Outcome, NothingSent> {
        match (self.history.at_deadline(), self.refusal.take()) {
            (AtDeadline::Definite(_), Some(refusal)) => Ok(Outcome::Definite(refusal)),
            (AtDeadline::NothingSent, _) => {
                Err(NothingSent::NoConnection(self.detail.unwrap_or_default()))
            }
            _ => Ok(self.unknown(intent, Why::Deadline)),
        }
    }
}

impl Settings {
    fn tell(&self, progress: &Progress<'_>) {
        if let Some(told) = &self.told {
            told(progress);
        }
    }
}
