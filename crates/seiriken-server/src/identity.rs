//! Whose request one is, as `--identity` says.

use std::str::FromStr;

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use seiriken::http::Identity;

/// What says whose request one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum IdentityOption {
    /// `Authorization` and `X-Api-Key`, as they are.
    Credentials,
    /// The value of a header field that a gateway in front has verified.
    Header(HeaderName),
    /// The value of a cookie.
    Cookie(String),
    /// Everybody is the same one.
    Anonymous,
}

impl FromStr for IdentityOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None if text == "credentials" => Ok(Self::Credentials),
            None if text == "anonymous" => Ok(Self::Anonymous),
            Some(("header", name)) => name
                .parse()
                .map(Self::Header)
                .map_err(|_| format!("'{name}' is not the name of a header field")),
            Some(("cookie", name)) if !name.is_empty() => Ok(Self::Cookie(name.to_owned())),
            _ => {
                Err(format!("'{text}' is none of credentials, header=NAME, cookie=NAME, anonymous"))
            }
        }
    }
}

impl IdentityOption {
    /// As the layer takes it.
    pub(crate) fn identity(&self) -> Identity {
        match self.clone() {
            Self::Credentials => Identity::credentials(),
            Self::Anonymous => Identity::anonymous(),
            Self::Header(name) => Identity::from_fn(move |parts| {
                only(parts.headers.get_all(&name).iter().map(HeaderValue::as_bytes))
            }),
            Self::Cookie(name) => Identity::from_fn(move |parts| cookie(&parts.headers, &name)),
        }
    }
}

/// The cookie of this name (RFC 6265 section 4.2.1).
fn cookie(headers: &HeaderMap, name: &str) -> Option<Vec<u8>> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs =
        lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    only(pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.as_bytes()))
}

/// The value, where there is exactly one and something in it. Of two, one is the caller's own and
/// nobody here can tell which: that caller would choose whose answer to read.
fn only<'v>(mut values: impl Iterator<Item = &'v [u8]>) -> Option<Vec<u8>> {
    let value = values.next().filter(|value| !value.is_empty())?;
    values.next().is_none().then(|| value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_read_or_refused() {
        assert_eq!("anonymous".parse(), Ok(IdentityOption::Anonymous));
        assert_eq!("cookie=session".parse(), Ok(IdentityOption::Cookie("session".into())));
        assert!("header=x-user".parse::<IdentityOption>().is_ok());
        for text in ["", "header", "header=", "header=a b", "cookie=", "jwt", "anonymous=1"] {
            assert!(text.parse::<IdentityOption>().is_err(), "{text}");
        }
    }
}
