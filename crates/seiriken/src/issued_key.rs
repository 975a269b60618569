//! Keys that the server makes: for clients that cannot be trusted to make good ones.
//!
//! Stateless: random bits, an expiry and a MAC over both and the scope, in one string. Issuing one
//! writes nothing, and nobody without the store's secret can make one up.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::key::IdempotencyKey;
use crate::scope::Scope;
use crate::secret::{Purpose, StoreSecret};

/// A key made by this service.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedKey {
    text: String,
    expires_at: Timestamp,
}

/// Why a key is not one that this service issued, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotIssued {
    /// Not made with this store's secret for this scope.
    #[error("the key was not issued by this service")]
    Unknown,
    /// Issued, and past its expiry.
    #[error("the key was issued by this service and has expired")]
    Expired,
}

const PREFIX: &str = "ticket_";
const VERSION: u8 = 1;
/// Version, expiry in ms, 128 random bits.
const SIGNED: usize = 1 + 8 + 16;
const MAC: usize = 16;

impl IssuedKey {
    /// A new key for `scope`, from 128 random bits of the caller.
    pub fn new(secret: &StoreSecret, scope: &Scope, expires_at: Timestamp, random: u128) -> Self {
        let mut bytes = Vec::with_capacity(SIGNED + MAC);
        bytes.push(VERSION);
        bytes.extend(expires_at.as_millis().to_be_bytes());
        bytes.extend(random.to_be_bytes());
        let mac = mac(secret, scope, &bytes);
        bytes.extend(mac);
        Self { text: format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)), expires_at }
    }

    /// Reads a key that claims to be issued for `scope`.
    pub fn verify(
        secret: &StoreSecret,
        scope: &Scope,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Self, NotIssued> {
        let text = key.as_str();
        let encoded = text.strip_prefix(PREFIX).ok_or(NotIssued::Unknown)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| NotIssued::Unknown)?;
        let (signed, tag) = bytes.split_at_checked(SIGNED).ok_or(NotIssued::Unknown)?;
        if signed[0] != VERSION || !equal(tag, &mac(secret, scope, signed)) {
            return Err(NotIssued::Unknown);
        }
        let mut millis = [0; 8];
        millis.copy_from_slice(&signed[1..9]);
        let expires_at = Timestamp::from_millis(u64::from_be_bytes(millis));
        if now >= expires_at {
            return Err(NotIssued::Expired);
        }
        Ok(Self { text: text.to_owned(), expires_at })
    }

    /// What the client sends as its key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Until when it can be used for the first time.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for IssuedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedKey").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

fn mac(secret: &StoreSecret, scope: &Scope, signed: &[u8]) -> [u8; MAC] {
    secret.short_digest(Purpose::IssuedKey, &[scope.as_str().as_bytes(), signed])
}

/// Compares without stopping at the first difference.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeySyntax;

    const NOON: Timestamp = Timestamp::from_millis(1_000_000);

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text.as_bytes(), KeySyntax::Lenient).unwrap()
    }

    #[test]
    fn an_issued_key_is_known_until_it_expires() {
        let secret = StoreSecret::from_bytes([1; 32]);
        let scope = Scope::new("orders");
        let issued = IssuedKey::new(&secret, &scope, NOON, 7);
        let before = Timestamp::from_millis(NOON.as_millis() - 1);
        assert_eq!(
            IssuedKey::verify(&secret, &scope, &key(issued.as_str()), before).as_ref(),
            Ok(&issued)
        );
        assert_eq!(
            IssuedKey::verify(&secret, &scope, &key(issued.as_str()), NOON),
            Err(NotIssued::Expired)
        );
    }

    #[test]
    fn another_scope_another_secret_and_any_changed_character_are_unknown() {
        let secret = StoreSecret::from_bytes([1; 32]);
        let scope = Scope::new("orders");
        let issued = IssuedKey::new(&secret, &scope, NOON, 7);
        let unknown = |secret: &StoreSecret, scope: &str, text: &str| {
            IssuedKey::verify(secret, &Scope::new(scope), &key(text), Timestamp::ZERO)
                == Err(NotIssued::Unknown)
        };
        assert!(unknown(&secret, "other", issued.as_str()));
        assert!(unknown(&StoreSecret::from_bytes([2; 32]), "orders", issued.as_str()));
        assert!(unknown(&secret, "orders", "8e03978e-40d5-43e8-bc93-6894a57f9324"));
        for at in 0..issued.as_str().len() {
            let mut changed = issued.as_str().to_owned().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(unknown(&secret, "orders", &changed), "at {at}");
        }
    }
}
