//! The key: the client's name for one intent.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use crate::outside::Outside;

/// The longest key that a Seiriken server takes, in characters.
const CHARACTERS_MAX: usize = 255;

/// 1 to 255 printable ASCII characters.
///
/// `Debug` shows the length alone: a key opens a stored answer, so it stays out of logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Box<str>);

/// Why a text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to {CHARACTERS_MAX} printable ASCII characters")]
pub struct InvalidKey;

impl Key {
    /// Takes a key that was made elsewhere: by a server, or by an earlier process.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidKey> {
        let text: String = text.into();
        let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if text.is_empty() || text.len() > CHARACTERS_MAX || !printable {
            return Err(InvalidKey);
        }
        Ok(Self(text.into_boxed_str()))
    }

    /// A UUID of version 7 (RFC 9562): it carries its date, so that a server which has forgotten
    /// it can tell it from a new one. `None` when there is no randomness.
    pub(crate) fn make(outside: &dyn Outside) -> Option<Self> {
        let mut random = [0; 10];
        let millis = outside.now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        outside.random(&mut random).then(|| {
            let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
            Self(uuid.to_string().into_boxed_str())
        })
    }

    /// Its characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When it was made, if it says so: a UUID of version 7 does.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        let uuid = uuid::Uuid::try_parse(&self.0).ok()?;
        let millis = uuid.as_u128() >> 80;
        let millis = u64::try_from(millis).ok()?;
        (uuid.get_version_num() == 7).then(|| UNIX_EPOCH + Duration::from_millis(millis))
    }

    /// As it stands in the field. Bare, as existing services expect it; where that form cannot
    /// carry it, or where asked for, quoted (a String of RFC 9651, section 3.3.3).
    pub(crate) fn field_value(&self, quoted: bool) -> HeaderValue {
        let bare = |byte: u8| byte.is_ascii_graphic() && !b"\",;\\".contains(&byte);
        let text = if !quoted && self.0.bytes().all(bare) {
            self.0.to_string()
        } else {
            format!("\"{}\"", self.0.replace('\\', "\\\\").replace('"', "\\\""))
        };
        // Both forms are printable ASCII, which every field value may be.
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("\"\""));
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} characters)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::System;

    fn field(key: &str, quoted: bool) -> String {
        let value = Key::new(key).unwrap().field_value(quoted);
        assert!(value.is_sensitive());
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_key_is_sent_bare_where_it_can_be() {
        assert_eq!(field("8e03978e-40d5", false), "8e03978e-40d5");
        assert_eq!(field("8e03978e-40d5", true), "\"8e03978e-40d5\"");
        assert_eq!(field("a b", false), "\"a b\"");
        assert_eq!(field(r#"a"b\c,d;e"#, false), r#""a\"b\\c,d;e""#);
    }

    #[test]
    fn what_no_server_takes_is_no_key() {
        for text in ["", "整理券", "a\nb", "\u{7f}", &"k".repeat(256)] {
            assert_eq!(Key::new(text), Err(InvalidKey), "{text}");
        }
        assert!(Key::new("k".repeat(255)).is_ok());
    }

    #[test]
    fn a_made_key_knows_its_date_and_another_does_not() {
        let key = Key::make(&System).unwrap();
        let age = System.now().duration_since(key.date().unwrap()).unwrap_or_default();
        assert!(age < Duration::from_mins(1), "{age:?}");
        assert_ne!(key, Key::make(&System).unwrap());
        let dated = Key::new("017f22e2-79b0-7cc3-98c4-dc0c0c07398f").unwrap();
        assert_eq!(dated.date(), Some(UNIX_EPOCH + Duration::from_secs(1_645_557_742)));
        assert_eq!(Key::new("8e03978e-40d5-43e8-bc93-6894a57f9324").unwrap().date(), None);
    }

    #[test]
    fn debug_shows_no_character_of_it() {
        assert_eq!(format!("{:?}", Key::new("secret-7").unwrap()), "Key(8 characters)");
    }
}
