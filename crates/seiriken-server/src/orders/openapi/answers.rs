//! The answers of the calls: what was asked for, and what is said instead.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use seiriken::http::ProblemKind;
use serde_json::{Map, Value, json};

use super::{Policy, schemas};

/// The answers, with the problems that the running service can send.
pub(super) struct Answers {
    /// Where problem types lead.
    page: String,
    marker: String,
    /// By status.
    problems: BTreeMap<u16, Vec<Described>>,
}

/// One type of problem.
struct Described {
    /// The name of its example.
    name: String,
    r#type: String,
    title: String,
    detail: String,
}

/// What stands in `type` where the status code says it all (RFC 9457 section 4.2.1).
const PLAIN: &str = "about:blank";

impl Answers {
    /// Types of their own are those that the policy page explains; the layer has some without one.
    pub(super) fn new(policy: &Policy, page: &str) -> Self {
        let mut problems = BTreeMap::<u16, Vec<Described>>::new();
        for problem in policy.0["problems"].as_array().into_iter().flatten() {
            let text = |member: &str| problem[member].as_str().unwrap_or_default().to_owned();
            let status = problem["status"].as_u64().and_then(|status| status.try_into().ok());
            problems.entry(status.unwrap_or_default()).or_default().push(Described {
                name: text("fragment"),
                r#type: format!("{page}#{}", text("fragment")),
                title: text("title"),
                detail: text("detail"),
            });
        }
        let of_the_layer = ProblemKind::ALL.iter().filter(|kind| kind.fragment().is_none());
        let plain =
            of_the_layer.map(|kind| kind.status()).chain([StatusCode::UNSUPPORTED_MEDIA_TYPE]);
        for status in plain {
            problems.entry(status.as_u16()).or_default().push(plain_problem(status));
        }
        Self { page: page.to_owned(), marker: policy.marker(), problems }
    }

    /// The header fields that several answers have.
    pub(super) fn headers(&self) -> Value {
        let link = format!("<{}>; rel=\"describedby\"", self.page);
        let mut headers = json!({
            "Link": {
                "description": "Where the rules and the problem types are explained.",
                "required": true,
                "schema": { "const": link },
            },
            "Location": {
                "description": "Where the order is.",
                "required": true,
                "schema": { "type": "string", "format": "uri-reference" },
            },
            "Retry-After": {
                "description": "So many seconds later the same request can be sent again.",
                "required": true,
                "schema": { "type": "integer", "minimum": 0 },
            },
        });
        headers[&self.marker] = json!({
            "description": "Whether it is the answer of an earlier request with the same key. Not \
                            there where the request was refused before it ran.",
            "schema": { "enum": ["true", "false"] },
        });
        headers
    }

    /// 201 of an order.
    pub(super) fn created(&self) -> Value {
        let mut created =
            json("Ordered: now, or by an earlier request with the same key.", "Order");
        created["headers"] = self.carrying(["Location"], true);
        created["content"]["application/json"]["examples"] = json!({
            "single": { "value": schemas::single_order_example() },
            "cart": { "value": schemas::cart_order_example() },
        });
        created
    }

    /// What a guarded call answers instead: all problems of the layer, and the service's own.
    pub(super) fn to_guarded_call(&self) -> Map<String, Value> {
        let answers = self.problems.iter().map(|(status, kinds)| {
            let headers = match status {
                409 | 429 | 503 => self.carrying(["Link", "Retry-After"], false),
                // Here the order service itself may have said no: then it is an answer that ran.
                400 | 415 | 500 => self.carrying(["Link"], true),
                _ => self.carrying(["Link"], false),
            };
            (status.to_string(), problem(*status, kinds, &headers))
        });
        answers.collect()
    }

    /// A problem without a type of its own, of a call that is not guarded.
    pub(super) fn plain(&self, status: StatusCode) -> Value {
        problem(status.as_u16(), &[plain_problem(status)], &self.carrying(["Link"], false))
    }

    fn carrying<const N: usize>(&self, names: [&str; N], may_have_run: bool) -> Value {
        let marker = may_have_run.then_some(self.marker.as_str());
        let headers = names.into_iter().chain(marker).map(|name| {
            (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }))
        });
        Value::Object(headers.collect())
    }
}

/// An answer with a JSON body of this schema.
pub(super) fn json(description: &str, schema: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": { "schema": schemas::reference(schema) } },
    })
}

fn plain_problem(status: StatusCode) -> Described {
    let title = status.canonical_reason().unwrap_or_default();
    let (name, r#type) = ("plain".to_owned(), PLAIN.to_owned());
    Described { name, r#type, title: title.to_owned(), detail: "What is wrong.".to_owned() }
}

fn problem(status: u16, kinds: &[Described], headers: &Value) -> Value {
    let titles: Vec<_> = kinds.iter().map(|kind| kind.title.as_str()).collect();
    let shapes = kinds.iter().map(|kind| {
        let (r#type, title) = (&kind.r#type, &kind.title);
        json!({ "properties": { "type": { "const": r#type }, "title": { "const": title } } })
    });
    let examples = kinds.iter().map(|kind| {
        let value = json!({
            "type": kind.r#type,
            "title": kind.title,
            "status": status,
            "detail": kind.detail,
            "instance": "urn:uuid:0b0e8f7c-3c7d-4a3e-9d52-3b8a3b1f6a10",
        });
        (kind.name.clone(), json!({ "value": value }))
    });
    json!({
        "description": format!("{}.", titles.join(". ")),
        "headers": headers,
        "content": { "application/problem+json": {
            "schema": {
                "allOf": [
                    schemas::reference("Problem"),
                    { "properties": { "status": { "const": status } } },
                    { "anyOf": shapes.collect::<Vec<_>>() },
                ],
            },
            "examples": Value::Object(examples.collect()),
        } },
    })
}
