//! What the operations work on: the same in every run.

use std::fmt::Write;
use std::time::Duration;

use anyhow::Context;
use seiriken::clock::{ManualClock, Timestamp};
use seiriken::record::RecordedResponse;
use seiriken::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use seiriken::record::{EffectClass, Token};
use seiriken::store::{MemoryStore, Store, StoreError};
use seiriken::{IssuingSecrets, RecordId, StoreSecret};

/// What an order is answered with.
pub(crate) const ANSWER: &str = concat!(
    r#"{"orderId":"0190163d-8694-739b-aea5-966c26f8ad91","itemId":"cake-001","qty":1,"#,
    r#""createdAt":"2026-01-02T03:04:05.678Z"}"#
);

/// Where that order is.
pub(crate) const LOCATION: &str = "/orders/0190163d-8694-739b-aea5-966c26f8ad91";

/// The time of every run.
pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_767_323_045_678);

/// How many keys are replayed in turn. Each was run before, which callgrind waits for too.
pub(crate) const FINISHED: usize = 256;

/// The secret of every run. Another one puts the same keys into other places.
pub(crate) fn secret() -> StoreSecret {
    StoreSecret::from_bytes(*b"for benchmarks and nothing else.")
}

/// Keys as clients make them, 36 characters long, one after another.
#[derive(Debug, Default)]
pub(crate) struct Keys(u64);

impl Keys {
    pub(crate) fn fresh(&mut self) -> String {
        self.0 += 1;
        let mut key = String::with_capacity(36);
        // Writing to a string does not fail.
        let _ = write!(key, "8e03978e-40d5-43e8-bc93-{:012x}", self.0);
        key
    }

    /// What a store may know such a key by: spread as evenly as the keyed hash that it really is.
    pub(crate) fn fresh_id(&mut self) -> RecordId {
        self.0 += 1;
        let factor = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
        let spread = u128::from(self.0).wrapping_mul(factor);
        RecordId::from_bytes((spread ^ (spread >> 61)).to_be_bytes())
    }
}

/// A JSON document of about one KiB: nested, its members in no order, some of them escaped.
pub(crate) fn document() -> anyhow::Result<String> {
    let mut document = String::from(r#"{"order":{"items":["#);
    for item in 0..10 {
        let comma = if item == 0 { "" } else { "," };
        write!(
            document,
            r#"{comma}{{"sku":"cake-{item:03}","qty":{item},"price":{item}.25,"note":"No nuts,\nplease \u2713","gift":false}}"#
        )
        .context("writing a document")?;
    }
    document.push_str(
        r#"],"currency":"EUR"},"customer":{"name":"Grete Müller","city":"Köln","zip":"50667"}}"#,
    );
    Ok(document)
}

/// The answer, as the layer records it.
pub(crate) fn recorded() -> anyhow::Result<RecordedResponse> {
    let fields = [
        (&b"location"[..], LOCATION.as_bytes()),
        (&b"content-type"[..], seiriken_bench_baseline::order::JSON.as_bytes()),
    ];
    RecordedResponse::new(201, &fields, &[], ANSWER.as_bytes()).context("recording an answer")
}

/// The memory store under the secret and at the time of every run.
#[derive(Debug)]
pub(crate) struct FixedStore {
    secret: StoreSecret,
    memory: MemoryStore,
}

impl FixedStore {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let memory = MemoryStore::with_clock(ManualClock::new(NOW));
        Ok(Self { secret: secret(), memory: memory.context("making a store")? })
    }
}

impl Store for FixedStore {
    fn secret(&self) -> &StoreSecret {
        &self.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        self.memory.issuing_secrets()
    }

    fn carries(&self, class: EffectClass) -> bool {
        self.memory.carries(class)
    }

    fn keeps_quotas(&self) -> bool {
        self.memory.keeps_quotas()
    }

    fn claim(
        &self,
        id: RecordId,
        claim: Claim,
    ) -> impl Future<Output = Result<ClaimOutcome, StoreError>> + Send {
        self.memory.claim(id, claim)
    }

    fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> impl Future<Output = Result<RenewOutcome, StoreError>> + Send {
        self.memory.renew(id, token, lease)
    }

    fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> impl Future<Output = Result<CompleteOutcome, StoreError>> + Send {
        self.memory.complete(id, token, response)
    }

    fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> impl Future<Output = Result<ReleaseOutcome, StoreError>> + Send {
        self.memory.release(id, token, ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_json_of_about_one_kibibyte() {
        let document = document().unwrap();
        assert!((960..1088).contains(&document.len()), "{}", document.len());
        assert!(serde_json::from_str::<serde_json::Value>(&document).is_ok());
    }

    #[test]
    fn no_key_and_no_id_comes_twice() {
        let (mut keys, mut seen) = (Keys::default(), std::collections::HashSet::new());
        assert!((0..1000).all(|_| seen.insert(keys.fresh())));
        assert_eq!(keys.fresh().len(), 36);
        let (mut ids, mut seen) = (Keys::default(), std::collections::HashSet::new());
        assert!((0..1000).all(|_| seen.insert(ids.fresh_id())));
    }
}
