//! Which operation the work belongs to.

use crate::dated_key::KeyDate;
use crate::fingerprint::{Fingerprint, FingerprintKind};
use crate::identity::IdentityDigest;
use crate::key::IdempotencyKey;
use crate::scope::{RecordId, Scope, ScopeDigest};
use crate::secret::StoreSecret;

/// Which operation it is, whose, and with what.
#[derive(Debug, Clone)]
pub struct Operation<F> {
    /// Scope and key.
    pub id: RecordId,
    /// For whom it is counted.
    pub scope: ScopeDigest,
    /// What the key says about its age, where that is looked at.
    pub date: Option<KeyDate>,
    /// Whose request it is.
    pub identity: IdentityDigest,
    /// The kind of fingerprint to record.
    pub kind: FingerprintKind,
    /// Makes the request's fingerprint, of the kind above or of the kind an earlier request of
    /// this key was recorded with.
    pub fingerprint: F,
}

impl Operation<()> {
    /// Work that is no HTTP request: a message, a job. `name` says what is done, `input` with
    /// what; the same key with another of either is a mismatch. Whoever can reach the engine is
    /// trusted, so there is no identity to compare.
    pub fn of_work(
        secret: &StoreSecret,
        scope: &Scope,
        key: &IdempotencyKey,
        name: &str,
        input: &[u8],
    ) -> Operation<impl Fn(FingerprintKind) -> Fingerprint + use<>> {
        let fingerprint = Fingerprint::of_work(secret, name, input);
        Operation {
            id: RecordId::new(secret, scope, key),
            scope: ScopeDigest::new(secret, scope),
            date: None,
            identity: IdentityDigest::anonymous(secret),
            kind: fingerprint.kind(),
            fingerprint: move |_| fingerprint,
        }
    }
}
