//! A record as bytes: versioned and checksummed, for stores that keep bytes.
//!
//! The checksum covers the record's id too, so a row that ended up under another id is found out.
//! What cannot be read is reported, never treated as absent: an absent record would run the work
//! again.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use crate::clock::Timestamp;
use crate::fingerprint::Fingerprint;
use crate::identity::IdentityDigest;
use crate::scope::{RecordId, ScopeDigest};

/// Bytes that are no record of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CorruptRecord {
    /// The checksum does not fit: the bytes were changed, cut, or belong to another id.
    #[error("the stored record does not match its checksum")]
    Checksum,
    /// Written by a version that this one does not know.
    #[error("the stored record has layout version {version}, which this version does not know")]
    Version {
        /// The version it says.
        version: u8,
    },
    /// The checksum fits and the content does not make sense.
    #[error("the stored record has a field that this version does not know")]
    Content,
}

const VERSION: u8 = 2;

/// The record's bytes.
pub fn encode(id: &RecordId, record: &Record) -> Bytes {
    let response = match &record.state {
        State::Completed { response, .. } => response.as_bytes().len(),
        _ => 0,
    };
    let mut out = BytesMut::with_capacity(128 + response);
    out.put_u8(VERSION);
    out.put_u128_le(record.token.as_u128());
    out.put_slice(record.identity.as_bytes());
    out.put_u8(record.fingerprint.kind().code());
    out.put_slice(record.fingerprint.digest());
    out.put_slice(record.scope.as_bytes());
    encode_minted(&mut out, record.minted);
    out.put_u8(class_code(record.class));
    out.put_u32_le(record.executions);
    encode_state(&mut out, &record.state);
    let checksum = checksum(id, &out);
    out.put_u32_le(checksum);
    out.freeze()
}

/// Reads what [`encode`] wrote for the same id.
pub fn decode(id: &RecordId, mut bytes: Bytes) -> Result<Record, CorruptRecord> {
    let length = bytes.len().checked_sub(4).ok_or(CorruptRecord::Checksum)?;
    let stored = bytes.split_off(length).get_u32_le();
    if stored != checksum(id, &bytes) {
        return Err(CorruptRecord::Checksum);
    }
    match bytes.try_get_u8() {
        Ok(VERSION) => decode_content(bytes).ok_or(CorruptRecord::Content),
        Ok(version) => Err(CorruptRecord::Version { version }),
        Err(_) => Err(CorruptRecord::Content),
    }
}

fn encode_minted(out: &mut BytesMut, minted: Minted) {
    let (tag, time) = match minted {
        Minted::At(time) => (1, time),
        Minted::By(time) => (2, time),
    };
    out.put_u8(tag);
    out.put_u64_le(time.as_millis());
}

fn encode_state(out: &mut BytesMut, state: &State) {
    match state {
        State::InProgress { attempt, claimed_at, lease_until, retention } => {
            out.put_u8(1);
            out.put_u128_le(attempt.as_u128());
            out.put_u64_le(claimed_at.as_millis());
            out.put_u64_le(lease_until.as_millis());
            encode_retention(out, retention);
        }
        State::Indeterminate { why, retention, forget_at } => {
            out.put_u8(2);
            out.put_u8(why_code(*why));
            encode_retention(out, retention);
            out.put_u64_le(forget_at.as_millis());
        }
        State::Completed { response, expires_at } => {
            out.put_u8(3);
            out.put_u64_le(expires_at.as_millis());
            out.put_slice(response.as_bytes());
        }
    }
}

fn encode_retention(out: &mut BytesMut, retention: &Retention) {
    for duration in [retention.answers, retention.skew] {
        out.put_u64_le(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    }
}

fn decode_content(mut bytes: Bytes) -> Option<Record> {
    let token = Token::from_u128(bytes.try_get_u128_le().ok()?);
    let identity = IdentityDigest::from_bytes(take(&mut bytes)?);
    let kind = bytes.try_get_u8().ok()?;
    let fingerprint = Fingerprint::from_stored(kind, take(&mut bytes)?)?;
    let scope = ScopeDigest::from_bytes(take(&mut bytes)?);
    let minted = take_minted(&mut bytes)?;
    let class = class_from(bytes.try_get_u8().ok()?)?;
    let executions = bytes.try_get_u32_le().ok()?;
    let state = decode_state(bytes)?;
    Some(Record { token, identity, fingerprint, scope, minted, class, executions, state })
}

fn decode_state(mut bytes: Bytes) -> Option<State> {
    let state = match bytes.try_get_u8().ok()? {
        1 => State::InProgress {
            attempt: AttemptId::from_random(bytes.try_get_u128_le().ok()?),
            claimed_at: take_timestamp(&mut bytes)?,
            lease_until: take_timestamp(&mut bytes)?,
            retention: take_retention(&mut bytes)?,
        },
        2 => State::Indeterminate {
            why: why_from(bytes.try_get_u8().ok()?)?,
            retention: take_retention(&mut bytes)?,
            forget_at: take_timestamp(&mut bytes)?,
        },
        3 => {
            let expires_at = take_timestamp(&mut bytes)?;
            let response = RecordedResponse::from_bytes(std::mem::take(&mut bytes))?;
            State::Completed { response, expires_at }
        }
        _ => return None,
    };
    bytes.is_empty().then_some(state)
}

fn take<const N: usize>(bytes: &mut Bytes) -> Option<[u8; N]> {
    let mut taken = [0; N];
    bytes.try_copy_to_slice(&mut taken).ok()?;
    Some(taken)
}

fn take_timestamp(bytes: &mut Bytes) -> Option<Timestamp> {
    bytes.try_get_u64_le().ok().map(Timestamp::from_millis)
}

fn take_minted(bytes: &mut Bytes) -> Option<Minted> {
    let tag = bytes.try_get_u8().ok()?;
    let time = take_timestamp(bytes)?;
    match tag {
        1 => Some(Minted::At(time)),
        2 => Some(Minted::By(time)),
        _ => None,
    }
}

fn take_retention(bytes: &mut Bytes) -> Option<Retention> {
    let answers = Duration::from_millis(bytes.try_get_u64_le().ok()?);
    let skew = Duration::from_millis(bytes.try_get_u64_le().ok()?);
    Some(Retention { answers, skew })
}

fn checksum(id: &RecordId, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(id.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn class_code(class: EffectClass) -> u8 {
    match class {
        EffectClass::Transactional => 1,
        EffectClass::Keyed => 2,
        EffectClass::Opaque => 3,
    }
}

fn class_from(code: u8) -> Option<EffectClass> {
    match code {
        1 => Some(EffectClass::Transactional),
        2 => Some(EffectClass::Keyed),
        3 => Some(EffectClass::Opaque),
        _ => None,
    }
}

fn why_code(why: Why) -> u8 {
    match why {
        Why::OwnerVanished => 1,
        Why::OwnerCannotSay => 2,
    }
}

fn why_from(code: u8) -> Option<Why> {
    match code {
        1 => Some(Why::OwnerVanished),
        2 => Some(Why::OwnerCannotSay),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scope::Scope;
    use crate::secret::StoreSecret;

    fn records() -> [Record; 3] {
        let secret = StoreSecret::from_bytes([1; 32]);
        let retention = Retention { answers: Duration::from_mins(1), skew: Duration::from_secs(5) };
        let record = |minted, state| Record {
            scope: ScopeDigest::new(&secret, &Scope::default()),
            minted,
            token: Token::from_u128(7),
            identity: IdentityDigest::anonymous(&secret),
            fingerprint: Fingerprint::of_work(&secret, "job", b"1"),
            class: EffectClass::Keyed,
            executions: 2,
            state,
        };
        let by = Minted::By(Timestamp::from_millis(1));
        [
            record(
                by,
                State::InProgress {
                    attempt: AttemptId::from_random(9),
                    claimed_at: Timestamp::from_millis(1),
                    lease_until: Timestamp::from_millis(2),
                    retention,
                },
            ),
            record(
                by,
                State::Indeterminate {
                    why: Why::OwnerCannotSay,
                    retention,
                    forget_at: Timestamp::from_millis(3),
                },
            ),
            record(
                Minted::At(Timestamp::from_millis(2)),
                State::Completed {
                    response: RecordedResponse::of_work(b"done"),
                    expires_at: Timestamp::from_millis(4),
                },
            ),
        ]
    }

    const ID: RecordId = RecordId::from_bytes([5; 16]);

    #[test]
    fn every_state_is_read_back() {
        for record in records() {
            assert_eq!(decode(&ID, encode(&ID, &record)), Ok(record));
        }
    }

    #[test]
    fn every_class_and_every_reason_is_read_back() {
        let [_, mut unknown, _] = records();
        for class in [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque] {
            for reason in [Why::OwnerVanished, Why::OwnerCannotSay] {
                unknown.class = class;
                if let State::Indeterminate { why, .. } = &mut unknown.state {
                    *why = reason;
                }
                assert_eq!(decode(&ID, encode(&ID, &unknown)), Ok(unknown.clone()));
            }
        }
    }

    #[test]
    fn every_changed_byte_every_cut_and_another_id_are_found_out() {
        for record in records() {
            let bytes = encode(&ID, &record);
            for at in 0..bytes.len() {
                let mut changed = bytes.to_vec();
                changed[at] ^= 0x40;
                assert_eq!(decode(&ID, changed.into()), Err(CorruptRecord::Checksum), "at {at}");
                assert!(decode(&ID, bytes.slice(..at)).is_err(), "cut at {at}");
            }
            let other = RecordId::from_bytes([6; 16]);
            assert_eq!(decode(&other, bytes), Err(CorruptRecord::Checksum));
        }
    }

    #[test]
    fn a_later_version_is_named_not_guessed_at() {
        let mut bytes = BytesMut::from(&encode(&ID, &records()[0])[..]);
        bytes.truncate(bytes.len() - 4);
        bytes[0] = 3;
        let sum = checksum(&ID, &bytes);
        bytes.put_u32_le(sum);
        assert_eq!(decode(&ID, bytes.freeze()), Err(CorruptRecord::Version { version: 3 }));
    }
}
