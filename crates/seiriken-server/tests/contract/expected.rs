//! What must come back.

use serde_json::Value;

use crate::wire::{Answer, Fields};

/// The field that tells an execution's first answer from a replay.
pub(crate) const MARKER: &str = "idempotent-replayed";

/// Where problems and their policy are described unless a service says otherwise.
pub(crate) const PAGE: &str = "/.well-known/idempotency";

/// An answer, as far as the contract says what is in it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    status: u16,
    continued: bool,
    marker: Option<&'static str>,
    page: Option<&'static str>,
    problem: Option<&'static str>,
    members: Vec<(&'static str, Value)>,
    detail: Option<&'static str>,
    fields: Vec<(&'static str, Vec<&'static str>)>,
    body: Option<Vec<u8>>,
    body_parts: Vec<String>,
    hidden: Option<&'static str>,
    unlike: Option<(&'static str, &'static str)>,
    trailers: Vec<(&'static str, &'static str)>,
    asks_again: bool,
    replays: bool,
    left_out: Vec<&'static str>,
}

/// The first answer of an execution.
pub(crate) fn executed(status: u16) -> Expected {
    Expected { status, marker: Some("false"), ..Expected::default() }
}

/// An answer that the layer has no part in, or that leaves the outcome unknown: without a marker.
pub(crate) fn unmarked(status: u16) -> Expected {
    Expected { status, ..Expected::default() }
}

/// A problem whose type ends in this fragment, without a marker.
pub(crate) fn refused(status: u16, fragment: &'static str) -> Expected {
    Expected { status, problem: Some(fragment), ..Expected::default() }
}

/// The first request is still running.
pub(crate) fn running() -> Expected {
    Expected { asks_again: true, ..refused(409, "request-in-progress") }
}

/// An execution that failed and left nothing behind: a problem that needs no type of its own.
pub(crate) fn failed_without_effect() -> Expected {
    Expected { problem: Some(""), ..executed(500) }
}

/// The first answer again: its status, fields, bytes and trailers.
pub(crate) fn replay() -> Expected {
    Expected { replays: true, marker: Some("true"), ..Expected::default() }
}

impl Expected {
    /// After the body was asked for.
    pub(crate) fn continued(mut self) -> Self {
        self.continued = true;
        self
    }

    /// With exactly these values of a field, in this order; none means that it is not there.
    pub(crate) fn field<const N: usize>(
        mut self,
        name: &'static str,
        values: [&'static str; N],
    ) -> Self {
        self.fields.push((name, values.to_vec()));
        self
    }

    /// Whatever a field says, not this.
    pub(crate) fn unlike(mut self, name: &'static str, value: &'static str) -> Self {
        self.unlike = Some((name, value));
        self
    }

    pub(crate) fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = Some(body.as_ref().to_vec());
        self
    }

    /// With this somewhere in its body.
    pub(crate) fn containing(mut self, part: impl Into<String>) -> Self {
        self.body_parts.push(part.into());
        self
    }

    /// With this nowhere in its body.
    pub(crate) fn hiding(mut self, part: &'static str) -> Self {
        self.hidden = Some(part);
        self
    }

    /// Marked as a replay, of an answer that reached nobody.
    pub(crate) fn replayed_unseen(mut self) -> Self {
        self.marker = Some("true");
        self
    }

    /// With this as its trailers.
    pub(crate) fn trailers<const N: usize>(
        mut self,
        trailers: [(&'static str, &'static str); N],
    ) -> Self {
        self.trailers = trailers.to_vec();
        self
    }

    /// A problem whose detail says this.
    pub(crate) fn saying(mut self, part: &'static str) -> Self {
        self.detail = Some(part);
        self
    }

    /// A problem with this member.
    pub(crate) fn member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// A problem that is described at another address.
    pub(crate) fn described_at(mut self, page: &'static str) -> Self {
        self.page = Some(page);
        self
    }

    /// A replay in which these fields of the first answer are not there.
    pub(crate) fn without(mut self, names: impl IntoIterator<Item = &'static str>) -> Self {
        self.left_out = names.into_iter().collect();
        self
    }

    /// Everything in which the answer is another one. `first` is the execution's first answer.
    pub(crate) fn differences(&self, answer: &Answer, first: Option<&Answer>) -> Vec<String> {
        let mut found = Differences::default();
        let status = if self.replays { first.map_or(0, |first| first.status) } else { self.status };
        found.compare("the status", &status, &answer.status);
        found.compare("100 Continue", &self.continued, &answer.continued);
        let marker: Vec<&str> = self.marker.into_iter().collect();
        found.compare("the marker", &marker, &answer.text(MARKER));
        for (name, values) in &self.fields {
            let values: Vec<&[u8]> = values.iter().map(|value| value.as_bytes()).collect();
            found.compare(name, &values, &answer.values(name));
        }
        if self.asks_again {
            // How long is worth while grows with the time that the first request has run.
            let seconds = answer.text("retry-after");
            let whole = matches!(seconds[..], [one] if one.parse::<u32>().is_ok_and(|n| n > 0));
            found.holds(whole, "retry-after is a number of seconds");
        }
        if let Some((name, value)) = self.unlike {
            let other = !answer.text(name).contains(&value);
            found.holds(other, &format!("{name} is not {value}"));
        }
        if let Some(body) = &self.body {
            found.compare("the body", &text(body), &text(&answer.body));
        }
        for part in &self.body_parts {
            found.holds(text(&answer.body).contains(part), &format!("its body has {part:?}"));
        }
        if let Some(part) = self.hidden {
            found.holds(!text(&answer.body).contains(part), &format!("its body hides {part:?}"));
        }
        if let Some(fragment) = self.problem {
            self.problem_differences(fragment, answer, &mut found);
        }
        match (self.replays, first) {
            (false, _) => {
                let trailers: Fields =
                    self.trailers.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
                found.compare("the trailers", &trailers, &answer.trailers);
            }
            (true, None) => found.holds(false, "there is a first answer to compare with"),
            (true, Some(first)) => {
                let fields = stored_fields(first, &self.left_out);
                found.compare("the fields", &fields, &stored_fields(answer, &[]));
                found.holds(first.body == answer.body, "its body is the first answer's");
                found.compare("the trailers", &first.trailers, &answer.trailers);
            }
        }
        found.0
    }

    /// RFC 9457 section 3.1, and what else every problem of the contract has.
    fn problem_differences(&self, fragment: &str, answer: &Answer, found: &mut Differences) {
        let page = self.page.unwrap_or(PAGE);
        found.compare(
            "content-type",
            &vec!["application/problem+json"],
            &answer.text("content-type"),
        );
        found.compare("cache-control", &vec!["no-store"], &answer.text("cache-control"));
        let link = format!("<{page}>; rel=\"describedby\"");
        found.compare("link", &vec![link.as_str()], &answer.text("link"));
        let Ok(problem) = serde_json::from_slice::<Value>(&answer.body) else {
            return found.holds(false, "its body is JSON");
        };
        let problem_type = match fragment {
            "" => "about:blank".to_owned(),
            fragment => format!("{page}#{fragment}"),
        };
        found.compare("its type", &Value::from(problem_type), &problem["type"]);
        found.compare("its member status", &Value::from(answer.status), &problem["status"]);
        let said = |member: &str| problem[member].as_str().unwrap_or_default();
        found.holds(!said("title").is_empty(), "it has a title");
        found.holds(!said("detail").is_empty(), "it has a detail");
        let uuid = said("instance").strip_prefix("urn:uuid:").unwrap_or_default();
        found.holds(uuid::Uuid::try_parse(uuid).is_ok(), "its instance is a UUID");
        if let Some(part) = self.detail {
            found.holds(said("detail").contains(part), &format!("its detail says {part:?}"));
        }
        for (name, value) in &self.members {
            found.compare(name, value, &problem[*name]);
        }
    }
}

/// Fields that are about this message and not part of the answer, beside those named. Fields of
/// different names have no order (RFC 9110 section 5.3), those of one name do.
fn stored_fields(answer: &Answer, but: &[&str]) -> Vec<(String, String)> {
    let about_this_message = [MARKER, "date", "connection"];
    let stored = answer.fields.iter().filter(|(name, _)| {
        !about_this_message.contains(&name.as_str()) && !but.contains(&name.as_str())
    });
    let mut stored: Vec<_> = stored.map(|(name, value)| (name.clone(), text(value))).collect();
    stored.sort_by(|(a, _), (b, _)| a.cmp(b));
    stored
}

/// To be read by people: bytes that are no text, and whatever would flood the screen, escaped.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.escape_ascii().to_string(),
    }
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn compare<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, found: &T) {
        if expected != found {
            self.0.push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }

    fn holds(&mut self, holds: bool, what: &str) {
        if !holds {
            self.0.push(format!("not so: {what}"));
        }
    }
}
