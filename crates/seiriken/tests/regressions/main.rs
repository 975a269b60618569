//! Bugs that a review found, each as the shortest way to show it. None of them may come back.

mod callers;
mod fence;
mod issued;
mod keyed;
mod layers;
mod shutdown;
mod subrequests;

use seiriken::engine::Operation;
use seiriken::record::EffectClass;
use seiriken::{
    Fingerprint, FingerprintKind, IdentityDigest, Policy, RecordId, ScopeDigest, StoreSecret,
};

fn policy(class: EffectClass) -> Policy {
    let mut policy = Policy::default();
    policy.class = class;
    policy
}

/// What `who` asks for under one and the same key.
fn asks(
    secret: &StoreSecret,
    who: &str,
    what: &str,
) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + use<>> {
    let fingerprint = Fingerprint::of_work(secret, what, b"");
    Operation {
        id: RecordId::from_bytes([1; 16]),
        identity: IdentityDigest::new(secret, &[Some(who.as_bytes())]),
        scope: ScopeDigest::from_bytes([0; 8]),
        date: None,
        kind: fingerprint.kind(),
        fingerprint: move |_| fingerprint,
    }
}
