//! Seiriken (整理券, the numbered ticket): retries of HTTP requests that run the work at most once
//! and give every retry the first answer, byte for byte.

pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod engine;
mod fingerprint;
#[cfg(feature = "http")]
pub mod http;
mod identity;
mod issued_key;
mod key;
mod policy;
pub mod record;
mod scope;
mod secret;
pub mod store;

pub use fingerprint::{Fingerprint, FingerprintKind, RequestParts};
pub use identity::IdentityDigest;
pub use issued_key::{IssuedKey, NotIssued};
pub use key::{IdempotencyKey, InvalidIdempotencyKey, KEY_CHARACTERS_MAX, KeySyntax};
pub use policy::{OnConcurrent, Policy, PolicyError};
pub use scope::{RecordId, Scope};
pub use secret::StoreSecret;
