//! Text as the page shows it: `…` stands for any text, `{uuid}` for a UUID, `{time}` for a time,
//! `{seconds}` for a whole number of seconds.

use serde_json::Value;

const UUID_LENGTH: usize = 36;

/// Whether `text` is what `pattern` shows.
pub(crate) fn matches(text: &str, pattern: &str) -> bool {
    if let Some(pattern) = pattern.strip_prefix('…') {
        return text.char_indices().any(|(at, _)| matches(&text[at..], pattern))
            || matches("", pattern);
    }
    if let Some(pattern) = pattern.strip_prefix("{uuid}") {
        let uuid = text.split_at_checked(UUID_LENGTH);
        return uuid.is_some_and(|(uuid, rest)| {
            uuid::Uuid::try_parse(uuid).is_ok() && matches(rest, pattern)
        });
    }
    if let Some(pattern) = pattern.strip_prefix("{time}") {
        let time = text.find('Z').map(|end| text.split_at(end + 1));
        return time.is_some_and(|(time, rest)| {
            time.parse::<jiff::Timestamp>().is_ok() && matches(rest, pattern)
        });
    }
    if let Some(pattern) = pattern.strip_prefix("{seconds}") {
        let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        return digits.parse::<u32>().is_ok_and(|seconds| seconds > 0) && matches(rest, pattern);
    }
    match (text.chars().next(), pattern.chars().next()) {
        (None, None) => true,
        (Some(one), Some(other)) if one == other => {
            matches(&text[one.len_utf8()..], &pattern[other.len_utf8()..])
        }
        _ => false,
    }
}

/// Whether `value` is what `pattern` shows: the same members, whose strings match.
pub(crate) fn json_matches(value: &Value, pattern: &Value) -> bool {
    match (value, pattern) {
        (Value::String(text), Value::String(pattern)) => matches(text, pattern),
        (Value::Array(values), Value::Array(patterns)) => {
            let pairs = || values.iter().zip(patterns);
            values.len() == patterns.len() && pairs().all(|(one, other)| json_matches(one, other))
        }
        (Value::Object(members), Value::Object(patterns)) => {
            let shown = |(name, value)| {
                patterns.get(name).is_some_and(|pattern| json_matches(value, pattern))
            };
            members.len() == patterns.len() && members.iter().all(shown)
        }
        (value, pattern) => value == pattern,
    }
}

#[test]
fn a_pattern_stands_for_the_whole_text() {
    let uuid = "8e03978e-40d5-43e8-bc93-6894a57f9324";
    let time = "2026-11-22T04:03:11.024Z";
    for (text, pattern) in [
        ("as it is", "as it is"),
        ("Nothing ran. Ask again.", "Nothing ran. …"),
        ("Nothing ran.", "…ran."),
        ("Nothing ran.", "Nothing ran.…"),
        ("12", "{seconds}"),
        (&format!("/orders/{uuid}"), "/orders/{uuid}"),
        (&format!("{uuid} at {time}"), "{uuid} at {time}"),
    ] {
        assert!(matches(text, pattern), "{text} {pattern}");
    }
    for (text, pattern) in [
        ("as it is", "as it i"),
        ("as it is", "as it is not"),
        ("as it is", "… was"),
        ("/orders/7", "/orders/{uuid}"),
        (&format!("/orders/{uuid}7"), "/orders/{uuid}"),
        ("todayZ", "{time}"),
        ("0", "{seconds}"),
        ("1.5", "{seconds}"),
    ] {
        assert!(!matches(text, pattern), "{text} {pattern}");
    }
}

#[test]
fn json_has_the_members_that_are_shown_and_no_others() {
    let value: Value = serde_json::json!({ "a": ["text", 1], "b": null });
    for (pattern, expected) in [
        (serde_json::json!({ "a": ["…", 1], "b": null }), true),
        (serde_json::json!({ "a": ["…", 1] }), false),
        (serde_json::json!({ "a": ["…", 1], "c": null }), false),
        (serde_json::json!({ "a": ["…", 2], "b": null }), false),
        (serde_json::json!({ "a": ["…"], "b": null }), false),
    ] {
        assert_eq!(json_matches(&value, &pattern), expected, "{pattern}");
    }
}
