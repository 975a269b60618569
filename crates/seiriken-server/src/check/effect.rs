//! Whether something ran again.
//!
//! A count tells it for certain. Without one the answers tell it: of two runs of the same request
//! some members differ (an id, a time). Only when *every* one of them differs from the first
//! answer was there another effect; when some do, it is the same effect, told differently.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Uri;
use serde_json::Value;

use super::exchange::Answer;

/// Fields that name what was made.
const FIELDS: [&str; 3] = ["location", "content-location", "etag"];

/// Where the number of effects stands: an address and a JSON Pointer (RFC 6901).
#[derive(Debug, Clone)]
pub(super) struct Count {
    pub(super) address: Uri,
    pub(super) pointer: String,
}

impl Count {
    /// The number in such an answer. A list counts by its length.
    pub(super) fn read(&self, answer: &Answer) -> Result<i64, String> {
        let Self { address, pointer } = self;
        if !answer.status.is_success() {
            return Err(format!("{address} answered {}", answer.status));
        }
        let body: Value = serde_json::from_slice(&answer.body)
            .map_err(|error| format!("{address} is not JSON: {error}"))?;
        let at = body.pointer(pointer);
        let number = match at {
            Some(Value::Array(items)) => i64::try_from(items.len()).ok(),
            Some(value) => value.as_i64(),
            None => None,
        };
        number.ok_or_else(|| format!("{address} has no whole number at '{pointer}'"))
    }
}

/// The members of an answer that differ from run to run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Varying(BTreeSet<String>);

impl Varying {
    /// What differs between two runs of the same request.
    pub(super) fn between(one: &Answer, other: &Answer) -> Self {
        let (one, other) = (members(one), members(other));
        let names = one.keys().chain(other.keys());
        Self(names.filter(|name| one.get(*name) != other.get(*name)).cloned().collect())
    }

    /// Whether the second answer tells of another run; `None` when all runs look alike.
    pub(super) fn another_run(&self, first: &Answer, again: &Answer) -> Option<bool> {
        if self.0.is_empty() {
            return None;
        }
        let (first, again) = (members(first), members(again));
        Some(self.0.iter().all(|name| first.get(name) != again.get(name)))
    }

    /// The value of a varying member that stands in this text as well: what another's answer
    /// would give away. Short ones stand anywhere by chance.
    pub(super) fn revealed_in(&self, first: &Answer, text: &[u8]) -> Option<String> {
        const SHORTEST: usize = 8;
        let (members, text) = (members(first), String::from_utf8_lossy(text));
        let value_of = |name: &String| members.get(name).map(|value| value.trim_matches('"'));
        let mut values = self.0.iter().filter_map(|name| Some((name, value_of(name)?)));
        let found = values.find(|(_, value)| value.len() >= SHORTEST && text.contains(*value));
        found.map(|(name, _)| name.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What a second answer means, beside the first one of the same key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// It ran again.
    Ran,
    /// It is an answer to the first run.
    Replayed,
    /// 4xx, and nothing ran.
    Refused,
    /// 5xx, and nothing is known to have run.
    Failed,
    /// All runs of this endpoint look alike.
    CannotTell,
}

/// `runs` is how much the count has grown since the first answer, where there is a count.
pub(super) fn judge(varying: &Varying, first: &Answer, again: &Answer, runs: Option<i64>) -> Again {
    match runs {
        Some(runs) if runs > 0 => Again::Ran,
        _ if again.refused() => Again::Refused,
        _ if again.failed() => Again::Failed,
        Some(_) => Again::Replayed,
        None => match varying.another_run(first, again) {
            Some(true) => Again::Ran,
            Some(false) => Again::Replayed,
            None => Again::CannotTell,
        },
    }
}

/// What an answer says, member by member: of JSON by pointer, of anything else as a whole.
fn members(answer: &Answer) -> BTreeMap<String, String> {
    let mut members = BTreeMap::new();
    for name in FIELDS {
        if let Some(value) = answer.headers.get(name) {
            let value = String::from_utf8_lossy(value.as_bytes());
            members.insert(name.to_owned(), value.into_owned());
        }
    }
    match serde_json::from_slice(&answer.body) {
        Ok(body) => flatten("", &body, &mut members),
        Err(_) if answer.body.is_empty() => {}
        Err(_) => {
            members.insert("body".to_owned(), String::from_utf8_lossy(&answer.body).into_owned());
        }
    }
    members
}

fn flatten(at: &str, value: &Value, members: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let name = name.replace('~', "~0").replace('/', "~1");
                flatten(&format!("{at}/{name}"), value, members);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                flatten(&format!("{at}/{place}"), value, members);
            }
        }
        value => {
            members.insert(at.to_owned(), value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, StatusCode};

    use super::*;

    fn answer(status: u16, body: &'static str) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), body: body.as_bytes().into() }
    }

    #[test]
    fn another_run_is_one_where_every_varying_member_differs() {
        let one = answer(201, r#"{"id":"a","at":1,"qty":1}"#);
        let varying = Varying::between(&one, &answer(201, r#"{"id":"b","at":2,"qty":1}"#));
        let said = |body| judge(&varying, &one, &answer(201, body), None);
        assert_eq!(said(r#"{"id":"c","at":3,"qty":1}"#), Again::Ran);
        assert_eq!(said(r#"{"id":"a","at":3,"qty":1}"#), Again::Replayed);
        assert_eq!(said(r#"{"id":"a","at":1,"qty":1}"#), Again::Replayed);
        assert_eq!(judge(&varying, &one, &answer(409, "{}"), None), Again::Refused);
        assert_eq!(judge(&varying, &one, &answer(500, ""), None), Again::Failed);
        let alike = Varying::between(&one, &one);
        assert_eq!(judge(&alike, &one, &one, None), Again::CannotTell);
    }

    #[test]
    fn a_count_is_believed_before_anything_else() {
        let one = answer(201, r#"{"id":"a"}"#);
        let other = answer(201, r#"{"id":"b"}"#);
        let varying = Varying::between(&one, &other);
        assert_eq!(judge(&varying, &one, &one, Some(1)), Again::Ran);
        assert_eq!(judge(&varying, &one, &other, Some(0)), Again::Replayed);
        assert_eq!(judge(&varying, &one, &answer(422, ""), Some(1)), Again::Ran);
    }

    #[test]
    fn a_count_is_a_number_or_the_length_of_a_list() {
        let count = |pointer: &str| Count {
            address: Uri::from_static("http://shop/orders"),
            pointer: pointer.into(),
        };
        let page = answer(200, r#"{"total":7,"orders":[1,2]}"#);
        assert_eq!(count("/total").read(&page), Ok(7));
        assert_eq!(count("/orders").read(&page), Ok(2));
        assert!(count("/none").read(&page).is_err());
        assert!(count("/total").read(&answer(404, "{}")).is_err());
    }

    #[test]
    fn what_is_given_away_is_named() {
        let first = answer(201, r#"{"id":"0123456789","n":1}"#);
        let varying = Varying::between(&first, &answer(201, r#"{"id":"abcdefghij","n":2}"#));
        assert_eq!(varying.revealed_in(&first, b"used by 0123456789, 1"), Some("/id".into()));
        assert_eq!(varying.revealed_in(&first, b"used before, 1"), None);
    }
}
