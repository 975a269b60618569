//! The one transition function of the key record: pure, synchronous, time passed in.
//!
//! Stores that can call it do (memory, SQLite); stores that must decide on their own side
//! (one SQL statement, one script) are held to it by the conformance suite. Each verb answers
//! what the record becomes ([`Change`]) and what the caller is told; every step is checked
//! against the invariants before it leaves this module, also in release builds.

use std::time::Duration;

use super::invariants::assert_step;
use super::{AttemptId, EffectClass, Record, RecordedResponse, Retention, State, Token, Why};
use crate::clock::Timestamp;
use crate::fingerprint::{Fingerprint, FingerprintKind};
use crate::identity::IdentityDigest;

/// A request for the exclusive right to run an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Made by the caller, once per request that it handles.
    pub attempt: AttemptId,
    /// Whose request it is.
    pub identity: IdentityDigest,
    /// Which request it is.
    pub fingerprint: Fingerprint,
    /// What may happen should this owner vanish.
    pub class: EffectClass,
    /// How long the owner is believed to be alive without a renewal.
    pub lease: Duration,
    /// How long the answer is to be kept.
    pub retention: Retention,
}

/// What becomes of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It stays as it is.
    Keep,
    /// It becomes this.
    Put(Record),
    /// It goes away. The token is not given out again.
    Remove,
}

/// One step: what becomes of the record, and what the caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition<O> {
    /// What becomes of the record.
    pub change: Change,
    /// What the caller is told.
    pub outcome: O,
}

/// What a claim is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// Run the work: the right to do so is yours.
    Granted(Grant),
    /// It is done: this was the answer.
    Completed(RecordedResponse),
    /// The first request is still running.
    InProgress {
        /// When asking again is worth while.
        retry_after: Duration,
    },
    /// The key was used for another request.
    Mismatch {
        /// The kind under which the stored fingerprint was made. When it is not the kind of the
        /// claim, compare again under this one before believing the mismatch.
        recorded: FingerprintKind,
    },
    /// The key was used by somebody else.
    CredentialChanged,
    /// The owner vanished, and nobody knows whether the effect happened.
    Indeterminate,
}

/// The right to run an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Names this execution in every later call.
    pub token: Token,
    /// How many executions of this operation have been started, this one included.
    pub executions: u32,
    /// How it was come by.
    pub how: Granted,
}

/// How a grant was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granted {
    /// The key was not in use.
    First,
    /// The same attempt had it already: its first acknowledgement was lost.
    Yours,
    /// From an owner whose lease had passed.
    TakenOver,
}

/// What a renewal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenewOutcome {
    /// The lease runs anew.
    Renewed,
    /// The execution is no longer this owner's to renew.
    Lost,
}

/// What a completion is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompleteOutcome {
    /// The answer stands; also when the same answer stood already.
    Recorded,
    /// Somebody else's answer stands, or none: this one was not recorded. `Some` is the answer
    /// that stands.
    Stale(Option<RecordedResponse>),
}

/// How an execution ended that has no answer to record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With proof that there was no effect.
    WithoutEffect,
    /// The owner cannot say whether there was one.
    EffectUnknown,
}

/// What a release is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The key is free.
    Freed,
    /// The next claim of the same request may run it again, at once.
    LeaseEnded,
    /// The key is indeterminate.
    Indeterminate,
    /// The execution is no longer this owner's; nothing changed.
    Stale,
}

// In every verb an expired record counts as absent: a sweeper may have removed it at any time, and
// nothing that is answered may depend on whether it has.

/// Somebody wants to run the operation. `fresh` is the token to give out if it comes to that.
///
/// The order of the checks is the order of the answers: whose key it is goes before what it was
/// used for, and that before how far it is. Nothing of a stored answer shows before both passed.
pub fn claim(
    current: Option<&Record>,
    claim: &Claim,
    fresh: Token,
    now: Timestamp,
) -> Transition<ClaimOutcome> {
    let Some(record) = standing(current, now) else {
        return grant(current, claim, fresh, now, 1, Granted::First);
    };
    let keep = |outcome| checked(Some(record), now, Change::Keep, outcome);
    if record.identity != claim.identity {
        return keep(ClaimOutcome::CredentialChanged);
    }
    if record.fingerprint != claim.fingerprint {
        return keep(ClaimOutcome::Mismatch { recorded: record.fingerprint.kind() });
    }
    match &record.state {
        State::Completed { response, .. } => keep(ClaimOutcome::Completed(response.clone())),
        State::Indeterminate { .. } => keep(ClaimOutcome::Indeterminate),
        State::InProgress { attempt, .. } if *attempt == claim.attempt => {
            let Record { token, executions, .. } = *record;
            keep(ClaimOutcome::Granted(Grant { token, executions, how: Granted::Yours }))
        }
        State::InProgress { claimed_at, lease_until, .. } if now < *lease_until => {
            keep(ClaimOutcome::InProgress {
                retry_after: worth_asking_after(*claimed_at, *lease_until, now),
            })
        }
        State::InProgress { .. } if record.class.may_run_again() => {
            let executions = record.executions.saturating_add(1);
            grant(Some(record), claim, fresh, now, executions, Granted::TakenOver)
        }
        State::InProgress { .. } => {
            let change = Change::Put(indeterminate(record, Why::OwnerVanished, now));
            checked(Some(record), now, change, ClaimOutcome::Indeterminate)
        }
    }
}

/// The owner says that it is alive.
pub fn renew(
    current: Option<&Record>,
    token: Token,
    lease: Duration,
    now: Timestamp,
) -> Transition<RenewOutcome> {
    match standing(current, now) {
        Some(record) if record.token == token => {
            let mut renewed = record.clone();
            if let State::InProgress { lease_until, .. } = &mut renewed.state {
                *lease_until = now.after(lease).max(*lease_until);
                return checked(Some(record), now, Change::Put(renewed), RenewOutcome::Renewed);
            }
            checked(current, now, Change::Keep, RenewOutcome::Lost)
        }
        _ => checked(current, now, Change::Keep, RenewOutcome::Lost),
    }
}

/// The owner has an answer. It is taken while the record's token is the owner's, however late the
/// owner is: no lease decides whether an answer counts.
pub fn complete(
    current: Option<&Record>,
    token: Token,
    response: &RecordedResponse,
    now: Timestamp,
) -> Transition<CompleteOutcome> {
    let current = standing(current, now);
    let too_late = |stands| checked(current, now, Change::Keep, CompleteOutcome::Stale(stands));
    let Some(record) = current.filter(|record| record.token == token) else {
        return match current.map(|record| &record.state) {
            Some(State::Completed { response, .. }) => too_late(Some(response.clone())),
            _ => too_late(None),
        };
    };
    match &record.state {
        State::InProgress { retention, .. } | State::Indeterminate { retention, .. } => {
            let expires_at = retention.expiry(now);
            let completed = State::Completed { response: response.clone(), expires_at };
            let change = Change::Put(Record { state: completed, ..record.clone() });
            checked(Some(record), now, change, CompleteOutcome::Recorded)
        }
        State::Completed { response: stands, .. } if stands == response => {
            checked(Some(record), now, Change::Keep, CompleteOutcome::Recorded)
        }
        State::Completed { response: stands, .. } => too_late(Some(stands.clone())),
    }
}

/// The owner ends the execution without an answer to record.
pub fn release(
    current: Option<&Record>,
    token: Token,
    ended: Ended,
    now: Timestamp,
) -> Transition<ReleaseOutcome> {
    let owned = standing(current, now)
        .filter(|record| record.token == token && matches!(record.state, State::InProgress { .. }));
    let Some(record) = owned else {
        return checked(current, now, Change::Keep, ReleaseOutcome::Stale);
    };
    let (change, outcome) = match (record.class, ended) {
        // Without a commit there was no effect, whatever the owner believes.
        (EffectClass::Transactional, _) => (Change::Remove, ReleaseOutcome::Freed),
        // Of the first owner. Where an earlier one vanished, that *this* one did nothing proves
        // nothing about that one.
        (EffectClass::Keyed | EffectClass::Opaque, Ended::WithoutEffect)
            if record.executions == 1 =>
        {
            (Change::Remove, ReleaseOutcome::Freed)
        }
        (EffectClass::Keyed, _) => (lease_ended(record, now), ReleaseOutcome::LeaseEnded),
        (EffectClass::Opaque, _) => (
            Change::Put(indeterminate(record, Why::OwnerCannotSay, now)),
            ReleaseOutcome::Indeterminate,
        ),
    };
    checked(Some(record), now, change, outcome)
}

/// What the sweeper does with a record that nobody asks for: settles what its owner left behind,
/// removes what has been kept long enough.
pub fn sweep(record: &Record, now: Timestamp) -> Change {
    let change = match &record.state {
        _ if record.expired(now) => Change::Remove,
        State::InProgress { lease_until, .. } if now >= *lease_until => match record.class {
            EffectClass::Transactional => Change::Remove,
            EffectClass::Keyed => Change::Keep,
            EffectClass::Opaque => Change::Put(indeterminate(record, Why::OwnerVanished, now)),
        },
        _ => Change::Keep,
    };
    checked(Some(record), now, change, ()).change
}

fn standing(current: Option<&Record>, now: Timestamp) -> Option<&Record> {
    current.filter(|record| !record.expired(now))
}

fn grant(
    current: Option<&Record>,
    claim: &Claim,
    fresh: Token,
    now: Timestamp,
    executions: u32,
    how: Granted,
) -> Transition<ClaimOutcome> {
    // An earlier owner of a weaker class may have had its effect: that stays so.
    let earlier = standing(current, now).map(|record| record.class);
    let record = Record {
        token: fresh,
        identity: claim.identity,
        fingerprint: claim.fingerprint,
        class: earlier.map_or(claim.class, |earlier| earlier.weaker(claim.class)),
        executions,
        state: State::InProgress {
            attempt: claim.attempt,
            claimed_at: now,
            lease_until: now.after(claim.lease),
            retention: claim.retention,
        },
    };
    let outcome = ClaimOutcome::Granted(Grant { token: fresh, executions, how });
    checked(current, now, Change::Put(record), outcome)
}

fn indeterminate(record: &Record, why: Why, now: Timestamp) -> Record {
    let retention = match record.state {
        State::InProgress { retention, .. } | State::Indeterminate { retention, .. } => retention,
        State::Completed { .. } => unreachable!("a completed record never becomes indeterminate"),
    };
    let forget_at = retention.indeterminate_expiry(now);
    Record { state: State::Indeterminate { why, retention, forget_at }, ..record.clone() }
}

fn lease_ended(record: &Record, now: Timestamp) -> Change {
    let mut ended = record.clone();
    if let State::InProgress { lease_until, .. } = &mut ended.state {
        *lease_until = now;
    }
    Change::Put(ended)
}

/// An operation that has run for a while will probably run for about as long again; beyond the
/// lease it is worth looking in any case.
fn worth_asking_after(claimed_at: Timestamp, lease_until: Timestamp, now: Timestamp) -> Duration {
    let least = Duration::from_secs(1);
    now.since(claimed_at).max(least).min(lease_until.since(now).max(least))
}

fn checked<O>(
    current: Option<&Record>,
    now: Timestamp,
    change: Change,
    outcome: O,
) -> Transition<O> {
    assert_step(current, now, &change);
    Transition { change, outcome }
}
