//! What must happen somewhere, or the exploration has shown little.

use std::sync::atomic::{AtomicU8, Ordering};

use super::named::named;

named! { sometimes seen;
/// Something that is interesting when it happens.
pub(super) enum Event {
    /// A claim of an absent key is granted.
    First,
    /// The next claim runs the work again.
    TakenOver,
    /// A claim whose acknowledgement was lost is recognised.
    Yours,
    /// The same after its lease was over.
    YoursLate,
    /// A claim is told that the first request is running.
    Wait,
    /// A claim is given the answer.
    Replay,
    /// The owner's answer is taken from an unresolved outcome.
    Heal,
    /// A claim finds out that the owner vanished.
    OwnerVanished,
    /// A claim is told of an unresolved outcome.
    Indeterminate,
    /// A claim for another request is refused.
    Mismatch,
    /// A claim of another caller is refused.
    CredentialChanged,
    /// A dated key is too old.
    KeyExpired,
    /// A dated key may have been swept, and is young enough otherwise.
    KeySwept,
    /// A dated key is ahead of the clock.
    KeyFromFuture,
    /// A claim finds the scope full.
    QuotaReached,
    /// A claim of a key that stands is answered though the scope is full.
    FullAndAnswered,
    /// The acknowledgement of a claim is lost.
    ClaimUnheard,
    /// The acknowledgement of a completion is lost.
    CompletionUnheard,
    /// The same answer is recorded again.
    CompletedAgain,
    /// An answer is refused: the token is no longer the record's.
    StaleCompletion,
    /// A late owner completes, before anybody took over.
    LateCompletion,
    /// A lease is renewed.
    Renewed,
    /// A lease that was over is renewed.
    RenewedLate,
    /// A renewal is refused.
    StaleRenewal,
    /// A release frees the key.
    Freed,
    /// A release ends the lease.
    LeaseEnded,
    /// A release leaves an unresolved outcome.
    OwnerCannotSay,
    /// A release is refused.
    StaleRelease,
    /// An attempt dies.
    Crash,
    /// A lease ends, whatever the clock says.
    LeaseCut,
    /// The sweeper removes an answer.
    AnswerForgotten,
    /// The sweeper removes an unresolved outcome.
    OutcomeForgotten,
    /// The sweeper removes a transactional execution whose owner vanished.
    OrphanRemoved,
    /// The sweeper finds an opaque execution whose owner vanished.
    OrphanUnresolved,
    /// The sweeper removes a keyed execution that nobody took over.
    OrphanForgotten,
    /// A key is new again after the retention.
    NewWindow,
    /// A lease, 1 ms before it ends.
    LeaseEdgeBefore,
    /// A lease, in the first moment in which it is over.
    LeaseEdgeAt,
    /// A lease, 1 ms later.
    LeaseEdgeAfter,
    /// An answer, 1 ms before it expires: it is given.
    AnswerEdgeBefore,
    /// An answer, in the first moment in which it counts as absent.
    AnswerEdgeAt,
    /// An answer, 1 ms later.
    AnswerEdgeAfter,
    /// A dated key, 1 ms before it is too old: it is taken.
    DateEdgeBefore,
    /// A dated key, in the first moment in which it is too old.
    DateEdgeAt,
    /// A dated key, 1 ms later.
    DateEdgeAfter,
    /// A key as far ahead of the clock as may be: it is taken.
    FutureEdgeAt,
    /// A key 1 ms further ahead.
    FutureEdgeAfter,
    /// The store forgets.
    Amnesia,
    /// A person says that it was done, and with what answer.
    ResolvedAsDone,
    /// A person says that it was not done and never will be.
    ResolvedAsNotDone,
    /// A person settles what nobody has come upon since its owner vanished.
    ResolvedUnfound,
    /// A person has a key forgotten.
    Deleted,
    /// A person is told that somebody runs it just now.
    DeletionRefused,
    /// A person does not hear of what they have done.
    PersonUnheard,
    /// A person says the same again.
    SaidAgain,
    /// A person is told that the owner has answered meanwhile.
    OwnerWasFirst,
    /// A person is told that it is another execution by now.
    PersonOutdated,
    /// A person is told that there is nothing any more.
    PersonTooLate,
    /// An owner's answer is refused, for a person has given one.
    PersonWasFirst,
    /// A claim is given the answer of a person.
    ReplayOfAPerson,
}
}

/// What has been seen so far.
#[derive(Debug)]
pub(super) struct Seen([AtomicU8; Event::ALL.len()]);

const NEVER: u8 = 0;
const HAPPENED: u8 = 1;
const TOLD: u8 = 2;

impl Seen {
    pub(super) fn nothing() -> Self {
        Self(std::array::from_fn(|_| AtomicU8::new(NEVER)))
    }

    pub(super) fn note(&self, event: Event) {
        let seen = &self.0[event as usize];
        if seen.load(Ordering::Relaxed) == NEVER {
            // Another thread may have told it in between, which must stay.
            let _ = seen.compare_exchange(NEVER, HAPPENED, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether it has happened, once: the checker keeps the first place alone.
    pub(super) fn news(&self, event: Event) -> bool {
        let seen = &self.0[event as usize];
        seen.load(Ordering::Relaxed) == HAPPENED
            && seen.compare_exchange(HAPPENED, TOLD, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    pub(super) fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let happened = |event: &Event| self.0[*event as usize].load(Ordering::Relaxed) != NEVER;
        Event::ALL.iter().copied().filter(happened)
    }
}
