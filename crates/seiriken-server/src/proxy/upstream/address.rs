//! Where the service behind is.

use std::str::FromStr;

use axum::http::uri::{Authority, Scheme};
use axum::http::{HeaderValue, Uri};

/// `http://HOST[:PORT]` or `https://HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    authority: Authority,
    tls: bool,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::named(text).map_err(|why| format!("'{text}' is no upstream: {why}"))
    }
}

impl Address {
    /// Reads it, or says what is wrong with it.
    pub(in crate::proxy) fn named(text: &str) -> Result<Self, &'static str> {
        let Ok(uri) = text.parse::<Uri>() else {
            return Err("it must look like http://localhost:3000");
        };
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err("it must begin with http:// or https://"),
        };
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty())
        else {
            return Err("it names no host");
        };
        if authority.as_str().contains('@') {
            return Err("a name and a password are not sent");
        }
        if uri.path() != "/" || uri.query().is_some() || text.contains('#') {
            return Err("requests bring their own path");
        }
        Ok(Self { authority: authority.clone(), tls })
    }

    /// Whether TLS is spoken.
    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host alone: a name, or an address without brackets.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// What the upstream is called in `Host`.
    pub(in crate::proxy) fn host_field(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(self.authority.as_str()).ok()
    }

    pub(super) fn scheme(&self) -> Scheme {
        if self.tls { Scheme::HTTPS } else { Scheme::HTTP }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_or_refused() {
        let address: Address = "http://localhost:3000".parse().expect("an upstream");
        assert_eq!((address.host(), address.port(), address.is_tls()), ("localhost", 3000, false));
        let address: Address = "https://[::1]".parse().expect("an upstream");
        assert_eq!((address.host(), address.port(), address.is_tls()), ("::1", 443, true));
        for text in [
            "",
            "localhost:3000",
            "ftp://a",
            "http://",
            "http://u:p@a",
            "http://a/b",
            "http://a/?b",
            "http://a#b",
            "/",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
