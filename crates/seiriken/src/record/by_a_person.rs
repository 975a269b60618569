//! What a person may do with a record: settle an unknown outcome, or forget the key.
//!
//! Part of the transition function, with the same rules: an expired record counts as absent, and every
//! step is asserted. A person changes what they have looked at, and nothing else: they name the
//! execution, as owners do.

use std::borrow::Cow;

use super::invariants::assert_step_by_a_person;
use super::transition::{self, Change, Transition};
use super::{EffectClass, Record, RecordedResponse, State, Token};
use crate::clock::Timestamp;
use crate::planted::{Mistake, planted};

/// What a person has found out about an outcome that was not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// The effect happened: this is the answer to every retry from now on.
    Done(RecordedResponse),
    /// It did not happen, and never will: the key is free, and the next request with it runs.
    NotDone,
}

/// What a person is told who has resolved an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolveOutcome {
    /// It is as the person said; also where the same answer stood already.
    Resolved,
    /// Nothing was changed: this stands under the key, and is no unknown outcome of that execution.
    Stands(Option<Record>),
}

/// What a person is told who has deleted a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// The key is free.
    Deleted,
    /// Nothing was changed: this stands under the key. Either somebody runs it just now, or it is
    /// another execution.
    Stands(Option<Record>),
}

/// A record as a claim would find it now: nothing where it has expired; where the owner of an opaque
/// execution has vanished, an unknown outcome, whether or not anybody has come upon it.
pub fn found(record: &Record, now: Timestamp) -> Option<Cow<'_, Record>> {
    if record.expired(now) {
        return None;
    }
    if !matches!(record.state, State::InProgress { .. }) || record.class != EffectClass::Opaque {
        return Some(Cow::Borrowed(record));
    }
    Some(match transition::sweep(record, now).change {
        Change::Put(settled) => Cow::Owned(settled),
        Change::Keep | Change::Remove => Cow::Borrowed(record),
    })
}

/// A person looks at a record, which changes nothing.
pub fn show(current: Option<&Record>, now: Timestamp) -> Transition<Option<Record>> {
    let found = current.and_then(|record| found(record, now)).map(Cow::into_owned);
    checked(current, now, Change::Keep, found)
}

/// A person says what became of an outcome that is not known.
///
/// With an answer it is the late owner who may come and find that another answer stands; without
/// one, its token is nobody's.
pub fn resolve(
    current: Option<&Record>,
    token: Token,
    resolution: &Resolution,
    now: Timestamp,
) -> Transition<ResolveOutcome> {
    let record = current.and_then(|record| found(record, now));
    let stands = |record: Option<Cow<'_, Record>>| {
        let told = ResolveOutcome::Stands(record.map(Cow::into_owned));
        checked(current, now, Change::Keep, told)
    };
    let seen = |record: &Cow<'_, Record>| {
        record.token == token || planted(Mistake::ResolvesWithoutTheToken)
    };
    let Some(record) = record.filter(seen) else {
        return stands(current.and_then(|record| found(record, now)));
    };
    match (&record.state, resolution) {
        (State::Indeterminate { retention, .. }, Resolution::Done(response)) => {
            let expires_at = retention.expiry(record.minted, now);
            let state = State::Completed { response: response.clone(), expires_at };
            let change = Change::Put(Record { state, ..record.clone().into_owned() });
            checked(current, now, change, ResolveOutcome::Resolved)
        }
        (State::Indeterminate { .. }, Resolution::NotDone) => {
            checked(current, now, Change::Remove, ResolveOutcome::Resolved)
        }
        (State::Completed { response: there, .. }, Resolution::Done(response))
            if there == response =>
        {
            checked(current, now, Change::Keep, ResolveOutcome::Resolved)
        }
        (State::Completed { expires_at, .. }, Resolution::Done(response))
            if planted(Mistake::ResolvesOverAnAnswer) =>
        {
            let state = State::Completed { response: response.clone(), expires_at: *expires_at };
            let change = Change::Put(Record { state, ..record.clone().into_owned() });
            checked(current, now, change, ResolveOutcome::Resolved)
        }
        (State::Completed { .. } | State::InProgress { .. }, _) => stands(Some(record)),
    }
}

/// A person wants a key forgotten before its time. The next request with it is the first one.
///
/// Nobody takes a running execution from its owner, not even a person: its successor would run beside
/// it.
pub fn delete(current: Option<&Record>, token: Token, now: Timestamp) -> Transition<DeleteOutcome> {
    let standing = current.filter(|record| !record.expired(now));
    let seen = |record: &Record| record.token == token || planted(Mistake::DeletesWithoutTheToken);
    match standing {
        Some(record)
            if seen(record) && (!runs(record, now) || planted(Mistake::DeletesRunningWork)) =>
        {
            checked(current, now, Change::Remove, DeleteOutcome::Deleted)
        }
        _ => {
            let record = standing.and_then(|record| found(record, now)).map(Cow::into_owned);
            checked(current, now, Change::Keep, DeleteOutcome::Stands(record))
        }
    }
}

/// Whether its owner is believed to be alive.
pub(super) fn runs(record: &Record, now: Timestamp) -> bool {
    matches!(record.state, State::InProgress { lease_until, .. } if now < lease_until)
}

fn checked<O>(
    current: Option<&Record>,
    now: Timestamp,
    change: Change,
    outcome: O,
) -> Transition<O> {
    assert_step_by_a_person(current, now, &change);
    Transition { change, outcome }
}
