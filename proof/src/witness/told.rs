//! What an answer says, as a client may read it: by its status, its marker and its problem type.

use serde_json::Value;

use super::operation::Kind;

/// What a request was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// It is done.
    Success {
        replayed: bool,
        /// All of the answer that is the same at every retry.
        stored: String,
        /// The number that the effect has outside.
        effect: String,
    },
    /// Definitely not done, and not to be done by this request.
    Refused,
    /// Refused by an execution that cannot speak for an earlier one.
    Unmarked,
    /// It is running.
    InProgress,
    /// An answer exists and is not durable, or a later owner is at work.
    Pending,
    /// The store cannot be asked. Nothing was run by this request.
    Unavailable,
    /// Nobody can say.
    OutcomeUnknown,
    /// The client says that nothing was ever sent.
    NothingSent,
    /// No whole answer came.
    Nothing,
    /// What may not be said at all.
    Other(String),
}

/// An answer that came whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: String,
}

const MARKER: &str = "idempotent-replayed";

/// Written anew for every answer, so no part of what is stored.
const NOT_STORED: [&str; 4] = [MARKER, "date", "connection", "content-length"];

impl Answer {
    /// Reads an answer of HTTP/1.1. `None` when it is not there to its end.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (head, body) = std::str::from_utf8(bytes).ok()?.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let fields = fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
        let answer = Self { status, fields: fields.collect(), body: body.to_owned() };
        let length: usize = answer.field("content-length")?.parse().ok()?;
        (answer.body.len() == length).then_some(answer)
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter().filter(|(found, _)| found == name);
        fields.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn told(&self, kind: Kind) -> Told {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let problem = json["type"].as_str().and_then(|kind| kind.split('#').nth(1));
        let refused = match kind {
            Kind::BadOrder => self.status == 400 && problem == Some("order-invalid"),
            Kind::OpaqueRefused => self.status == 429 && problem.is_none(),
            Kind::Order | Kind::SharedOrder | Kind::Opaque | Kind::Keyed => false,
        };
        match (self.status, self.field(MARKER), problem) {
            (201, Some(marker @ ("true" | "false")), None) => Told::Success {
                replayed: marker == "true",
                stored: self.stored(),
                effect: effect(&json, kind),
            },
            (_, Some("false"), _) if refused => Told::Refused,
            (_, None, _) if refused => Told::Unmarked,
            (409, None, Some("request-in-progress")) => Told::InProgress,
            (503, None, Some("outcome-pending")) => Told::Pending,
            (503, None, Some("store-unavailable")) => Told::Unavailable,
            (500, None, Some("outcome-unknown")) => Told::OutcomeUnknown,
            // Rolled back, the key is free; it does not speak for other executions.
            (500, Some("false"), None) if kind == Kind::SharedOrder => Told::Unmarked,
            // Passed on once: it does not say whether anything was done.
            (504, _, None) => Told::Nothing,
            (status, marker, _) => Told::Other(format!("{status} {marker:?} {}", self.body)),
        }
    }

    fn stored(&self) -> String {
        let stored = |(name, _): &&(String, String)| !NOT_STORED.contains(&name.as_str());
        let mut fields: Vec<String> = self
            .fields
            .iter()
            .filter(stored)
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        // One of the two clients does not say in which order they came.
        fields.sort_unstable();
        format!("{}\n{}\n\n{}", self.status, fields.join("\n"), self.body)
    }
}

fn effect(json: &Value, kind: Kind) -> String {
    let order = matches!(kind, Kind::Order | Kind::SharedOrder);
    let member = if order { "orderId" } else { "effect" };
    json[member].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, bytes: &str) -> Option<Told> {
        Answer::read(bytes.as_bytes()).map(|answer| answer.told(kind))
    }

    #[test]
    fn an_answer_counts_only_to_its_end() {
        let whole = "HTTP/1.1 201 Created\r\nIdempotent-Replayed: true\r\nDate: today\r\n\
                     content-length: 15\r\nb: 2\r\na: 1\r\n\r\n{\"orderId\":\"7\"}";
        let success = Told::Success {
            replayed: true,
            stored: "201\na: 1\nb: 2\n\n{\"orderId\":\"7\"}".into(),
            effect: "7".into(),
        };
        assert_eq!(told(Kind::Order, whole), Some(success));
        assert_eq!(told(Kind::Order, &whole[..whole.len() - 1]), None);
        assert_eq!(told(Kind::Order, ""), None);
    }

    #[test]
    fn a_refusal_is_definite_by_its_marker_alone() {
        let refusal = |marker: &str| {
            format!(
                "HTTP/1.1 400 Bad Request\r\n{marker}content-length: 27\r\n\r\n\
                 {{\"type\":\"/p#order-invalid\"}}"
            )
        };
        let marked = refusal("idempotent-replayed: false\r\n");
        assert_eq!(told(Kind::BadOrder, &marked), Some(Told::Refused));
        assert_eq!(told(Kind::BadOrder, &refusal("")), Some(Told::Unmarked));
        assert!(matches!(told(Kind::Order, &marked), Some(Told::Other(_))));
    }
}
