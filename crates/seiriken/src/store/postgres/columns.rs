//! A record, and a claim, as the arguments of the statements that write them.

use std::time::Duration;

use super::argument::Argument;
use crate::clock::Timestamp;
use crate::dated_key::KeyDate;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::record::transition::Claim;
use crate::record::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use crate::scope::{RecordId, ScopeDigest};

/// The arguments from `$2` on of the statements that write a whole record.
pub(super) fn columns(id: &RecordId, record: &Record) -> Vec<Argument> {
    let int = |number: i64| Argument::Int(Some(number));
    let time = |time: Option<Timestamp>| Argument::Int(time.map(millis));
    let token = number_of(record.token);
    let (minted, exactly) = match record.minted {
        Minted::At(time) => (time, 1),
        Minted::By(time) => (time, 0),
    };
    let Parts {
        state,
        status,
        why,
        claimed_at,
        lease_until,
        expires_at,
        retention,
        attempt,
        answer,
    } = parts(record);
    let kept = |duration: fn(Retention) -> Duration| {
        Argument::Int(retention.map(|retention| millis_of(duration(retention))))
    };
    vec![
        Argument::bytes(id.as_bytes()),
        Argument::text(state),
        Argument::Int(status),
        Argument::Text(why.map(str::to_owned)),
        time(claimed_at),
        time(lease_until),
        time(expires_at),
        Argument::text(class_word(record.class)),
        int(record.executions.into()),
        time(Some(minted)),
        int(exactly),
        kept(|retention| retention.answers),
        kept(|retention| retention.skew),
        int(token),
        Argument::bytes(record.scope.as_bytes()),
        Argument::bytes(record.identity.as_bytes()),
        int(record.fingerprint.kind().code().into()),
        Argument::bytes(record.fingerprint.digest()),
        int(claim_check(id, record.scope, &record.identity, &record.fingerprint)),
        Argument::Bytes(attempt.map(|attempt| attempt.as_u128().to_be_bytes().to_vec())),
        Argument::Bytes(answer.map(|answer| answer.as_bytes().to_vec())),
        Argument::Int(answer.map(|answer| response_check(id, token, answer.as_bytes()))),
    ]
}

/// What the columns that belong to a state have in it.
#[derive(Default)]
struct Parts<'r> {
    state: &'static str,
    status: Option<i64>,
    why: Option<&'static str>,
    claimed_at: Option<Timestamp>,
    lease_until: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    retention: Option<Retention>,
    attempt: Option<AttemptId>,
    answer: Option<&'r RecordedResponse>,
}

fn parts(record: &Record) -> Parts<'_> {
    match &record.state {
        State::InProgress { attempt, claimed_at, lease_until, retention } => Parts {
            state: "in_progress",
            claimed_at: Some(*claimed_at),
            lease_until: Some(*lease_until),
            expires_at: (record.class == EffectClass::Keyed)
                .then(|| retention.expiry(record.minted, *claimed_at)),
            retention: Some(*retention),
            attempt: Some(*attempt),
            ..Parts::default()
        },
        State::Indeterminate { why, retention, forget_at } => Parts {
            state: "indeterminate",
            why: Some(match why {
                Why::OwnerVanished => "owner_vanished",
                Why::OwnerCannotSay => "owner_cannot_say",
            }),
            expires_at: Some(*forget_at),
            retention: Some(*retention),
            ..Parts::default()
        },
        State::Completed { response, expires_at } => Parts {
            state: "completed",
            status: Some(response.status().into()),
            expires_at: Some(*expires_at),
            answer: Some(response),
            ..Parts::default()
        },
    }
}

/// An argument of a claim: how many of these there are is said by the statement.
pub(super) fn claim_columns(id: &RecordId, claim: &Claim, write: bool) -> [Argument; 14] {
    let int = |number: i64| Argument::Int(Some(number));
    let date = |of: fn(&KeyDate, Duration) -> Timestamp| {
        Argument::Int(claim.date.as_ref().map(|date| millis(of(date, claim.retention.answers))))
    };
    [
        int(write.into()),
        Argument::bytes(id.as_bytes()),
        Argument::bytes(&claim.attempt.as_u128().to_be_bytes()),
        Argument::text(class_word(claim.class)),
        int(millis_of(claim.lease)),
        int(millis_of(claim.retention.answers)),
        int(millis_of(claim.retention.skew)),
        Argument::bytes(claim.scope.as_bytes()),
        Argument::bytes(claim.identity.as_bytes()),
        int(claim.fingerprint.kind().code().into()),
        Argument::bytes(claim.fingerprint.digest()),
        int(claim_check(id, claim.scope, &claim.identity, &claim.fingerprint)),
        date(|date, _| date.minted),
        date(KeyDate::usable_until),
    ]
}

pub(super) fn claim_check(
    id: &RecordId,
    scope: ScopeDigest,
    identity: &IdentityDigest,
    fingerprint: &Fingerprint,
) -> i64 {
    let kind = [fingerprint.kind().code()];
    let parts: [&[u8]; 5] =
        [id.as_bytes(), scope.as_bytes(), identity.as_bytes(), &kind, fingerprint.digest()];
    checksum(&parts)
}

pub(super) fn response_check(id: &RecordId, token: i64, response: &[u8]) -> i64 {
    checksum(&[id.as_bytes(), &token.to_be_bytes(), response])
}

fn checksum(parts: &[&[u8]]) -> i64 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

pub(super) fn class_word(class: EffectClass) -> &'static str {
    match class {
        EffectClass::Transactional => "transactional",
        EffectClass::Keyed => "keyed",
        EffectClass::Opaque => "opaque",
    }
}

/// A token of another store is none of ours, and meets no row: 0 was never given out.
pub(super) fn number_of(token: Token) -> i64 {
    i64::try_from(token.as_u128()).unwrap_or_default()
}

/// PostgreSQL's times end in the year 294276; nobody waits for this one.
const LAST: i64 = 253_402_300_799_000;

pub(super) fn millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_millis()).map_or(LAST, |millis| millis.min(LAST))
}

pub(super) fn millis_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).map_or(LAST, |millis| millis.min(LAST))
}
