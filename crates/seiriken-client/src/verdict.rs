//! What an attempt says about its intent: try again, definite, or unknown.
//!
//! This is the whole table, and it is pure: no clock, no HTTP client. Both clients of Seiriken are
//! tested against the same list of vectors. In the order of the code below:
//!
//! 1. No connection came about: nothing was sent. Try again.
//! 2. No whole answer (timeout, reset, cut short): it **may have run**. Try again.
//! 3. `outcome-unknown`: unknown; asking again does not help. `response-not-kept`: definite by the
//!    status that it says, unless that was a server error.
//! 4. 2xx and 3xx: definite.
//! 5. A replay (`Idempotent-Replayed: true`) is never retried: a 4xx is definite, a 5xx unknown.
//! 6. 425 and 429: nothing ran. Try again. Any other 4xx with the marker: definite.
//! 7. 408, 500, 502, 503, 504, and 409 of a request that is still running: it may have run. Try
//!    again. Any other 5xx: unknown.
//! 8. Any other 4xx was refused at the gate: definite when nothing may have run before, else unknown,
//!    since it says nothing about the attempt before. A new key would then do it twice.
//! 9. `key-expired` is a refusal too, and it adds that nobody knows any more what was done with the
//!    key: it is definite only where nothing had reached a server before. What a 429 has refused may
//!    have come a second time, from a proxy or a network that repeats requests, and have run.

use crate::planted::{Mistake, planted};

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// No connection came about, so nothing was sent.
    NotSent,
    /// It may have been sent, and no whole answer came.
    NoAnswer,
    /// An answer, whole.
    Answer(Reply),
}

/// What matters of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// `Idempotent-Replayed`, if it is there and says one of `true` and `false`.
    pub marker: Option<bool>,
    /// Which of the problems it is that change what an answer means.
    pub problem: Option<Problem>,
}

/// The problems (RFC 9457) of the HTTP contract that change what an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// `request-in-progress`
    InProgress,
    /// `outcome-pending`
    OutcomePending,
    /// `outcome-unknown`
    OutcomeUnknown,
    /// `key-expired`
    KeyExpired,
    /// `response-not-kept`, with its member `recordedStatus`
    NotKept(Option<u16>),
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the same again, while there is time; [`History::at_deadline`] when there is none.
    Retry(RetryReason),
    /// This status is the answer.
    Definite(u16),
    /// Nobody can say, and asking again does not help.
    Unknown(Why),
}

/// Why an attempt is followed by another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryReason {
    /// No connection came about.
    NotSent,
    /// The answer was lost.
    NoAnswer,
    /// The first request is still running.
    InProgress,
    /// It ran, and its outcome is not durable yet.
    OutcomePending,
    /// Refused for now (425, 429): nothing ran.
    Refused(u16),
    /// Failed (408, 500, 502, 503, 504): whether anything ran is not known.
    Failed(u16),
}

/// Why an outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The deadline is over, and an attempt may have run.
    Deadline,
    /// A refusal with this status, after an attempt that may have run; or of a key that was sent
    /// before and has been forgotten since.
    RefusedAfterMaybe(u16),
    /// The server says that it does not know.
    ServerSays,
    /// A server error with this status that sending again does not change.
    ServerError(u16),
    /// The intent is too old: the server may have forgotten its key and would run it anew, so it
    /// was not sent again.
    TooOld,
    /// It could not be written to the journal, so it was not sent again.
    Journal,
}

/// What the attempts so far say together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    may_have_run: bool,
    last: Last,
}

/// What the last refusal was that asks to come again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    NoRefusal,
    Refused { status: u16, marked: bool },
}

/// The result when there is no time for another attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtDeadline {
    /// The refusal with this status: nothing ran.
    Definite(u16),
    /// Certainly nothing ran, and there is no answer.
    NothingSent,
    /// An attempt may have run.
    Unknown,
}

impl History {
    /// Before the first attempt. `resumed`: an earlier process may have sent it.
    pub fn new(resumed: bool) -> Self {
        Self { may_have_run: resumed, last: Last::NoRefusal }
    }

    /// Whether an attempt so far may have run.
    pub fn may_have_run(&self) -> bool {
        self.may_have_run
    }

    /// Takes in what came of an attempt.
    pub fn judge(&mut self, seen: Seen) -> Verdict {
        match seen {
            Seen::NotSent => Verdict::Retry(RetryReason::NotSent),
            Seen::NoAnswer => self.may_have_run_then(RetryReason::NoAnswer),
            Seen::Answer(reply) => self.judge_reply(reply),
        }
    }

    fn judge_reply(&mut self, reply: Reply) -> Verdict {
        let Reply { status, marker, problem } = reply;
        match (status, problem) {
            (400.., Some(Problem::OutcomeUnknown)) => Verdict::Unknown(Why::ServerSays),
            (400.., Some(Problem::NotKept(recorded))) => match recorded {
                Some(recorded @ 200..=499) => Verdict::Definite(recorded),
                recorded => Verdict::Unknown(Why::ServerError(recorded.unwrap_or(status))),
            },
            (200..=399, _) => Verdict::Definite(status),
            (400..=499, _) if marker == Some(true) => Verdict::Definite(status),
            _ if marker == Some(true) => Verdict::Unknown(Why::ServerError(status)),
            (503, Some(Problem::OutcomePending)) => {
                self.may_have_run_then(RetryReason::OutcomePending)
            }
            (425 | 429, _) => {
                self.last = Last::Refused { status, marked: marker.is_some() };
                Verdict::Retry(RetryReason::Refused(status))
            }
            (400..=499, _) if marker.is_some() => Verdict::Definite(status),
            (408 | 500 | 502..=504, _) => self.may_have_run_then(RetryReason::Failed(status)),
            (409, Some(Problem::InProgress)) => self.may_have_run_then(RetryReason::InProgress),
            (400, Some(Problem::KeyExpired)) if self.last != Last::NoRefusal => {
                Verdict::Unknown(Why::RefusedAfterMaybe(status))
            }
            (400..=499, _) if !self.may_have_run || planted(Mistake::TakesARefusalForAll) => {
                Verdict::Definite(status)
            }
            (400..=499, _) => Verdict::Unknown(Why::RefusedAfterMaybe(status)),
            _ => Verdict::Unknown(Why::ServerError(status)),
        }
    }

    /// The result when the last verdict was to try again and there is no time left.
    pub fn at_deadline(&self) -> AtDeadline {
        match self.last {
            // The marker says that it is the work's own answer, under this very key.
            Last::Refused { status, marked: true } => AtDeadline::Definite(status),
            _ if self.may_have_run && !planted(Mistake::TellsUnknownAsFailed) => {
                AtDeadline::Unknown
            }
            Last::Refused { status, .. } => AtDeadline::Definite(status),
            Last::NoRefusal => AtDeadline::NothingSent,
        }
    }

    fn may_have_run_then(&mut self, reason: RetryReason) -> Verdict {
        self.may_have_run = !planted(Mistake::ForgetsThatItMayHaveRun);
        self.last = Last::NoRefusal;
        Verdict::Retry(reason)
    }
}
