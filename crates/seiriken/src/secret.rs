//! The store's secret, and the keyed digests made with it.
//!
//! Everything that a store remembers about a request is an HMAC-SHA-256 under this secret: the
//! hash of (scope, key), the identity, the fingerprint. Who steals a dump without the secret
//! cannot test guesses against it (amounts, account numbers and keys are easily guessed).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// 256 random bits, made when a store is first opened, kept in it, shared by all its nodes.
#[derive(Clone)]
pub struct StoreSecret {
    bytes: [u8; 32],
    /// The HMAC after its key block: cloned per digest, so the key is hashed once.
    keyed: Hmac<Sha256>,
}

/// What a digest is for. A digest for one purpose is never equal to one for another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    RecordId,
    Scope,
    Identity,
    Fingerprint,
    IssuedKey,
    IssuingSecret,
}

impl Purpose {
    /// The label carries the version of the digest's layout: change the layout, change the label.
    fn label(self) -> &'static [u8] {
        match self {
            Self::RecordId => b"seiriken record-id 1",
            Self::Scope => b"seiriken scope 1",
            Self::Identity => b"seiriken identity 1",
            Self::Fingerprint => b"seiriken fingerprint 1",
            Self::IssuedKey => b"seiriken issued-key 1",
            Self::IssuingSecret => b"seiriken issuing-secret 1",
        }
    }
}

impl StoreSecret {
    /// A secret from its 32 bytes, as a store keeps them.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        // Padded with zeros to the block size, which is what RFC 2104 does with a shorter key.
        let mut block = [0; 64];
        block[..bytes.len()].copy_from_slice(&bytes);
        Self { bytes, keyed: Hmac::new(&block.into()) }
    }

    /// A new secret from the operating system's randomness.
    ///
    /// # Errors
    /// When the system has no randomness to give; without it no secret can be made.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self::from_bytes(bytes))
    }

    /// The 32 bytes, for the store that keeps them.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Digests `fields`, each with its length before it, so that no two lists of fields look
    /// alike (`["ab","c"]` and `["a","bc"]` differ).
    pub(crate) fn digest(&self, purpose: Purpose, fields: &[&[u8]]) -> [u8; 32] {
        let mut message =
            Message { mac: self.keyed.clone(), gathered: [0; GATHERED_MAX], length: 0 };
        message.field(purpose.label());
        for field in fields {
            message.field(field);
        }
        message.digest()
    }

    /// The first half of [`StoreSecret::digest`]: 128 bits, which nobody without the secret can
    /// make collide, at half the memory per key.
    pub(crate) fn short_digest(&self, purpose: Purpose, fields: &[&[u8]]) -> [u8; 16] {
        let digest = self.digest(purpose, fields);
        std::array::from_fn(|at| digest[at])
    }
}

/// What is digested. Short fields are put together first: each update costs as much as a few dozen bytes.
struct Message {
    mac: Hmac<Sha256>,
    gathered: [u8; GATHERED_MAX],
    length: usize,
}

/// The digests of an ordinary request fit in it.
const GATHERED_MAX: usize = 256;

impl Message {
    fn field(&mut self, field: &[u8]) {
        self.write(&(field.len() as u64).to_le_bytes());
        self.write(field);
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(room) = self.gathered[self.length..].get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
            self.length += bytes.len();
        } else {
            self.pass_on();
            self.mac.update(bytes);
        }
    }

    fn pass_on(&mut self) {
        self.mac.update(&self.gathered[..self.length]);
        self.length = 0;
    }

    fn digest(mut self) -> [u8; 32] {
        self.pass_on();
        self.mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for StoreSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreSecret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_moved_boundary_nor_another_purpose_gives_the_same_digest() {
        let secret = StoreSecret::from_bytes([7; 32]);
        let one = secret.digest(Purpose::RecordId, &[b"ab", b"c"]);
        assert_eq!(one, secret.digest(Purpose::RecordId, &[b"ab", b"c"]));
        assert_ne!(one, secret.digest(Purpose::RecordId, &[b"a", b"bc"]));
        assert_ne!(one, secret.digest(Purpose::RecordId, &[b"abc"]));
        assert_ne!(one, secret.digest(Purpose::Identity, &[b"ab", b"c"]));
        assert_ne!(one, StoreSecret::from_bytes([8; 32]).digest(Purpose::RecordId, &[b"ab", b"c"]));
    }

    /// However long a field is: put together with others, or digested by itself.
    #[test]
    fn a_digest_is_that_of_all_bytes_in_their_order() {
        let secret = StoreSecret::from_bytes([7; 32]);
        for long in [0, 1, 200, 211, 212, 213, 220, 255, 256, 257, 1000] {
            let fields: [&[u8]; 3] = [&vec![b'a'; long], b"bc", &vec![b'd'; long]];
            let mut mac = secret.keyed.clone();
            for field in [Purpose::RecordId.label(), fields[0], fields[1], fields[2]] {
                mac.update(&(field.len() as u64).to_le_bytes());
                mac.update(field);
            }
            let digest: [u8; 32] = mac.finalize().into_bytes().into();
            assert_eq!(secret.digest(Purpose::RecordId, &fields), digest, "{long}");
        }
    }

    /// An upgrade that changed these would take retries for new operations.
    #[test]
    fn digests_are_what_they_were() {
        use crate::{Fingerprint, FingerprintKind, IdempotencyKey, IdentityDigest, KeySyntax};
        use crate::{RecordId, RequestParts, Scope};
        let secret = StoreSecret::from_bytes(*b"an example of a 32-byte secret..");
        let key = IdempotencyKey::parse(b"8e03978e", KeySyntax::Lenient).unwrap();
        let request = RequestParts {
            method: b"POST",
            path: b"/orders",
            query: Some(b"a=1"),
            content_type: Some(b"application/json"),
            body: br#"{"qty":1,"itemId":"cake-001"}"#,
        };
        let hex = |bytes: &[u8; 16]| format!("{:032x}", u128::from_be_bytes(*bytes));
        let fingerprint = |kind| *Fingerprint::new(&secret, kind, &request).digest();
        let digests = [
            hex(RecordId::new(&secret, &Scope::new("shop"), &key).as_bytes()),
            hex(IdentityDigest::new(&secret, &[Some(b"Bearer a"), None]).as_bytes()),
            hex(&fingerprint(FingerprintKind::Bytes)),
            hex(&fingerprint(FingerprintKind::CanonicalJson)),
        ];
        assert_eq!(
            digests,
            [
                "41f1f467d1172a76c92a27cb1099e664",
                "6294ba5d1192af470b3a6dd365bb9260",
                "15032782b1879bbca1c720d68e81cbc4",
                "ea62255ffebfc8fcb7a97bfd47991792",
            ]
        );
    }

    #[test]
    fn debug_hides_the_secret() {
        assert_eq!(format!("{:?}", StoreSecret::from_bytes([7; 32])), "StoreSecret(hidden)");
    }
}
