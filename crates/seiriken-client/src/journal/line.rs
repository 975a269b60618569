//! One line of the journal: a checksum, a space, JSON.
//!
//! The checksum tells a line that was written whole from one that was not.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use crate::intent::{Intent, Request, is_credential};
use crate::key::Key;

/// What a line says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Entry {
    /// This intent may be sent from now on.
    Intent(Written),
    /// The intent with this key has its definite answer.
    Settled(String),
}

/// An intent, frozen: what a process that comes later needs to send the very same again.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    pub(super) key: String,
    made_unix_ms: u64,
    method: String,
    url: String,
    /// Names are lower-case text; values are base64, since they may be any bytes.
    headers: Vec<(String, String)>,
    body: String,
}

impl Written {
    pub(super) fn from(intent: &Intent) -> Self {
        let Request { method, url, headers, body } = &intent.request;
        let made = intent.made.duration_since(UNIX_EPOCH).unwrap_or_default();
        let encoded = |value: &HeaderValue| BASE64.encode(value.as_bytes());
        Self {
            key: intent.key.as_str().to_owned(),
            made_unix_ms: u64::try_from(made.as_millis()).unwrap_or(u64::MAX),
            method: method.to_string(),
            url: url.to_string(),
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_string(), encoded(value)))
                .collect(),
            body: BASE64.encode(body),
        }
    }

    /// The intent again. `None` when it is not one that this version can send.
    pub(super) fn intent(&self) -> Option<Intent> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::try_from(name).ok()?;
            let mut value = HeaderValue::from_bytes(&BASE64.decode(value).ok()?).ok()?;
            value.set_sensitive(is_credential(&name));
            headers.append(name, value);
        }
        let method = Method::from_bytes(self.method.as_bytes()).ok()?;
        let url = Url::parse(&self.url).ok()?;
        let body = BASE64.decode(&self.body).ok()?.into();
        let key = Key::new(self.key.as_str()).ok()?;
        let made: SystemTime = UNIX_EPOCH.checked_add(Duration::from_millis(self.made_unix_ms))?;
        let mut intent = Intent::new(key, Request { method, url, headers, body }, made).resumed();
        intent.journalled = true;
        Some(intent)
    }
}

impl Entry {
    /// With its line break.
    pub(super) fn line(&self) -> String {
        match serde_json::to_string(self) {
            Ok(json) => format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())),
            Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
        }
    }

    /// Reads a line without its line break; `None` when it was not written whole, or holds an intent
    /// that cannot be sent.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let (checksum, json) = (line.get(..8)?, line.get(9..)?);
        let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
        let whole = line[8] == b' ' && crc32fast::hash(json) == checksum;
        let entry = whole.then(|| serde_json::from_slice(json).ok()).flatten()?;
        match &entry {
            Self::Intent(written) if written.intent().is_none() => None,
            _ => Some(entry),
        }
    }
}
