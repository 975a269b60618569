//! What a service says became of a request.
//!
//! It is believed for as long as answers are kept, so it has to be said in full and in no other words:
//! a member that nobody knows, or one that says the opposite, leaves the outcome unknown.

use std::fmt;

use axum::http::{HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use seiriken::http::is_recorded;
use seiriken::record::RecordedResponse;
use seiriken::record::transition::Resolution;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// The whole answer of a service.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    outcome: String,
    status: Option<u16>,
    headers: Option<Fields>,
    /// Text, which is sent in UTF-8.
    body: Option<String>,
    /// Bytes, in the alphabet of RFC 4648 section 4, padded.
    body_base64: Option<String>,
}

/// The fields of the answer, in their order.
#[derive(Debug, Default)]
struct Fields(Vec<(HeaderName, HeaderValue)>);

/// Reads what a service said. `body_max` is the longest body that is kept.
///
/// What is wrong is said without a word of it: there may be a key in it.
pub(super) fn read(text: &[u8], body_max: usize) -> Result<Resolution, String> {
    let said: Said = serde_json::from_slice(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("its answer is none that is taken (line {line}, column {column})")
    })?;
    match said {
        Said { outcome, status: Some(status), headers, body, body_base64 } if outcome == "done" => {
            let body = bytes(body, body_base64)?;
            Ok(Resolution::Done(recorded(status, headers.unwrap_or_default(), &body, body_max)?))
        }
        Said { outcome, status: None, headers: None, body: None, body_base64: None }
            if outcome == "never" =>
        {
            Ok(Resolution::NotDone)
        }
        _ => Err("its answer is neither done, with a status, nor never, with nothing else".into()),
    }
}

fn bytes(text: Option<String>, base64: Option<String>) -> Result<Vec<u8>, String> {
    match (text, base64) {
        (Some(_), Some(_)) => Err("its answer has two bodies".into()),
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(base64)) => {
            STANDARD.decode(base64).map_err(|_| "its answer's bodyBase64 is no base64".into())
        }
        (None, None) => Ok(Vec::new()),
    }
}

fn recorded(
    status: u16,
    Fields(fields): Fields,
    body: &[u8],
    body_max: usize,
) -> Result<RecordedResponse, String> {
    // Informational answers end nothing (RFC 9110 section 15.2).
    if !(200..=599).contains(&status) {
        return Err(format!("its answer's status is {status}, which ends nothing"));
    }
    if matches!(status, 204 | 205 | 304) && !body.is_empty() {
        return Err(format!("its answer has a body, and an answer of {status} has none"));
    }
    if body.len() > body_max {
        return Err(format!("its answer's body is longer than {body_max} bytes"));
    }
    let fields: Vec<_> = fields
        .iter()
        .filter(|(name, _)| is_recorded(name))
        .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
        .collect();
    RecordedResponse::new(status, &fields, &[], body).map_err(|error| error.to_string())
}

/// `{"name": "value"}`, or `{"name": ["value", "value"]}` for a field with several lines.
impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Several(Vec<String>),
}

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, lines)) = map.next_entry::<String, Lines>()? {
            let name: HeaderName = name.parse().map_err(|_| A::Error::custom("no field's name"))?;
            let lines = match lines {
                Lines::One(line) => vec![line],
                Lines::Several(lines) => lines,
            };
            for line in lines {
                let line: HeaderValue =
                    line.parse().map_err(|_| A::Error::custom("no field's value"))?;
                fields.push((name.clone(), line));
            }
        }
        Ok(Fields(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(text: &str) -> RecordedResponse {
        match read(text.as_bytes(), 10) {
            Ok(Resolution::Done(answer)) => answer,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn an_answer_is_kept_as_it_was_said() {
        let answer = done(
            r#"{"outcome":"done","status":201,"body":"né",
                "headers":{"Location":"/a","link":["</b>","</c>"],"Set-Cookie":"s=1","date":"x",
                           "content-length":"99","LINK":"</d>"}}"#,
        );
        assert_eq!((answer.status(), &answer.body()[..]), (201, "né".as_bytes()));
        let fields: Vec<_> = answer.headers().collect();
        let expected = [("location", "/a"), ("link", "</b>"), ("link", "</c>"), ("link", "</d>")];
        assert_eq!(fields, expected.map(|(name, value)| (name.as_bytes(), value.as_bytes())));

        let answer = done(r#"{"outcome":"done","status":200,"bodyBase64":"AP/+"}"#);
        assert_eq!(&answer.body()[..], [0, 255, 254]);
        assert_eq!(done(r#"{"status":204,"outcome":"done"}"#).body().len(), 0);
        assert_eq!(done(r#"{"outcome":"done","status":500,"body":"0123456789"}"#).status(), 500);
    }

    #[test]
    fn never_is_said_alone() {
        assert_eq!(read(br#"{"outcome":"never"}"#, 0), Ok(Resolution::NotDone));
    }

    #[test]
    fn whatever_is_not_said_in_full_is_not_believed() {
        for text in [
            "",
            "never",
            "{}",
            "[]",
            r#""never""#,
            r#"{"outcome":"unknown"}"#,
            r#"{"outcome":"Never"}"#,
            r#"{"outcome":null}"#,
            r#"{"outcome":"never"} {"outcome":"never"}"#,
            r#"{"outcome":"done","outcome":"never"}"#,
            r#"{"outcome":"never","status":201}"#,
            r#"{"outcome":"never","body":""}"#,
            r#"{"outcome":"never","why":"?"}"#,
            r#"{"outcome":"done"}"#,
            r#"{"outcome":"done","status":"201"}"#,
            r#"{"outcome":"done","status":102}"#,
            r#"{"outcome":"done","status":600}"#,
            r#"{"outcome":"done","status":204,"body":"x"}"#,
            r#"{"outcome":"done","status":200,"body":"x","bodyBase64":"eA=="}"#,
            r#"{"outcome":"done","status":200,"bodyBase64":"eA"}"#,
            r#"{"outcome":"done","status":200,"bodyBase64":"e_-="}"#,
            r#"{"outcome":"done","status":200,"body":{"a":1}}"#,
            r#"{"outcome":"done","status":200,"body":"01234567890"}"#,
            r#"{"outcome":"done","status":200,"headers":{"a b":"c"}}"#,
            r#"{"outcome":"done","status":200,"headers":{"a":"b\r\nc: d"}}"#,
            r#"{"outcome":"done","status":200,"headers":{"a":1}}"#,
            r#"{"outcome":"done","status":200,"headers":["a"]}"#,
            r#"{"outcome":"done","status":200,"boddy":"x"}"#,
        ] {
            assert!(read(text.as_bytes(), 10).is_err(), "{text}");
        }
    }

    /// A key opens a stored answer, so it stays out of logs.
    #[test]
    fn what_is_wrong_is_said_without_a_word_of_it() {
        for text in [r#"{"outcome":"secret"}"#, r#"{"secret":1}"#, "secret"] {
            let wrong = read(text.as_bytes(), 10).expect_err("it is none");
            assert!(!wrong.contains("secret"), "{wrong}");
        }
    }
}
