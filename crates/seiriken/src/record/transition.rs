//! The one transition function of the key record: pure, synchronous, time passed in.
//!
//! Stores that can call it do (memory, SQLite); stores that must decide on their own side
//! (one SQL statement, one script) are held to it by the conformance suite. Each verb answers
//! what the record becomes ([`Change`]) and what the caller is told; every step is checked
//! against the invariants before it leaves this module, also in release builds.

use std::time::Duration;

pub use super::asked::{Claim, Ended, Surroundings, Usage};
pub use super::by_a_person::{
    DeleteOutcome, Resolution, ResolveOutcome, delete, found, resolve, show,
};
use super::invariants::assert_step;
pub use super::told::{
    ClaimOutcome, CompleteOutcome, Grant, Granted, ReleaseOutcome, RenewOutcome,
};
use super::{EffectClass, Minted, Record, RecordedResponse, State, Token, Why};
use crate::clock::Timestamp;
use crate::planted::{Mistake, planted};

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

// In every verb an expired record counts as absent: a sweeper may have removed it at any time, and
// nothing that is answered may depend on whether it has.

/// Somebody wants to run the operation.
///
/// The order of the checks is the order of the answers: whose key it is goes before what it was
/// used for, and that before how far it is. Nothing of a stored answer shows before both passed.
pub fn claim(
    current: Option<&Record>,
    claim: &Claim,
    around: &Surroundings,
) -> Transition<ClaimOutcome> {
    let now = around.now;
    let Some(record) = standing(current, now) else {
        return match refused_anew(current, claim, around) {
            Some(refusal) => checked(current, now, Change::Keep, refusal),
            None => grant(current, claim, around, 1, Granted::First),
        };
    };
    let keep = |outcome| checked(Some(record), now, Change::Keep, outcome);
    if record.identity != claim.identity && !planted(Mistake::IgnoresTheCaller) {
        return keep(ClaimOutcome::CredentialChanged);
    }
    if record.fingerprint != claim.fingerprint && !planted(Mistake::IgnoresTheRequest) {
        return keep(ClaimOutcome::Mismatch { recorded: record.fingerprint.kind() });
    }
    match &record.state {
        State::Completed { response, .. } => keep(ClaimOutcome::Completed(response.clone())),
        State::Indeterminate { .. } if planted(Mistake::RunsUnknownOutcomesAgain) => {
            grant(Some(record), claim, around, record.executions + 1, Granted::TakenOver)
        }
        State::Indeterminate { .. } => keep(ClaimOutcome::Indeterminate),
        State::InProgress { attempt, .. }
            if *attempt == claim.attempt && !planted(Mistake::TellsAClaimToWaitForItself) =>
        {
            let Record { token, executions, .. } = *record;
            keep(ClaimOutcome::Granted(Grant { token, executions, how: Granted::Yours }))
        }
        State::InProgress { claimed_at, lease_until, .. }
            if now < *lease_until && !planted(Mistake::TakesOverWhoIsAlive) =>
        {
            keep(ClaimOutcome::InProgress {
                retry_after: worth_asking_after(*claimed_at, *lease_until, now),
            })
        }
        State::InProgress { .. }
            if record.class.may_be_taken_over_by(claim.class)
                || planted(Mistake::TakesOverOpaqueWork) =>
        {
            let executions = record.executions.saturating_add(1);
            grant(Some(record), claim, around, executions, Granted::TakenOver)
        }
        State::InProgress { .. } => {
            let change = Change::Put(indeterminate(record, Why::OwnerVanished, now));
            checked(Some(record), now, change, ClaimOutcome::Indeterminate)
        }
    }
}

/// Why a key that is not in use may not be used now.
fn refused_anew(
    current: Option<&Record>,
    claim: &Claim,
    around: &Surroundings,
) -> Option<ClaimOutcome> {
    let now = around.now;
    if let Some(date) = claim.date {
        let usable_until = date.usable_until(claim.retention.answers);
        // An expired record is one that may be swept at any time: it counts as swept.
        let forgotten = (current.is_some() || date.minted < around.swept_through)
            && !planted(Mistake::RunsForgottenKeys);
        if forgotten || now >= usable_until {
            return Some(ClaimOutcome::KeyExpired);
        }
        if date.minted > now.after(claim.retention.skew) {
            return Some(ClaimOutcome::KeyFromFuture);
        }
    }
    // In the place of an expired record of its own there is room.
    let full = current.is_none() && claim.quota.reached(&around.used);
    full.then_some(ClaimOutcome::QuotaExceeded)
}

/// The owner says that it is alive.
pub fn renew(
    current: Option<&Record>,
    token: Token,
    lease: Duration,
    now: Timestamp,
) -> Transition<RenewOutcome> {
    match standing(current, now) {
        Some(record) if record.token == token || planted(Mistake::RenewsWithoutTheToken) => {
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
    let owned =
        |record: &&Record| record.token == token || planted(Mistake::CompletesWithoutTheToken);
    let Some(record) = current.filter(owned) else {
        return match current.map(|record| &record.state) {
            Some(State::Completed { response, .. }) => too_late(Some(response.clone())),
            _ => too_late(None),
        };
    };
    match &record.state {
        State::Indeterminate { .. } if planted(Mistake::RefusesLateAnswers) => too_late(None),
        State::InProgress { retention, .. } | State::Indeterminate { retention, .. } => {
            let expires_at = retention.expiry(record.minted, now);
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
    let owned = standing(current, now).filter(|record| {
        (record.token == token || planted(Mistake::ReleasesWithoutTheToken))
            && matches!(record.state, State::InProgress { .. })
    });
    let Some(record) = owned else {
        return checked(current, now, Change::Keep, ReleaseOutcome::Stale);
    };
    let (change, outcome) = match (record.class, ended) {
        // Without a commit there was no effect, whatever the owner believes.
        (EffectClass::Transactional, _) => (Change::Remove, ReleaseOutcome::Freed),
        // Of the first owner. Where an earlier one vanished, that *this* one did nothing proves
        // nothing about that one.
        (EffectClass::Keyed | EffectClass::Opaque, Ended::WithoutEffect)
            if record.executions == 1 || planted(Mistake::FreesAfterATakeover) =>
        {
            (Change::Remove, ReleaseOutcome::Freed)
        }
        _ if planted(Mistake::FreesWhatIsUnknown) => (Change::Remove, ReleaseOutcome::Freed),
        (EffectClass::Keyed, _) => (lease_ended(record, now), ReleaseOutcome::LeaseEnded),
        (EffectClass::Opaque, _) => (
            Change::Put(indeterminate(record, Why::OwnerCannotSay, now)),
            ReleaseOutcome::Indeterminate,
        ),
    };
    checked(Some(record), now, change, outcome)
}

/// What the sweeper does with a record that nobody asks for: settles what its owner left behind,
/// removes what has been kept long enough. `Some` is what the store's `swept_through` is at least
/// from then on.
pub fn sweep(record: &Record, now: Timestamp) -> Transition<Option<Timestamp>> {
    let expired = record.expired(now);
    let change = match &record.state {
        _ if expired => Change::Remove,
        State::InProgress { .. } if planted(Mistake::SweepsRunningWork) => Change::Remove,
        State::InProgress { lease_until, .. } if now >= *lease_until => match record.class {
            EffectClass::Transactional => Change::Remove,
            EffectClass::Keyed => Change::Keep,
            EffectClass::Opaque => Change::Put(indeterminate(record, Why::OwnerVanished, now)),
        },
        _ => Change::Keep,
    };
    let told = expired && !planted(Mistake::ForgetsThatItForgot);
    checked(Some(record), now, change, told.then(|| record.forgets_through()))
}

fn standing(current: Option<&Record>, now: Timestamp) -> Option<&Record> {
    current.filter(|record| !record.expired(now))
}

fn grant(
    current: Option<&Record>,
    claim: &Claim,
    around: &Surroundings,
    executions: u32,
    how: Granted,
) -> Transition<ClaimOutcome> {
    let &Surroundings { now, mut fresh, .. } = around;
    if planted(Mistake::RepeatsTokens) {
        fresh = Token::from_u128(1);
    }
    // An earlier owner of a weaker class may have had its effect: that stays so.
    let earlier = standing(current, now);
    let minted = match (claim.date, earlier) {
        (Some(date), _) => Minted::At(date.minted),
        (None, Some(earlier)) => earlier.minted,
        (None, None) => Minted::By(now.after(claim.retention.skew)),
    };
    let record = Record {
        token: fresh,
        identity: claim.identity,
        fingerprint: claim.fingerprint,
        scope: claim.scope,
        minted,
        class: earlier.map_or(claim.class, |earlier| earlier.class.weaker(claim.class)),
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
    let forget_at = retention.indeterminate_expiry(record.minted, now);
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
