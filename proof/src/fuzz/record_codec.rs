//! A record as bytes: nothing panics, nothing is lost, nothing that was changed goes unnoticed.

use std::time::Duration;

use seiriken::clock::Timestamp;
use seiriken::record::codec::{CorruptRecord, decode, encode};
use seiriken::record::{
    AttemptId, EffectClass, Minted, Record, RecordedResponse, Retention, State, Token, Why,
};
use seiriken::{Fingerprint, IdentityDigest, RecordId, ScopeDigest};

use super::reader::Reader;

/// Reads the bytes as a record, with and without a checksum that fits; and makes a record of them,
/// writes it, reads it and damages it.
pub fn check(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    let id = RecordId::from_bytes(reader.array());
    let stored = reader.clone().rest();
    let as_it_is = reads(&id, stored);
    let sealed = [stored, &crc32(&[id.as_bytes(), stored]).to_le_bytes()].concat();
    let with_a_checksum = reads(&id, &sealed);
    assert_ne!(with_a_checksum, Err(CorruptRecord::Checksum), "it was made to fit");
    let record = record(&mut reader);
    let bytes = encode(&id, &record);
    assert_eq!(decode(&id, bytes.clone()).as_ref(), Ok(&record), "what is written is read back");
    notices_damage(&id, &bytes, &mut reader);
    as_it_is.is_ok() || with_a_checksum.is_ok()
}

/// What is read is what was written, to the byte: no two texts are one record.
fn reads(id: &RecordId, bytes: &[u8]) -> Result<Record, CorruptRecord> {
    let read = decode(id, bytes.to_vec().into());
    if let Ok(record) = &read {
        assert_eq!(encode(id, record), bytes, "a record has one spelling");
        if let State::Completed { response, .. } = &record.state {
            response.headers().chain(response.trailers()).for_each(drop);
            assert!(response.body().len() <= response.as_bytes().len());
        }
    }
    read
}

/// A byte that was changed, an end that was cut off, another key's row.
fn notices_damage(id: &RecordId, bytes: &[u8], reader: &mut Reader<'_>) {
    let Some(place) = reader.place(bytes.len()) else { return };
    let mut changed = bytes.to_vec();
    changed[place] ^= reader.byte().max(1);
    assert_eq!(decode(id, changed.into()), Err(CorruptRecord::Checksum), "at {place}");
    let cut = &bytes[..place];
    // No accident leaves an answer that holds, just there, the checksum of all that stands before
    // it. A fuzzer makes one.
    let made_to_fit = cut
        .split_last_chunk()
        .is_some_and(|(before, last)| crc32(&[id.as_bytes(), before]).to_le_bytes() == *last);
    assert!(made_to_fit || decode(id, cut.to_vec().into()).is_err(), "cut at {place}");
    let mut other = *id.as_bytes();
    other[place % other.len()] ^= reader.byte().max(1);
    let other = RecordId::from_bytes(other);
    assert_eq!(decode(&other, bytes.to_vec().into()), Err(CorruptRecord::Checksum));
}

/// Any record.
fn record(reader: &mut Reader<'_>) -> Record {
    let time = |reader: &mut Reader<'_>| Timestamp::from_millis(reader.number());
    let duration = |reader: &mut Reader<'_>| Duration::from_millis(reader.number());
    let classes = [EffectClass::Transactional, EffectClass::Keyed, EffectClass::Opaque];
    let state = reader.byte() % 3;
    let class = reader.pick(&classes);
    let minted =
        if reader.once_in(2) { Minted::At(time(reader)) } else { Minted::By(time(reader)) };
    let token = Token::from_u128(u128::from_le_bytes(reader.array()));
    let kind = 1 + reader.byte() % 3;
    let retention = Retention { answers: duration(reader), skew: duration(reader) };
    Record {
        token,
        identity: IdentityDigest::from_bytes(reader.array()),
        fingerprint: Fingerprint::from_stored(kind, reader.array()).expect("1 to 3 are kinds"),
        scope: ScopeDigest::from_bytes(reader.array()),
        minted,
        class,
        executions: u32::from_le_bytes(reader.array()),
        state: match state {
            0 => State::InProgress {
                attempt: AttemptId::from_random(u128::from_le_bytes(reader.array())),
                claimed_at: time(reader),
                lease_until: time(reader),
                retention,
            },
            1 => State::Indeterminate {
                why: reader.pick(&[Why::OwnerVanished, Why::OwnerCannotSay]),
                retention,
                forget_at: time(reader),
            },
            _ => State::Completed { response: response(reader), expires_at: time(reader) },
        },
    }
}

/// Any answer: what goes in comes out.
fn response(reader: &mut Reader<'_>) -> RecordedResponse {
    let status = u16::from_le_bytes(reader.array());
    let mut fields = || -> Vec<(&[u8], &[u8])> {
        let count = reader.byte() % 4;
        (0..count).map(|_| (reader.short(), reader.short())).collect()
    };
    let (headers, trailers) = (fields(), fields());
    let body = reader.short();
    let response = RecordedResponse::new(status, &headers, &trailers, body);
    let response = response.expect("a few short fields are few and short enough");
    assert_eq!(response.status(), status);
    assert!(response.headers().eq(headers.iter().copied()));
    assert!(response.trailers().eq(trailers.iter().copied()));
    assert_eq!(response.body(), body);
    assert!(response.body_kept());
    response
}

/// The checksum of Ethernet and zip, bit by bit.
fn crc32(parts: &[&[u8]]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        let shift = |crc: u32, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        (0..8).fold(crc ^ u32::from(*byte), shift)
    };
    !parts.iter().flat_map(|part| part.iter()).fold(!0, step)
}
