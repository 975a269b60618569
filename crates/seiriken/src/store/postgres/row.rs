//! A record as it is read from a row. What cannot be read is reported, never treated as absent.

use std::time::Duration;

use bytes::Bytes;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row, Type};

use super::columns::{claim_check, response_check};
use super::error::corrupt;
use crate::clock::Timestamp;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::record::transition::{Surroundings, Usage};
use crate::record::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use crate::scope::{RecordId, ScopeDigest};
use crate::store::StoreError;

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
    if row.try_get::<i64, _>("claim_check")? != claim_check(id, scope, &identity, &fingerprint) {
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
