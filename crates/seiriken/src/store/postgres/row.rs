//! A record as a row, and back. What cannot be read is reported, never treated as absent.

use bytes::Bytes;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};

use super::argument::Argument;
use super::error::corrupt;
use crate::clock::Timestamp;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::record::transition::{Claim, Surroundings, Usage};
use crate::record::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use crate::scope::{RecordId, ScopeDigest};
use crate::store::StoreError;
use std::time::Duration;

/// What a statement says of one key.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: RecordId,
    pub(super) now: Timestamp,
    pub(super) swept_through: Timestamp,
    /// The token of the record that the statement itself has written.
    pub(super) made: Option<Token>,
    /// One to give out.
    pub(super) fresh: Option<Token>,
    pub(super) row: Option<Result<Standing, Unreadable>>,
}

/// A record, and what a change of it is compared with.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) record: Record,
    pub(super) revision: i64,
}

/// Why a row is no record.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(String);

impl Seen {
    pub(super) fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let id: Vec<u8> = row.try_get("id")?;
        let token = |name| row.try_get(name).map(|number: Option<i64>| number.map(token_of));
        let id = RecordId::from_bytes(array(&id).ok_or_else(|| wrong("id"))?);
        let there: Option<i64> = row.try_get("token")?;
        Ok(Self {
            id,
            now: time(row.try_get("now")?),
            swept_through: time(row.try_get("swept_through")?),
            made: token("made")?,
            fresh: token("fresh")?,
            row: there.map(|_| standing(&id, row)),
        })
    }

    /// The record and its revision; an error if it cannot be read.
    pub(super) fn standing(&self) -> Result<Option<&Standing>, StoreError> {
        self.row.as_ref().map(Result::as_ref).transpose().map_err(|why| corrupt(why.clone()))
    }

    pub(super) fn around(&self, used: Usage) -> Surroundings {
        // Where none is given out, none was asked for.
        let fresh = self.made.or(self.fresh).unwrap_or(Token::from_u128(0));
        Surroundings { now: self.now, fresh, swept_through: self.swept_through, used }
    }
}

fn standing(id: &RecordId, row: &PgRow) -> Result<Standing, Unreadable> {
    let unreadable = |error: sqlx::Error| Unreadable(error.to_string());
    let record = record(id, row).map_err(unreadable)?;
    Ok(Standing { record, revision: row.try_get("revision").map_err(unreadable)? })
}

fn record(id: &RecordId, row: &PgRow) -> Result<Record, sqlx::Error> {
    let fingerprint = bytes(row, "fingerprint")?;
    let kind: i16 = row.try_get("fingerprint_kind")?;
    let fingerprint = u8::try_from(kind)
        .ok()
        .and_then(|kind| Fingerprint::from_stored(kind, fingerprint))
        .ok_or_else(|| wrong("fingerprint_kind"))?;
    let identity = IdentityDigest::from_bytes(bytes(row, "identity")?);
    let scope = ScopeDigest::from_bytes(bytes(row, "scope")?);
    if row.try_get::<i64, _>("claim_check")? != claim_check(id, &scope, &identity, &fingerprint) {
        return Err(wrong("claim_check"));
    }
    let minted = time(row.try_get("minted")?);
    let minted =
        if row.try_get("minted_exactly")? { Minted::At(minted) } else { Minted::By(minted) };
    let token: i64 = row.try_get("token")?;
    let executions: i64 = row.try_get("executions")?;
    Ok(Record {
        token: token_of(token),
        identity,
        fingerprint,
        scope,
        minted,
        class: class_from(word(row, "class")?).ok_or_else(|| wrong("class"))?,
        executions: u32::try_from(executions).map_err(|_| wrong("executions"))?,
        state: state(id, token, row)?,
    })
}

fn state(id: &RecordId, token: i64, row: &PgRow) -> Result<State, sqlx::Error> {
    let millis = |name| row.try_get(name).map(duration);
    let retention = || {
        Ok::<_, sqlx::Error>(Retention { answers: millis("keep_ms")?, skew: millis("skew_ms")? })
    };
    let at = |name| row.try_get(name).map(time);
    match word(row, "state")? {
        "in_progress" => Ok(State::InProgress {
            attempt: AttemptId::from_random(u128::from_be_bytes(bytes(row, "attempt")?)),
            claimed_at: at("claimed_at")?,
            lease_until: at("lease_until")?,
            retention: retention()?,
        }),
        "indeterminate" => Ok(State::Indeterminate {
            why: match word(row, "why")? {
                "owner_vanished" => Why::OwnerVanished,
                "owner_cannot_say" => Why::OwnerCannotSay,
                _ => return Err(wrong("why")),
            },
            retention: retention()?,
            forget_at: at("expires_at")?,
        }),
        "completed" => {
            let response: Vec<u8> = row.try_get("response")?;
            if row.try_get::<i64, _>("response_check")? != response_check(id, token, &response) {
                return Err(wrong("response_check"));
            }
            let response = RecordedResponse::from_bytes(Bytes::from(response));
            let response = response.ok_or_else(|| wrong("response"))?;
            Ok(State::Completed { response, expires_at: at("expires_at")? })
        }
        _ => Err(wrong("state")),
    }
}

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
        int(claim_check(id, &record.scope, &record.identity, &record.fingerprint)),
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
    let date = |of: fn(&crate::dated_key::KeyDate, Duration) -> Timestamp| {
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
        int(claim_check(id, &claim.scope, &claim.identity, &claim.fingerprint)),
        date(|date, _| date.minted),
        date(|date, answers| date.usable_until(answers)),
    ]
}

pub(super) fn claim_check(
    id: &RecordId,
    scope: &ScopeDigest,
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
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

pub(super) fn class_word(class: EffectClass) -> &'static str {
    match class {
        EffectClass::Transactional => "transactional",
        EffectClass::Keyed => "keyed",
        EffectClass::Opaque => "opaque",
    }
}

fn class_from(word: &str) -> Option<EffectClass> {
    match word {
        "transactional" => Some(EffectClass::Transactional),
        "keyed" => Some(EffectClass::Keyed),
        "opaque" => Some(EffectClass::Opaque),
        _ => None,
    }
}

pub(super) fn token_of(number: i64) -> Token {
    Token::from_u128(u128::try_from(number).unwrap_or_default())
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

pub(super) fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn word<'r>(row: &'r PgRow, name: &str) -> Result<&'r str, sqlx::Error> {
    get(row, name)
}

fn bytes<const N: usize>(row: &PgRow, name: &'static str) -> Result<[u8; N], sqlx::Error> {
    let bytes: Vec<u8> = get(row, name)?;
    array(&bytes).ok_or_else(|| wrong(name))
}

fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    name: &str,
) -> Result<T, sqlx::Error> {
    row.try_get(name)
}

fn array<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn wrong(column: &'static str) -> sqlx::Error {
    let source = format!("{column} holds what no store writes, or was changed").into();
    sqlx::Error::ColumnDecode { index: column.into(), source }
}
