//! The page that publishes the policy: the draft's "MUST publish" (section 2.5), made from the very
//! rules that are enforced.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, Response};
use serde::Serialize;

use super::body::WholeBody;
use super::config::{KeyRequirement, Rules};
use super::problem::ProblemKind;
use crate::dated_key::AcceptedKeys;
use crate::fingerprint::FingerprintKind;
use crate::key::{KEY_CHARACTERS_MAX, KeySyntax};
use crate::policy::{OnConcurrent, Policy};
use crate::record::EffectClass;

/// The policy of one layer, for people (HTML) and programs (JSON).
///
/// Serve it at the address that the layer was given
/// ([`Idempotency::policy_page`](super::Idempotency::policy_page)): problem types and `Link` fields
/// lead there.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyPage {
    specification: &'static str,
    key: Key,
    keys_max: Option<u64>,
    methods: Vec<String>,
    retention_seconds: u64,
    fingerprint: &'static str,
    /// Said only where it is so.
    #[serde(skip_serializing_if = "Option::is_none")]
    host_compared: Option<bool>,
    ignored_members: Vec<String>,
    effect_class: &'static str,
    durability: Option<String>,
    on_concurrent: &'static str,
    wait_seconds_max: Option<u64>,
    replay_marker: String,
    request_body_bytes_max: usize,
    response_body_bytes_max: usize,
    problems: Vec<Described>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    field: String,
    required: bool,
    quotes_required: bool,
    accepted: &'static str,
    characters_max: usize,
}

/// One problem type: the fragment is its anchor on the page.
#[derive(Debug, Clone, Serialize)]
struct Described {
    fragment: &'static str,
    status: u16,
    title: &'static str,
    detail: &'static str,
}

impl PolicyPage {
    pub(super) fn new(policy: &Policy, rules: &Rules, durability: Option<String>) -> Self {
        let wait = match policy.on_concurrent {
            OnConcurrent::Reject => None,
            OnConcurrent::Wait(limit) => Some(limit.as_secs()),
        };
        Self {
            specification: "draft-ietf-httpapi-idempotency-key-header-07",
            key: Key {
                field: rules.field.to_string(),
                required: rules.requirement == KeyRequirement::Required,
                quotes_required: rules.syntax == KeySyntax::Strict,
                accepted: match rules.accepted_keys {
                    AcceptedKeys::Any => "any",
                    AcceptedKeys::Issued => "issued",
                    AcceptedKeys::Dated => "dated",
                },
                characters_max: KEY_CHARACTERS_MAX,
            },
            keys_max: policy.quota.keys,
            methods: rules.methods.iter().map(Method::to_string).collect(),
            retention_seconds: policy.retention.answers.as_secs(),
            fingerprint: match rules.fingerprint {
                FingerprintKind::Bytes => "bytes",
                FingerprintKind::CanonicalJson | FingerprintKind::PartialJson => "canonical-json",
            },
            host_compared: rules.host_compared.then_some(true),
            ignored_members: rules.ignored.pointers().map(str::to_owned).collect(),
            effect_class: match policy.class {
                EffectClass::Transactional => "transactional",
                EffectClass::Keyed => "keyed",
                EffectClass::Opaque => "opaque",
            },
            durability,
            on_concurrent: if wait.is_some() { "wait" } else { "reject" },
            wait_seconds_max: wait,
            replay_marker: rules.marker.to_string(),
            request_body_bytes_max: rules.request_body_bytes_max,
            response_body_bytes_max: rules.response_body_bytes_max,
            problems: ProblemKind::ALL.iter().filter_map(|kind| described(*kind)).collect(),
        }
    }

    /// Adds a problem type of the service itself.
    #[must_use]
    pub fn with_problem(
        mut self,
        fragment: &'static str,
        status: http::StatusCode,
        title: &'static str,
        detail: &'static str,
    ) -> Self {
        self.problems.push(Described { fragment, status: status.as_u16(), title, detail });
        self
    }

    /// The page as HTML where `Accept` asks for it, as a browser's does; else as JSON.
    pub fn respond(&self, headers: &HeaderMap) -> Response<WholeBody> {
        let accepts_html = headers
            .get_all(http::header::ACCEPT)
            .iter()
            .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
        let (content_type, text) = if accepts_html {
            ("text/html; charset=utf-8", self.html())
        } else {
            ("application/json", self.json())
        };
        let mut response = Response::new(WholeBody::new(Bytes::from(text), HeaderMap::new()));
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        fields.insert(VARY, HeaderValue::from_static("accept"));
        response
    }

    /// For programs.
    pub fn json(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(json) => json,
            Err(error) => unreachable!("strings and numbers are always JSON: {error}"),
        }
    }

    /// For people.
    pub fn html(&self) -> String {
        let mut page = String::from(HEAD);
        for (name, value) in self.rows() {
            row(&mut page, name, &value);
        }
        if let Some(durability) = &self.durability {
            row(&mut page, "When the store fails", durability);
        }
        page.push_str(PROBLEMS);
        for Described { fragment, status, title, detail } in &self.problems {
            // Writing to a string never fails.
            let _ = writeln!(
                page,
                "<dt id=\"{fragment}\"><code>#{fragment}</code> ({status}): {title}</dt>\
                 <dd>{detail}</dd>"
            );
        }
        page.push_str("</dl>\n</main>\n</body>\n</html>\n");
        page
    }

    fn rows(&self) -> [(&'static str, String); 11] {
        let Key { field, required, quotes_required, accepted, characters_max } = &self.key;
        let accepted = match *accepted {
            "issued" => "; only keys that this service has issued",
            "dated" => "; only keys with a date: UUIDs of version 7, and issued ones",
            _ => "",
        };
        let required = if *required { "required" } else { "optional" };
        let spelling = if *quotes_required { "in double quotes" } else { "with or without quotes" };
        let concurrent = match self.wait_seconds_max {
            None => "409 at once".to_owned(),
            Some(seconds) => format!("waits up to {seconds} s for the answer, then 409"),
        };
        let at_a_time = match self.keys_max {
            None => "as many as come".to_owned(),
            Some(keys) => format!("{keys}; new ones beyond that are refused (429)"),
        };
        let ignored = match &self.ignored_members[..] {
            [] => "none".to_owned(),
            pointers => pointers.join(", "),
        };
        [
            ("Keys kept at a time", at_a_time),
            (
                "Key",
                format!(
                    "field {field}, {required}, {spelling}, 1 to {characters_max} printable ASCII characters{accepted}"
                ),
            ),
            ("Guarded methods", self.methods.join(", ")),
            (
                "Answers are kept for",
                format!("{} s after they were recorded", self.retention_seconds),
            ),
            (
                "Same request means",
                format!(
                    "same method, {}path, query, content type and body ({})",
                    if self.host_compared.is_some() { "host, " } else { "" },
                    self.fingerprint
                ),
            ),
            ("Members of JSON bodies that do not count", ignored),
            ("While the first request runs", concurrent),
            (
                "Replays are marked",
                format!("{}: true (the first answer: false)", self.replay_marker),
            ),
            ("Effect class", self.effect_class.to_owned()),
            ("Request body up to", format!("{} bytes", self.request_body_bytes_max)),
            ("Answers kept up to", format!("{} bytes of body", self.response_body_bytes_max)),
        ]
    }
}

fn described(kind: ProblemKind) -> Option<Described> {
    let fragment = kind.fragment()?;
    let (status, title, detail) = (kind.status().as_u16(), kind.title(), kind.detail());
    Some(Described { fragment, status, title, detail })
}

/// Names of members may hold anything.
fn row(page: &mut String, name: &str, value: &str) {
    let value = value.replace('&', "&amp;").replace('<', "&lt;");
    // Writing to a string never fails.
    let _ = writeln!(page, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
}

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Idempotency-Key policy</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
th { text-align: left; vertical-align: top; padding-right: 1.5rem; font-weight: 600; }
dt { margin-top: 1rem; font-weight: 600; }
dt:target { background: #fff3c4; }
</style>
</head>
<body>
<main>
<h1>Idempotency-Key policy</h1>
<p>An operation is repeated safely by sending the same request again with the same key. It runs at
most once, and every retry gets the first answer. This follows
draft-ietf-httpapi-idempotency-key-header-07, an Internet-Draft that has expired.</p>
<table>
"#;

const PROBLEMS: &str = "</table>\n<h2>Problem types</h2>\n<dl>\n";

#[cfg(test)]
mod tests {
    use http::header::ACCEPT;

    use super::*;
    use crate::http::{Idempotency, Identity};
    use crate::store::MemoryStore;

    fn page() -> PolicyPage {
        let store = std::sync::Arc::new(MemoryStore::new().unwrap());
        let guard = Idempotency::new(store, Identity::anonymous()).require_key().canonical_json();
        guard.layer().policy_page()
    }

    #[test]
    fn it_says_what_the_layer_enforces_and_every_problem_has_its_anchor() {
        let json: serde_json::Value = serde_json::from_str(&page().json()).unwrap();
        assert_eq!(json["key"]["required"], true);
        assert_eq!(json["retentionSeconds"], 86_400);
        assert_eq!(json["fingerprint"], "canonical-json");
        let html = page().html();
        for fragment in ProblemKind::ALL.iter().filter_map(|kind| kind.fragment()) {
            assert!(html.contains(&format!("id=\"{fragment}\"")), "{fragment}");
        }
    }

    #[test]
    fn it_says_what_the_store_promises() {
        let said = "A process that is restarted has forgotten every key.";
        let json: serde_json::Value = serde_json::from_str(&page().json()).unwrap();
        assert_eq!(json["durability"], said);
        assert!(page().html().contains(&format!("<td>{said}</td>")), "{}", page().html());
    }

    #[test]
    fn it_says_where_the_host_counts() {
        let store = std::sync::Arc::new(MemoryStore::new().unwrap());
        let guard = Idempotency::new(store, Identity::anonymous()).comparing_host();
        let page = guard.layer().policy_page();
        let json: serde_json::Value = serde_json::from_str(&page.json()).unwrap();
        assert_eq!(json["hostCompared"], true);
        assert!(page.html().contains("same method, host, path"), "{}", page.html());
    }

    #[test]
    fn it_names_the_members_that_do_not_count() {
        let store = std::sync::Arc::new(MemoryStore::new().unwrap());
        let guard = Idempotency::new(store, Identity::anonymous());
        let guard = guard.ignoring_json("/sentAt").ignoring_json("/<b>&");
        let page = guard.layer().policy_page();
        let json: serde_json::Value = serde_json::from_str(&page.json()).unwrap();
        assert_eq!(json["fingerprint"], "canonical-json");
        assert_eq!(json["ignoredMembers"], serde_json::json!(["/<b>&", "/sentAt"]));
        assert!(page.html().contains("<td>/&lt;b>&amp;, /sentAt</td>"), "{}", page.html());
    }

    #[test]
    fn a_browser_gets_html_and_a_program_json() {
        let content_type = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            page().respond(&headers).headers()[CONTENT_TYPE].clone()
        };
        assert_eq!(content_type("text/html,application/xhtml+xml"), "text/html; charset=utf-8");
        assert_eq!(content_type("*/*"), "application/json");
    }
}
