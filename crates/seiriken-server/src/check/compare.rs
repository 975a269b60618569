//! Whether a replay is the first answer: its status, its fields, its bytes.

use axum::http::HeaderMap;
use serde_json::Value;

use super::exchange::{Answer, MARKERS};

/// Fields about one connection, one moment or one caller: no part of the answer to an operation.
const OF_THE_MOMENT: [&str; 24] = [
    "age",
    "alt-svc",
    "cf-cache-status",
    "cf-ray",
    "connection",
    "content-length",
    "date",
    "expires",
    "keep-alive",
    "nel",
    "proxy-authenticate",
    "proxy-connection",
    "report-to",
    "retry-after",
    "server-timing",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "www-authenticate",
    "x-cache",
    "x-powered-by",
];

/// And families of them.
const FAMILIES_OF_THE_MOMENT: [&str; 9] = [
    "access-control-",
    "ratelimit",
    "x-ratelimit",
    "x-rate-limit",
    "traceparent",
    "tracestate",
    "x-b3-",
    "x-amz-",
    "x-envoy-",
];

/// And words in the names of those that number every exchange or time it.
const WORDS_OF_THE_MOMENT: [&str; 6] =
    ["request-id", "requestid", "correlation-id", "trace-id", "response-time", "runtime"];

/// What is not as it was, each in a few words. Empty: the replay is the first answer.
pub(super) fn differences(first: &Answer, replay: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    if first.status != replay.status {
        found.push(format!("status {} became {}", first.status, replay.status));
    }
    fields(&first.headers, &replay.headers, &mut found);
    if first.body != replay.body {
        found.push(body(&first.body, &replay.body));
    }
    found
}

fn fields(first: &HeaderMap, replay: &HeaderMap, found: &mut Vec<String>) {
    for name in first.keys().filter(|name| !is_of_the_moment(name.as_str())) {
        let before: Vec<_> = first.get_all(name).iter().collect();
        let after: Vec<_> = replay.get_all(name).iter().collect();
        if before == after {
            continue;
        }
        found.push(match after.len() {
            0 => format!("field {name} is missing"),
            lines if lines < before.len() => {
                format!("of {} lines of field {name} {lines} came back", before.len())
            }
            _ => format!("field {name} became {after:?}, and was {before:?}"),
        });
    }
}

fn is_of_the_moment(name: &str) -> bool {
    OF_THE_MOMENT.contains(&name)
        || MARKERS.contains(&name)
        || FAMILIES_OF_THE_MOMENT.iter().any(|family| name.starts_with(family))
        || WORDS_OF_THE_MOMENT.iter().any(|word| name.contains(word))
}

fn body(first: &[u8], replay: &[u8]) -> String {
    let json = |bytes| serde_json::from_slice::<Value>(bytes).ok();
    match (json(first), json(replay)) {
        (Some(before), Some(after)) if before == after => {
            "the same JSON in other bytes, which breaks a signature over it".to_owned()
        }
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let names =
                before.keys().chain(after.keys().filter(|name| !before.contains_key(*name)));
            let changed: Vec<&str> = names
                .filter(|name| before.get(*name) != after.get(*name))
                .map(String::as_str)
                .collect();
            format!("members of the body changed: {}", changed.join(", "))
        }
        _ => format!("a body of {} bytes became another one of {}", first.len(), replay.len()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue, StatusCode};

    use super::*;

    fn answer(fields: &[(&'static str, &'static str)], body: &'static [u8]) -> Answer {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Answer { status: StatusCode::CREATED, headers, body: body.into() }
    }

    #[test]
    fn what_is_of_the_moment_may_differ() {
        let first = answer(&[("date", "a"), ("x-request-id", "1"), ("etag", "x")], b"\xff");
        let replay =
            answer(&[("date", "b"), ("etag", "x"), ("idempotent-replayed", "true")], b"\xff");
        assert_eq!(differences(&first, &replay), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named() {
        let first = answer(&[("link", "a"), ("link", "b"), ("etag", "x")], b"{\"a\":1,\"b\":2}");
        let one = answer(&[("link", "a"), ("etag", "x")], b"{\"a\":1,\"b\":2}");
        assert_eq!(differences(&first, &one), ["of 2 lines of field link 1 came back"]);
        let one = answer(&[("link", "a"), ("link", "b")], b"{ \"a\":1,\"b\":2}");
        let found = differences(&first, &one);
        assert_eq!(found[0], "field etag is missing");
        assert!(found[1].starts_with("the same JSON in other bytes"), "{found:?}");
        let one = answer(&[("link", "b"), ("link", "a"), ("etag", "x")], b"{\"a\":1,\"c\":2}");
        let found = differences(&first, &one);
        assert!(found[0].starts_with("field link became"), "{found:?}");
        assert_eq!(found[1], "members of the body changed: b, c");
    }
}
