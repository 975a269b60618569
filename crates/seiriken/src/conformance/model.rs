//! The reference: what a record may become, and what may be answered, by the transition function.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::record::transition::{
    self, Change, Claim, ClaimOutcome, CompleteOutcome, Ended, Granted, ReleaseOutcome,
    RenewOutcome, Surroundings, Transition,
};
use crate::record::{Record, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::store::Store;

/// A verb, as it is asked.
#[derive(Debug, Clone)]
pub(super) enum Verb {
    Claim(Claim),
    Renew(Token, Duration),
    Complete(Token, RecordedResponse),
    Release(Token, Ended),
}

/// What it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    Claim(ClaimOutcome),
    Renew(RenewOutcome),
    Complete(CompleteOutcome),
    Release(ReleaseOutcome),
}

impl Verb {
    /// Asks the store.
    pub(super) async fn ask<S: Store>(&self, store: &S, id: RecordId) -> Told {
        let told = match self.clone() {
            Self::Claim(claim) => store.claim(id, claim).await.map(Told::Claim),
            Self::Renew(token, lease) => store.renew(id, token, lease).await.map(Told::Renew),
            Self::Complete(token, response) => {
                store.complete(id, token, response).await.map(Told::Complete)
            }
            Self::Release(token, ended) => store.release(id, token, ended).await.map(Told::Release),
        };
        told.expect("a verb is answered")
    }
}

impl Told {
    /// The token of an execution that begins with this answer.
    pub(super) fn begins(&self) -> Option<Token> {
        match self {
            Self::Claim(ClaimOutcome::Granted(grant)) if grant.how != Granted::Yours => {
                Some(grant.token)
            }
            _ => None,
        }
    }

    /// When exactly to ask again is a store's own business.
    fn comparable(&self) -> Self {
        match self {
            Self::Claim(ClaimOutcome::InProgress { retry_after }) => {
                assert!(
                    *retry_after >= Duration::from_secs(1),
                    "told to ask after {retry_after:?}"
                );
                Self::Claim(ClaimOutcome::InProgress { retry_after: Duration::ZERO })
            }
            told => told.clone(),
        }
    }
}

/// What the record may be after `verb` was told `told`; nothing, if it may not be told that.
///
/// What a sweeper may have done to the record before is allowed for: whether and when a store
/// sweeps is its own business.
pub(super) fn after(
    current: Option<&Record>,
    verb: &Verb,
    told: &Told,
    now: Timestamp,
) -> Vec<Option<Record>> {
    let mut befores = vec![current.cloned()];
    if let Some(record) = current {
        match transition::sweep(record, now).change {
            Change::Keep => {}
            Change::Put(swept) => befores.push(Some(swept)),
            Change::Remove => befores.push(None),
        }
    }
    let mut afters = Vec::new();
    for before in befores {
        let (change, expected) = step(before.as_ref(), verb, told, now);
        let after = match change {
            Change::Keep => before,
            Change::Put(record) => Some(record),
            Change::Remove => None,
        };
        if expected.comparable() == told.comparable() && !afters.contains(&after) {
            afters.push(after);
        }
    }
    afters
}

fn step(current: Option<&Record>, verb: &Verb, told: &Told, now: Timestamp) -> (Change, Told) {
    fn split<O>(step: Transition<O>, told: impl FnOnce(O) -> Told) -> (Change, Told) {
        (step.change, told(step.outcome))
    }
    match verb {
        Verb::Claim(claim) => {
            // Which token is fresh only the store knows; that it is, is checked elsewhere.
            let fresh = told.begins().unwrap_or(Token::from_u128(u128::MAX));
            let around = Surroundings::new(fresh, now);
            split(transition::claim(current, claim, &around), Told::Claim)
        }
        Verb::Renew(token, lease) => {
            split(transition::renew(current, *token, *lease, now), Told::Renew)
        }
        Verb::Complete(token, response) => {
            split(transition::complete(current, *token, response, now), Told::Complete)
        }
        Verb::Release(token, ended) => {
            split(transition::release(current, *token, *ended, now), Told::Release)
        }
    }
}
