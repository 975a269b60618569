//! Keys that the server makes: for clients that cannot be trusted to make good ones.
//!
//! Stateless: a date, an expiry, random bits and a MAC over them and the scope, in one string.
//! Issuing one writes nothing, and nobody without the store's secret can make one up.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::clock::Timestamp;
use crate::dated_key::KeyDate;
use crate::issuing::IssuingSecrets;
use crate::key::IdempotencyKey;
use crate::scope::Scope;
use crate::secret::{Purpose, StoreSecret};

/// A key made by this service.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedKey {
    text: String,
    minted: Timestamp,
    expires_at: Timestamp,
}

/// The key was not issued by this service for this scope, or with a secret that is no longer live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key was not issued by this service")]
pub struct NotIssued;

const PREFIX: &str = "ticket_";
const VERSION: u8 = 1;
/// Version, number of the secret, two times in ms, 128 random bits.
const SIGNED: usize = 1 + 4 + 8 + 8 + 16;
const MAC: usize = 16;

impl IssuedKey {
    /// A new key for `scope`, from 128 random bits of the caller, good from `now` on for so long.
    pub fn new(
        issuing: &IssuingSecrets,
        scope: &Scope,
        now: Timestamp,
        valid_for: Duration,
        random: u128,
    ) -> Self {
        let signing = issuing.current();
        let expires_at = now.after(valid_for);
        let mut bytes = Vec::with_capacity(SIGNED + MAC);
        bytes.push(VERSION);
        bytes.extend(signing.number.to_be_bytes());
        bytes.extend(now.as_millis().to_be_bytes());
        bytes.extend(expires_at.as_millis().to_be_bytes());
        bytes.extend(random.to_be_bytes());
        let mac = mac(&signing.secret, scope, &bytes);
        bytes.extend(mac);
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        Self { text, minted: now, expires_at }
    }

    /// Reads a key that claims to be issued for `scope`. Whether it has expired the store says,
    /// by its own clock, when it is claimed.
    pub fn verify(
        issuing: &IssuingSecrets,
        scope: &Scope,
        key: &IdempotencyKey,
    ) -> Result<Self, NotIssued> {
        let written = Written::read(key).ok_or(NotIssued)?;
        let secret = issuing.numbered(written.number).ok_or(NotIssued)?;
        let (signed, tag) = written.bytes.split_at(SIGNED);
        if !equal(tag, &mac(&secret, scope, signed)) {
            return Err(NotIssued);
        }
        let Written { minted, expires_at, .. } = written;
        Ok(Self { text: key.as_str().to_owned(), minted, expires_at })
    }

    /// What a key that looks like an issued one says about its age, whoever made it.
    pub(crate) fn date_it_claims(key: &IdempotencyKey) -> Option<KeyDate> {
        Written::read(key).map(|Written { minted, expires_at, .. }| KeyDate {
            minted,
            expires_at: Some(expires_at),
        })
    }

    /// What the client sends as its key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Until when it can be used for the first time.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// What it says about its age.
    pub fn date(&self) -> KeyDate {
        KeyDate { minted: self.minted, expires_at: Some(self.expires_at) }
    }
}

/// What stands in a key that has the form of an issued one; its MAC is not looked at yet.
struct Written {
    bytes: Vec<u8>,
    number: u32,
    minted: Timestamp,
    expires_at: Timestamp,
}

impl Written {
    fn read(key: &IdempotencyKey) -> Option<Self> {
        let encoded = key.as_str().strip_prefix(PREFIX)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        if bytes.len() != SIGNED + MAC {
            return None;
        }
        let (version, rest) = bytes.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (minted, rest) = rest.split_first_chunk()?;
        let (expires_at, _) = rest.split_first_chunk()?;
        let time = |bytes: &[u8; 8]| Timestamp::from_millis(u64::from_be_bytes(*bytes));
        let (number, minted, expires_at) =
            (u32::from_be_bytes(*number), time(minted), time(expires_at));
        (*version == VERSION).then_some(Self { bytes, number, minted, expires_at })
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
    use crate::issuing::Numbered;
    use crate::key::KeySyntax;

    const NOON: Timestamp = Timestamp::from_millis(1_000_000);

    fn key(text: &str) -> IdempotencyKey {
        IdempotencyKey::parse(text.as_bytes(), KeySyntax::Lenient).unwrap()
    }

    fn issuing(byte: u8) -> IssuingSecrets {
        IssuingSecrets::derived_from(&StoreSecret::from_bytes([byte; 32]))
    }

    fn issue(issuing: &IssuingSecrets) -> IssuedKey {
        IssuedKey::new(issuing, &Scope::new("orders"), NOON, Duration::from_mins(1), 7)
    }

    #[test]
    fn an_issued_key_is_known_again_with_its_dates() {
        let issuing = issuing(1);
        let issued = issue(&issuing);
        let read = IssuedKey::verify(&issuing, &Scope::new("orders"), &key(issued.as_str()));
        assert_eq!(read.as_ref(), Ok(&issued));
        let expires_at = Some(Timestamp::from_millis(1_060_000));
        assert_eq!(read.unwrap().date(), KeyDate { minted: NOON, expires_at });
    }

    #[test]
    fn another_scope_another_secret_and_any_changed_character_are_unknown() {
        let ours = issuing(1);
        let issued = issue(&ours);
        let unknown = |issuing: &IssuingSecrets, scope: &str, text: &str| {
            IssuedKey::verify(issuing, &Scope::new(scope), &key(text)) == Err(NotIssued)
        };
        assert!(unknown(&ours, "other", issued.as_str()));
        assert!(unknown(&issuing(2), "orders", issued.as_str()));
        assert!(unknown(&ours, "orders", "8e03978e-40d5-43e8-bc93-6894a57f9324"));
        for at in 0..issued.as_str().len() {
            let mut changed = issued.as_str().to_owned().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(unknown(&ours, "orders", &changed), "at {at}");
        }
    }

    #[test]
    fn differences_do_not_make_up_for_one_another() {
        assert!(equal(b"ab", b"ab"));
        assert!(!equal(b"ab", b"a"));
        // The same bit in two places.
        assert!(!equal(b"aa", b"cc"));
    }

    #[test]
    fn a_log_learns_nothing_from_an_issued_key() {
        let issued = issue(&issuing(1));
        let shown = format!("{issued:?}");
        assert!(shown.starts_with("IssuedKey { expires_at: "), "{shown}");
        assert!(!shown.contains(issued.as_str()), "{shown}");
    }

    #[test]
    fn keys_outlive_one_rotation_and_not_two() {
        let issuing = issuing(1);
        let (scope, before) = (Scope::new("orders"), issue(&issuing));
        let next = |number| Numbered { number, secret: StoreSecret::random().unwrap() };
        issuing.rotate(next(2));
        let between = issue(&issuing);
        assert_eq!(IssuedKey::verify(&issuing, &scope, &key(before.as_str())), Ok(before.clone()));
        issuing.rotate(next(3));
        assert_eq!(IssuedKey::verify(&issuing, &scope, &key(before.as_str())), Err(NotIssued));
        assert_eq!(IssuedKey::verify(&issuing, &scope, &key(between.as_str())), Ok(between));
    }
}
