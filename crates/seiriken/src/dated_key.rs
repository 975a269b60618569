//! Keys that know their age: one that is older than answers are kept is refused instead of run a
//! second time, when nobody can know any more whether it was used.

use std::time::Duration;

use uuid::{Uuid, Variant};

use crate::clock::Timestamp;
use crate::issued_key::IssuedKey;
use crate::issuing::IssuingSecrets;
use crate::key::IdempotencyKey;
use crate::scope::Scope;

/// What a key says about its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyDate {
    /// When it was made.
    pub minted: Timestamp,
    /// When it ends by itself; a key without an end is good for the retention.
    pub expires_at: Option<Timestamp>,
}

/// Which keys are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AcceptedKeys {
    /// Any. Of these only the issued ones know their age, also those whose secret is no longer
    /// live; another one that comes again after the retention is a new one. The default.
    #[default]
    Any,
    /// Only keys that this service has issued ([`IssuedKey`]).
    Issued,
    /// Keys with a date: UUIDs of version 7 (RFC 9562 section 5.7) and issued ones.
    Dated,
}

/// Why a well-formed key is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyNotAccepted {
    /// [`AcceptedKeys::Issued`], and it is not one.
    #[error("this service takes only keys that it has issued itself")]
    NotIssued,
    /// [`AcceptedKeys::Dated`], and it has no date.
    #[error("this service takes only keys with a date: a UUID of version 7, or one it has issued")]
    NotDated,
}

impl KeyDate {
    /// Until when a key can be used for the first time.
    pub(crate) fn usable_until(&self, retention: Duration) -> Timestamp {
        let by_age = self.minted.after(retention);
        self.expires_at.map_or(by_age, |end| end.min(by_age))
    }

    /// The date of a UUID of version 7: milliseconds since 1970 in its first 48 bits.
    fn of_uuid(key: &IdempotencyKey) -> Option<Self> {
        let uuid = Uuid::try_parse(key.as_str()).ok()?;
        if uuid.get_version_num() != 7 || uuid.get_variant() != Variant::RFC4122 {
            return None;
        }
        let millis = uuid.as_u128() >> 80;
        let minted = Timestamp::from_millis(u64::try_from(millis).ok()?);
        Some(Self { minted, expires_at: None })
    }
}

impl AcceptedKeys {
    /// The key's date, where it has one that is to be looked at.
    ///
    /// # Errors
    /// When the key is none of those that are taken.
    pub fn date(
        self,
        key: &IdempotencyKey,
        scope: &Scope,
        issuing: &IssuingSecrets,
    ) -> Result<Option<KeyDate>, KeyNotAccepted> {
        let issued = || IssuedKey::verify(issuing, scope, key).ok().map(|issued| issued.date());
        match self {
            // Signed with a secret that is gone, it may have been used all the same: without its
            // date it would be new again. That date can only get it refused.
            Self::Any => Ok(issued().or_else(|| IssuedKey::date_it_claims(key))),
            Self::Issued => issued().map(Some).ok_or(KeyNotAccepted::NotIssued),
            Self::Dated => {
                let date = KeyDate::of_uuid(key).or_else(issued);
                date.map(Some).ok_or(KeyNotAccepted::NotDated)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeySyntax;
    use crate::secret::StoreSecret;

    fn date(keys: AcceptedKeys, text: &str) -> Result<Option<KeyDate>, KeyNotAccepted> {
        let key = IdempotencyKey::parse(text.as_bytes(), KeySyntax::Lenient).unwrap();
        let issuing = IssuingSecrets::derived_from(&StoreSecret::from_bytes([1; 32]));
        keys.date(&key, &Scope::default(), &issuing)
    }

    /// The example of RFC 9562, appendix A.6: 2022-02-22T19:22:22Z.
    const V7: &str = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F";

    #[test]
    fn a_uuid_of_version_7_says_when_it_was_made() {
        let minted = Timestamp::from_millis(1_645_557_742_000);
        let expected = KeyDate { minted, expires_at: None };
        assert_eq!(date(AcceptedKeys::Dated, V7), Ok(Some(expected)));
        assert_eq!(date(AcceptedKeys::Dated, &V7.to_lowercase()), Ok(Some(expected)));
        assert_eq!(date(AcceptedKeys::Any, V7), Ok(None), "nobody asked for it");
    }

    #[test]
    fn an_issued_key_keeps_its_date_when_its_secret_is_gone() {
        let issuing = |byte| IssuingSecrets::derived_from(&StoreSecret::from_bytes([byte; 32]));
        let now = Timestamp::from_millis(1_000);
        let scope = Scope::default();
        let issued = IssuedKey::new(&issuing(2), &scope, now, Duration::from_secs(1), 7);
        let expected = KeyDate { minted: now, expires_at: Some(Timestamp::from_millis(2_000)) };
        assert_eq!(date(AcceptedKeys::Any, issued.as_str()), Ok(Some(expected)));
        let refused = date(AcceptedKeys::Dated, issued.as_str());
        assert_eq!(refused, Err(KeyNotAccepted::NotDated), "nobody here has signed that date");
    }

    #[test]
    fn what_has_no_date_is_not_taken_where_one_is_needed() {
        for text in [
            "8e03978e-40d5-43e8-bc93-6894a57f9324",
            // Version 7 of another variant.
            "017F22E2-79B0-7CC3-18C4-DC0C0C07398F",
            "order-7",
            "ticket_AAAA",
        ] {
            assert_eq!(date(AcceptedKeys::Dated, text), Err(KeyNotAccepted::NotDated), "{text}");
            assert_eq!(date(AcceptedKeys::Issued, text), Err(KeyNotAccepted::NotIssued), "{text}");
            assert_eq!(date(AcceptedKeys::Any, text), Ok(None), "{text}");
        }
        assert_eq!(date(AcceptedKeys::Issued, V7), Err(KeyNotAccepted::NotIssued));
    }
}
