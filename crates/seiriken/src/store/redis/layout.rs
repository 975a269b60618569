//! A record as the value of one key: a head of fixed places, which scripts can read, and the answer.
//!
//! ```text
//! byte  0       layout version (1)
//!       1       state: 1 in progress, 2 indeterminate, 3 completed
//!       2       class: 2 keyed, 3 opaque
//!       3       kind of the fingerprint
//!       4       why it is indeterminate: 1 owner vanished, 2 cannot say
//!       5       minted: 1 at, 2 by
//!       6       1 if it is counted for its scope
//!       7       0
//!       8..12   executions                u32, little endian, as all numbers here
//!      12..16   CRC-32 of the answer      u32
//!      16..32   token
//!      32..48   attempt
//!      48..64   identity
//!      64..80   fingerprint
//!      80..88   scope
//!      88..96   minted                    u64, milliseconds, as all times here
//!      96..104  claimed at
//!     104..112  lease until
//!     112..120  forgotten at, or expires at
//!     120..128  retention of answers
//!     128..136  its skew
//!     136..152  seal: 16 hex digits of the SHA-1 of the key and everything before
//!     152..     the answer
//! ```
//!
//! SHA-1, since it is the digest that scripts have; nobody is kept out by it, damage is found. The
//! key is in it: a value under another key is found out too.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use sha1::{Digest, Sha1};

use crate::clock::Timestamp;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::record::transition::Claim;
use crate::record::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use crate::scope::ScopeDigest;

pub(super) const HEAD: usize = 152;
const SEALED: usize = 136;
const VERSION: u8 = 1;
const TIMES_AT: usize = 88;
/// Scripts count in doubles, which are exact up to here: the year 144 683.
const LATEST: u64 = 1 << 52;

/// A value that is no record of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Damaged {
    #[error("the stored record is of {length} bytes, shorter than any")]
    Short { length: usize },
    #[error("the stored record has layout version {version}, which this version does not know")]
    Version { version: u8 },
    #[error("the stored record does not match its seal")]
    Seal,
    #[error("the stored answer does not match its checksum")]
    Answer,
    #[error("the stored record has a field that this version does not know")]
    Content,
}

/// A record as it stands, and what a later script knows it by.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) record: Record,
    pub(super) counted: bool,
    pub(super) head: Bytes,
}

/// The head of a new record, up to its times.
pub(super) fn claimed(claim: &Claim, token: Token, counted: bool) -> Vec<u8> {
    let minted = match claim.date {
        Some(date) => Minted::At(date.minted),
        None => Minted::By(Timestamp::ZERO),
    };
    let record = Record {
        token,
        identity: claim.identity,
        fingerprint: claim.fingerprint,
        scope: claim.scope,
        minted,
        class: claim.class,
        executions: 1,
        state: State::InProgress {
            attempt: claim.attempt,
            claimed_at: Timestamp::ZERO,
            lease_until: Timestamp::ZERO,
            retention: claim.retention,
        },
    };
    let mut head = fields(&record, counted);
    head.truncate(TIMES_AT);
    head
}

/// What follows the times.
pub(super) fn retention(retention: &Retention) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&capped(millis(retention.answers)).to_le_bytes());
    bytes[8..].copy_from_slice(&capped(millis(retention.skew)).to_le_bytes());
    bytes
}

/// The value of a record under `key`.
pub(super) fn encode(key: &str, record: &Record, counted: bool) -> Vec<u8> {
    let mut value = fields(record, counted);
    let seal = seal(key, &value);
    value.extend(seal);
    if let State::Completed { response, .. } = &record.state {
        value.extend_from_slice(response.as_bytes());
    }
    value
}

/// Reads what a script or [`encode`] wrote for the same key.
pub(super) fn decode(key: &str, value: Vec<u8>) -> Result<Stored, Damaged> {
    let value = Bytes::from(value);
    if value.len() < HEAD {
        return Err(Damaged::Short { length: value.len() });
    }
    if value[0] != VERSION {
        return Err(Damaged::Version { version: value[0] });
    }
    if value[SEALED..HEAD] != seal(key, &value[..SEALED]) {
        return Err(Damaged::Seal);
    }
    let answer = value.slice(HEAD..);
    if value[12..16] != checksum(&answer) {
        return Err(Damaged::Answer);
    }
    let counted = value[6] == 1;
    let head = value.slice(..HEAD);
    let record = read(value, answer).ok_or(Damaged::Content)?;
    Ok(Stored { record, counted, head })
}

/// The checksum of an answer; of none, that of no bytes.
pub(super) fn checksum(answer: &[u8]) -> [u8; 4] {
    crc32fast::hash(answer).to_le_bytes()
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A time that scripts can count with.
pub(super) fn capped(millis: u64) -> u64 {
    millis.min(LATEST)
}

fn fields(record: &Record, counted: bool) -> Vec<u8> {
    let answer: &[u8] = match &record.state {
        State::Completed { response, .. } => response.as_bytes(),
        State::InProgress { .. } | State::Indeterminate { .. } => &[],
    };
    let (minted, minted_at) = match record.minted {
        Minted::At(time) => (1, time),
        Minted::By(time) => (2, time),
    };
    let zero = Timestamp::ZERO;
    let (state, why, attempt, claimed_at, lease_until, ends_at, kept) = match &record.state {
        State::InProgress { attempt, claimed_at, lease_until, retention } => {
            (1, 0, attempt.as_u128(), *claimed_at, *lease_until, zero, *retention)
        }
        State::Indeterminate { why, retention, forget_at } => {
            let why = match why {
                Why::OwnerVanished => 1,
                Why::OwnerCannotSay => 2,
            };
            (2, why, 0, zero, zero, *forget_at, *retention)
        }
        State::Completed { expires_at, .. } => {
            let none = Retention { answers: Duration::ZERO, skew: Duration::ZERO };
            (3, 0, 0, zero, zero, *expires_at, none)
        }
    };
    let class = match record.class {
        EffectClass::Transactional => 1,
        EffectClass::Keyed => 2,
        EffectClass::Opaque => 3,
    };
    let mut out = Vec::with_capacity(HEAD + answer.len());
    let kind = record.fingerprint.kind().code();
    out.extend([VERSION, state, class, kind, why, minted, u8::from(counted), 0]);
    out.put_u32_le(record.executions);
    out.extend(checksum(answer));
    out.put_u128_le(record.token.as_u128());
    out.put_u128_le(attempt);
    out.extend(record.identity.as_bytes());
    out.extend(record.fingerprint.digest());
    out.extend(record.scope.as_bytes());
    for time in [minted_at, claimed_at, lease_until, ends_at] {
        out.put_u64_le(capped(time.as_millis()));
    }
    out.extend(retention(&kept));
    out
}

fn read(mut bytes: Bytes, answer: Bytes) -> Option<Record> {
    bytes.advance(1);
    let (state, class, kind, why) =
        (bytes.get_u8(), bytes.get_u8(), bytes.get_u8(), bytes.get_u8());
    let minted = bytes.get_u8();
    bytes.advance(2);
    let executions = bytes.get_u32_le();
    bytes.advance(4);
    let token = Token::from_u128(bytes.get_u128_le());
    let attempt = AttemptId::from_random(bytes.get_u128_le());
    let identity = IdentityDigest::from_bytes(array(&mut bytes));
    let fingerprint = Fingerprint::from_stored(kind, array(&mut bytes))?;
    let scope = ScopeDigest::from_bytes(array(&mut bytes));
    let mut time = || Timestamp::from_millis(bytes.get_u64_le());
    let (minted_at, claimed_at, lease_until, ends_at) = (time(), time(), time(), time());
    let mut duration = || Duration::from_millis(bytes.get_u64_le());
    let retention = Retention { answers: duration(), skew: duration() };
    let state = match state {
        1 => State::InProgress { attempt, claimed_at, lease_until, retention },
        2 => {
            let why = match why {
                1 => Why::OwnerVanished,
                2 => Why::OwnerCannotSay,
                _ => return None,
            };
            State::Indeterminate { why, retention, forget_at: ends_at }
        }
        3 => {
            let response = RecordedResponse::from_bytes(answer)?;
            State::Completed { response, expires_at: ends_at }
        }
        _ => return None,
    };
    let minted = match minted {
        1 => Minted::At(minted_at),
        2 => Minted::By(minted_at),
        _ => return None,
    };
    let class = match class {
        2 => EffectClass::Keyed,
        3 => EffectClass::Opaque,
        _ => return None,
    };
    Some(Record { token, identity, fingerprint, scope, minted, class, executions, state })
}

fn array<const N: usize>(bytes: &mut Bytes) -> [u8; N] {
    let mut taken = [0; N];
    bytes.copy_to_slice(&mut taken);
    taken
}

fn seal(key: &str, fields: &[u8]) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Sha1::new().chain_update(key).chain_update(fields).finalize();
    std::array::from_fn(|at| {
        let byte = digest[at / 2];
        DIGITS[usize::from(if at % 2 == 0 { byte >> 4 } else { byte & 15 })]
    })
}
