//! Keys, fingerprints, records as bytes.

use std::hint::black_box;

use seiriken::record::{EffectClass, Minted, Record, State, Token, codec};
use seiriken::{
    Fingerprint, FingerprintKind, IdempotencyKey, IdentityDigest, KeySyntax, RecordId,
    RequestParts, Scope, ScopeDigest,
};
use seiriken_bench_baseline::order;

use crate::Operation;
use crate::inputs::{self, Keys};

const ID: RecordId = RecordId::from_bytes([5; 16]);

/// The field of a request, as most clients write it.
pub(crate) fn read_key() -> Operation {
    let key = Keys::default().fresh();
    Box::new(move || {
        let key = IdempotencyKey::parse(black_box(key.as_bytes()), KeySyntax::Lenient);
        assert!(black_box(key).is_ok(), "the key is well-formed");
    })
}

pub(crate) fn order_by_bytes() -> Operation {
    fingerprint(order::REQUEST.to_owned(), FingerprintKind::Bytes)
}

pub(crate) fn order_as_canonical_json() -> Operation {
    fingerprint(order::REQUEST.to_owned(), FingerprintKind::CanonicalJson)
}

pub(crate) fn document_by_bytes() -> anyhow::Result<Operation> {
    Ok(fingerprint(inputs::document()?, FingerprintKind::Bytes))
}

/// What it takes longer than by bytes is the canonical form.
pub(crate) fn document_as_canonical_json() -> anyhow::Result<Operation> {
    Ok(fingerprint(inputs::document()?, FingerprintKind::CanonicalJson))
}

fn fingerprint(body: String, kind: FingerprintKind) -> Operation {
    let secret = inputs::secret();
    Box::new(move || {
        let request = RequestParts {
            method: b"POST",
            path: b"/orders",
            query: None,
            content_type: Some(order::JSON.as_bytes()),
            body: body.as_bytes(),
        };
        let fingerprint = Fingerprint::new(&secret, kind, black_box(&request));
        assert_eq!(black_box(fingerprint).kind(), kind);
    })
}

pub(crate) fn encode() -> anyhow::Result<Operation> {
    let record = record()?;
    let length = codec::encode(&ID, &record).len();
    Ok(Box::new(move || {
        let bytes = codec::encode(&ID, black_box(&record));
        assert_eq!(black_box(bytes).len(), length);
    }))
}

pub(crate) fn decode() -> anyhow::Result<Operation> {
    let bytes = codec::encode(&ID, &record()?);
    Ok(Box::new(move || {
        let record = codec::decode(&ID, black_box(&bytes).clone());
        assert!(black_box(record).is_ok(), "what was encoded can be decoded");
    }))
}

/// A finished order.
fn record() -> anyhow::Result<Record> {
    let secret = inputs::secret();
    Ok(Record {
        token: Token::from_u128(7),
        identity: IdentityDigest::anonymous(&secret),
        fingerprint: Fingerprint::of_work(&secret, "order", order::REQUEST.as_bytes()),
        scope: ScopeDigest::new(&secret, &Scope::default()),
        minted: Minted::By(inputs::NOW),
        class: EffectClass::Opaque,
        executions: 1,
        state: State::Completed { response: inputs::recorded()?, expires_at: inputs::NOW },
    })
}
