//! The store's state: one key that all nodes share. The secret, and what the servers may have
//! forgotten.

use std::collections::HashMap;
use std::time::Duration;

use redis::Value;

use super::error::{OpenError, Unexpected};
use crate::clock::Timestamp;
use crate::issuing::{IssuingSecrets, Numbered};
use crate::secret::StoreSecret;
use crate::store::StoreError;

/// As it was when it was last looked at.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) secret: StoreSecret,
    pub(super) current: Numbered,
    pub(super) previous: Option<Numbered>,
    /// Another one once something may have been forgotten, or the state was made anew.
    pub(super) epoch: String,
    /// The histories of all servers that were looked at.
    pub(super) histories: String,
    /// Keys made before this may have been used, and been forgotten by a server.
    pub(super) forgotten: Timestamp,
    /// How long answers are kept, skew and all, and when each was last in use.
    retentions: Vec<(Duration, Timestamp)>,
    looked_at: tokio::time::Instant,
}

/// A retention counts as in use for so long after somebody said so: nodes say so every few seconds,
/// by clocks of clients that are ahead.
const STILL_IN_USE: Duration = Duration::from_hours(1);

/// What was looked at so long ago is looked at again, before a dated key is called new: a node
/// that was cut off may have missed that answers are kept for a shorter time now.
const TRUSTED: Duration = Duration::from_mins(1);

impl State {
    /// Reads what the scripts answer: the time, and all fields.
    pub(super) fn read(key: &str, answer: Value) -> Result<Self, OpenError> {
        let damaged = |what| OpenError::NotAStore { key: key.to_owned(), what };
        let (_, fields): (u64, HashMap<String, Vec<u8>>) =
            redis::from_redis_value(answer).map_err(|_| damaged("it is no table of fields"))?;
        let text = |name: &str| fields.get(name).and_then(|value| std::str::from_utf8(value).ok());
        if text("format") != Some("1") {
            return Err(damaged("its format"));
        }
        let secret = |name: &str| {
            let bytes: Option<[u8; 32]> = fields.get(name)?.as_slice().try_into().ok();
            bytes.map(StoreSecret::from_bytes)
        };
        let number: u32 = text("issuing_number")
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| damaged("the number of the secret for issued keys"))?;
        let current =
            secret("issuing_secret").ok_or_else(|| damaged("the secret for issued keys"))?;
        let time = |text: &str| text.parse().ok().map(Timestamp::from_millis);
        let retentions = fields.iter().filter_map(|(name, last)| {
            let kept = name.strip_prefix("retention:")?.parse().ok().map(Duration::from_millis)?;
            Some((kept, time(std::str::from_utf8(last).ok()?)?))
        });
        Ok(Self {
            secret: secret("secret").ok_or_else(|| damaged("the secret"))?,
            current: Numbered { number, secret: current },
            previous: secret("issuing_secret_previous")
                .map(|secret| Numbered { number: number.saturating_sub(1), secret }),
            epoch: text("epoch").unwrap_or_default().to_owned(),
            histories: text("histories").unwrap_or_default().to_owned(),
            forgotten: text("forgotten").and_then(time).ok_or_else(|| damaged("a time"))?,
            retentions: retentions.collect(),
            looked_at: tokio::time::Instant::now(),
        })
    }

    /// When a key made at `minted` stops to be new, if nothing is found of it: from then on its
    /// record may have been made, kept for its time and `grace`, and removed.
    pub(super) fn new_until(&self, minted: Timestamp, grace: Duration) -> Timestamp {
        self.retentions
            .iter()
            .filter(|(_, last)| last.after(STILL_IN_USE) > minted)
            .map(|(kept, _)| minted.after(*kept).after(grace))
            .min()
            .unwrap_or(Timestamp::MAX)
    }

    pub(super) fn is_recent(&self) -> bool {
        self.looked_at.elapsed() < TRUSTED
    }

    pub(super) fn issuing(&self) -> IssuingSecrets {
        IssuingSecrets::new(self.current.clone(), self.previous.clone())
    }
}

/// The parts of what a script on a record answers: a number, the time, and what stands.
pub(super) struct Answer {
    pub(super) code: i64,
    pub(super) now: Timestamp,
    pub(super) stored: Option<Vec<u8>>,
}

impl Answer {
    pub(super) fn read(answer: Value) -> Result<Self, StoreError> {
        let unexpected = || super::error::in_doubt(Unexpected);
        let Value::Array(parts) = answer else { return Err(unexpected()) };
        let mut parts = parts.into_iter();
        let (Some(Value::Int(code)), Some(Value::Int(now))) = (parts.next(), parts.next()) else {
            return Err(unexpected());
        };
        let now = Timestamp::from_millis(u64::try_from(now).map_err(|_| unexpected())?);
        match parts.next() {
            None => Ok(Self { code, now, stored: None }),
            Some(Value::BulkString(stored)) => Ok(Self { code, now, stored: Some(stored) }),
            Some(_) => Err(unexpected()),
        }
    }
}
