//! An intent: one thing that somebody wants done once.
//!
//! It has one key and one request, both frozen before the first attempt. A retry that builds its
//! body anew may send other bytes (a map in another order, a new time stamp), which a server
//! refuses as another request; a retry with a new key is another order.

use std::fmt;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use serde::Serialize;

use crate::key::Key;

/// A request that has no key yet. `Debug` shows method and host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Why something cannot be sent. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidRequest {
    /// Not `http://` or `https://` with a host.
    #[error("the address is not one such as https://shop.example/orders")]
    Address,
    /// `user:password@` in the address.
    #[error("credentials do not belong in an address; send an Authorization field")]
    CredentialsInAddress,
    /// A method that needs no key, or that no key makes safe.
    #[error("{0} has no use for a key; POST, PATCH, PUT and DELETE have")]
    Method(Method),
    /// A field name or value that HTTP does not allow. The value is not shown: it may be secret.
    #[error("the header field '{0}' is not one that HTTP allows")]
    Field(String),
    /// A field that is made from the key, the body or the address.
    #[error("the header field '{0}' is set by the client itself")]
    OwnField(HeaderName),
    /// The value has no form in JSON.
    #[error("the body cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The operating system gives no randomness to make a key from.
    #[error("no randomness to make a key from")]
    Randomness,
}

impl Request {
    /// A request without a body.
    pub fn new(method: Method, url: &str) -> Result<Self, InvalidRequest> {
        if ![Method::POST, Method::PATCH, Method::PUT, Method::DELETE].contains(&method) {
            return Err(InvalidRequest::Method(method));
        }
        Ok(Self { method, url: address(url)?, headers: HeaderMap::new(), body: Bytes::new() })
    }

    /// A `POST` without a body.
    pub fn post(url: &str) -> Result<Self, InvalidRequest> {
        Self::new(Method::POST, url)
    }

    /// Adds a header field.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, InvalidRequest> {
        let invalid = || InvalidRequest::Field(name.to_owned());
        let field = HeaderName::try_from(name).map_err(|_| invalid())?;
        if field == CONTENT_LENGTH || field == TRANSFER_ENCODING || field == HOST {
            return Err(InvalidRequest::OwnField(field));
        }
        let mut value = HeaderValue::try_from(value).map_err(|_| invalid())?;
        value.set_sensitive(is_credential(&field));
        self.headers.append(field, value);
        Ok(self)
    }

    /// Sets the body: these very bytes go out on every attempt.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body from `value`, written once, and its content type.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Result<Self, InvalidRequest> {
        self.body = serde_json::to_vec(value)?.into();
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(self)
    }

    /// Whether it goes out encrypted.
    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The header fields, without the key.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }
}

/// Whether this field says who calls.
pub fn is_credential(field: &HeaderName) -> bool {
    ["authorization", "proxy-authorization", "cookie", "x-api-key"].contains(&field.as_str())
}

/// Reads an address that something can be sent to.
pub(crate) fn address(text: &str) -> Result<Url, InvalidRequest> {
    let mut url = Url::parse(text).map_err(|_| InvalidRequest::Address)?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(InvalidRequest::Address);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidRequest::CredentialsInAddress);
    }
    url.set_fragment(None);
    Ok(url)
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("host", &host)
            .finish_non_exhaustive()
    }
}

/// One key and one request, and whether it may have run already.
///
/// It is not `Clone`, and sending borrows it mutably: two attempts of one intent at the same time
/// cannot be written.
#[derive(Debug)]
pub struct Intent {
    pub(crate) key: Key,
    pub(crate) request: Request,
    pub(crate) made: SystemTime,
    pub(crate) may_have_run: bool,
    pub(crate) journalled: bool,
}

impl Intent {
    pub(crate) fn new(key: Key, request: Request, made: SystemTime) -> Self {
        Self { key, request, made, may_have_run: false, journalled: false }
    }

    /// An intent that somebody may have sent before, under this key. A refusal that would prove of a
    /// new intent that nothing ran proves nothing here.
    #[must_use]
    pub(crate) fn resumed(mut self) -> Self {
        self.may_have_run = true;
        self
    }

    /// Its key: whoever has it can resume the intent.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Its request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Whether something of it may have reached the server.
    pub fn may_have_run(&self) -> bool {
        self.may_have_run
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_no_password() {
        for text in ["", "shop.example", "ftp://shop.example", "file:///orders", "http://"] {
            assert!(matches!(Request::post(text), Err(InvalidRequest::Address)), "{text}");
        }
        let secret = Request::post("https://u:secret@shop.example/");
        assert!(matches!(secret, Err(InvalidRequest::CredentialsInAddress)));
        assert_eq!(address("http://a.example/x?y#z").unwrap().as_str(), "http://a.example/x?y");
    }

    #[test]
    fn what_is_made_from_the_body_cannot_be_set() {
        let request = || Request::post("http://a.example/").unwrap();
        for name in ["Content-Length", "transfer-encoding", "host"] {
            let refused = request().header(name, "1");
            assert!(matches!(refused, Err(InvalidRequest::OwnField(_))), "{name}");
        }
        for (name, value) in [("a b", "c"), ("a", "b\r\nc: d"), ("", "a")] {
            let refused = request().header(name, value).unwrap_err().to_string();
            assert!(!refused.contains(value) || value == "a" || value == "c", "{refused}");
        }
        assert!(matches!(Request::new(Method::GET, "http://a/"), Err(InvalidRequest::Method(_))));
    }

    #[test]
    fn debug_shows_no_path_no_field_and_no_body() {
        let request = Request::post("http://shop.example/secret-path?secret-query").unwrap();
        let request = request.header("Authorization", "secret-token").unwrap().body("secret-body");
        let shown = format!("{request:?} {:?}", request.headers());
        assert!(shown.contains("shop.example") && !shown.contains("secret"), "{shown}");
    }
}
