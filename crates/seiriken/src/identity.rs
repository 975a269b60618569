//! Whose request it is: remembered with the record and compared before everything else.

use std::fmt;

use crate::secret::{Purpose, StoreSecret};

/// A keyed hash of what says who asks (a credential, a token's subject, a session).
///
/// It is no part of the key. Another identity that presents the same key is refused and learns
/// nothing of the stored answer, not even whether its request was the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdentityDigest([u8; 16]);

impl IdentityDigest {
    /// The digest of the parts that make up the identity. `None` and an empty part differ.
    pub fn new(secret: &StoreSecret, parts: &[Option<&[u8]>]) -> Self {
        let mut fields: Vec<&[u8]> = Vec::with_capacity(parts.len() * 2);
        for part in parts {
            fields.extend(match part {
                None => [b"0".as_slice(), b""],
                Some(part) => [b"1".as_slice(), part],
            });
        }
        Self(secret.short_digest(Purpose::Identity, &fields))
    }

    /// Nobody in particular: every caller has this one.
    pub fn anonymous(secret: &StoreSecret) -> Self {
        Self::new(secret, &[])
    }

    /// A digest from the bytes a store keeps.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes a store keeps.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for IdentityDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityDigest(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_learns_nothing_from_a_digest() {
        let digest = IdentityDigest::from_bytes([7; 16]);
        assert_eq!(format!("{digest:?}"), "IdentityDigest(hidden)");
    }

    #[test]
    fn an_absent_part_is_not_an_empty_one_and_parts_keep_their_place() {
        let secret = StoreSecret::from_bytes([1; 32]);
        let of = |parts: &[Option<&[u8]>]| IdentityDigest::new(&secret, parts);
        assert_eq!(of(&[Some(b"a"), None]), of(&[Some(b"a"), None]));
        assert_ne!(of(&[Some(b"a"), None]), of(&[None, Some(b"a")]));
        assert_ne!(of(&[Some(b""), None]), of(&[None, None]));
        assert_ne!(of(&[None]), IdentityDigest::anonymous(&secret));
    }
}
