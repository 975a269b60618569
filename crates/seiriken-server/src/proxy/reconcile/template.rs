//! Where a service is asked: an address with a place for the key.
//!
//! The key is a client's word, and must not become more than one word of the address. In a query
//! all of it is percent-encoded, and that is that. A path is read again on its way: `%2F` becomes a
//! slash to some, `..` a step up to most (RFC 3986 section 5.2.4), also when it is encoded. So a key
//! that could become another path is not asked about at all.

use std::fmt::Write as _;
use std::str::FromStr;

use axum::http::uri::PathAndQuery;
use seiriken::IdempotencyKey;

use crate::proxy::upstream::Address;

/// What stands for the key.
const PLACE: &str = "{key}";

/// What a key may not have in a path: some reader takes it for more than a letter.
const NOT_IN_A_PATH: [char; 6] = ['/', '\\', ';', '%', '?', '#'];

/// `http://HOST[:PORT]/…{key}…`, in the path or in the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    address: Address,
    before: String,
    after: String,
}

impl FromStr for Template {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("'{text}' cannot be asked: {why}");
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let (host, target) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let address = Address::named(&format!("{scheme}://{host}")).map_err(wrong)?;
        let (before, after) = target
            .split_once(PLACE)
            .ok_or_else(|| wrong("{key} has to stand in its path or query, for the key"))?;
        if [before, after].iter().any(|part| part.contains(['{', '}'])) {
            return Err(wrong("{key} stands for the key, once, and nothing else is replaced"));
        }
        if target.contains('#') {
            return Err(wrong("what follows a # is never sent"));
        }
        let template = Self { address, before: before.into(), after: after.into() };
        match template.put_together("key") {
            Some(_) if before.starts_with('/') => Ok(template),
            _ => Err(wrong("that is no path")),
        }
    }
}

impl Template {
    /// Whom to ask.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// What to ask for; nothing, where the key might be read as another path.
    pub(super) fn filled(&self, key: &IdempotencyKey) -> Option<PathAndQuery> {
        let key = key.as_str();
        if !self.before.contains('?') && !self.fits_into_the_path(key) {
            return None;
        }
        self.put_together(key)
    }

    fn fits_into_the_path(&self, key: &str) -> bool {
        let path_after = self.after.split('?').next().unwrap_or_default();
        let start = self.before.rsplit('/').next().unwrap_or_default();
        let end = path_after.split('/').next().unwrap_or_default();
        let part = format!("{start}{key}{end}");
        !key.contains(NOT_IN_A_PATH) && ![".", ".."].contains(&part.as_str())
    }

    fn put_together(&self, key: &str) -> Option<PathAndQuery> {
        let mut target = self.before.clone();
        for byte in key.bytes() {
            // RFC 3986 section 2.3.
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                target.push(byte.into());
            } else {
                write!(target, "%{byte:02X}").ok()?;
            }
        }
        target.push_str(&self.after);
        target.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use seiriken::KeySyntax;

    use super::*;

    fn filled(template: &str, key: &str) -> Option<String> {
        let template: Template = template.parse().expect("an address");
        let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
        let key = IdempotencyKey::parse(quoted.as_bytes(), KeySyntax::Lenient).expect("a key");
        template.filled(&key).map(|target| target.to_string())
    }

    #[test]
    fn a_key_stays_one_word_of_the_address() {
        let path = |key| filled("http://a:1/outcomes/{key}?by=proxy", key);
        for (key, target) in [
            ("8e03978e-40d5", "/outcomes/8e03978e-40d5?by=proxy"),
            ("a b&c=d", "/outcomes/a%20b%26c%3Dd?by=proxy"),
            ("x..y", "/outcomes/x..y?by=proxy"),
            ("\"{key}\"", "/outcomes/%22%7Bkey%7D%22?by=proxy"),
        ] {
            assert_eq!(path(key).as_deref(), Some(target), "{key}");
        }
        for key in ["..", ".", "../admin", "..\\admin", "a/b", "%2e%2e", "..;", "a?b", "a#b"] {
            assert_eq!(path(key), None, "{key}");
        }
        assert_eq!(filled("http://a/o/.{key}", "."), None);
        assert_eq!(filled("http://a/o/{key}./x", "."), None);
        assert_eq!(filled("http://a/o/k-{key}", "..").as_deref(), Some("/o/k-.."));
        let query = |key| filled("https://a/outcomes?key={key}&v=1", key);
        assert_eq!(
            query("../a&v=2#%?").as_deref(),
            Some("/outcomes?key=..%2Fa%26v%3D2%23%25%3F&v=1")
        );
    }

    #[test]
    fn addresses_are_read_or_refused() {
        for text in ["http://a/{key}", "https://[::1]:8/{key}/outcome", "http://a/?k={key}"] {
            assert!(text.parse::<Template>().is_ok(), "{text}");
        }
        for text in [
            "",
            "/{key}",
            "a/{key}",
            "ftp://a/{key}",
            "http://a/",
            "http://a/key",
            "http://{key}/",
            "http://a.{key}",
            "http://a:{key}/{key}",
            "http://u:p@a/{key}",
            "http://a?{key}",
            "http://a/{key}/{key}",
            "http://a/{attempt}/{key}",
            "http://a/#{key}",
            "http://a/{key}#b",
            "http://a/b c/{key}",
        ] {
            assert!(text.parse::<Template>().is_err(), "{text}");
        }
    }
}
