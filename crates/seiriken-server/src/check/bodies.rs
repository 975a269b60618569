//! Bodies made from the one that is given: another one, and one that is refused.

use bytes::Bytes;
use serde_json::Value;

/// The same JSON with one member changed: a whole number if there is one, else a text. `None` when
/// there is nothing to change.
pub(super) fn varied(body: &[u8]) -> Option<Bytes> {
    let mut value: Value = serde_json::from_slice(body).ok()?;
    if change(&mut value, &mut |value| match value.as_u64() {
        // A small number stays one: services limit amounts.
        Some(0) => Some(1.into()),
        Some(1) => Some(2.into()),
        Some(number) => Some((number - 1).into()),
        None => None,
    }) || change(&mut value, &mut |value| Some(other_text(value.as_str()?).into()))
    {
        return Some(value.to_string().into());
    }
    None
}

/// JSON without its last byte is none.
pub(super) fn cut_short(body: &Bytes) -> Option<Bytes> {
    let cut = body.len().checked_sub(1).map(|end| body.slice(..end))?;
    serde_json::from_slice::<Value>(body).ok()?;
    serde_json::from_slice::<Value>(&cut).is_err().then_some(cut)
}

/// Of the same length, since some texts have a fixed one.
fn other_text(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    match letters.last_mut() {
        Some(last) => *last = if *last == '1' { '2' } else { '1' },
        None => letters.push('1'),
    }
    letters.into_iter().collect()
}

/// Changes the first leaf that `to` has something for.
fn change(value: &mut Value, to: &mut impl FnMut(&Value) -> Option<Value>) -> bool {
    match value {
        Value::Object(members) => members.values_mut().any(|member| change(member, to)),
        Value::Array(items) => items.iter_mut().any(|item| change(item, to)),
        leaf => match to(leaf) {
            Some(other) => {
                *leaf = other;
                true
            }
            None => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_changed_before_a_text() {
        for (body, other) in [
            (r#"{"itemId":"cake-001","qty":1}"#, r#"{"itemId":"cake-001","qty":2}"#),
            (r#"{"a":[{"n":100}]}"#, r#"{"a":[{"n":99}]}"#),
            (r#"{"name":"cake"}"#, r#"{"name":"cak1"}"#),
            (r#"{"id":"cake-001","on":true}"#, r#"{"id":"cake-002","on":true}"#),
            (r#"[""]"#, r#"["1"]"#),
        ] {
            assert_eq!(varied(body.as_bytes()).unwrap(), other);
        }
        for body in ["{}", "", "text", "null"] {
            assert_eq!(varied(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_cut_short_is_no_json() {
        assert_eq!(cut_short(&Bytes::from_static(b"{\"a\":1}")).unwrap(), "{\"a\":1");
        assert_eq!(cut_short(&Bytes::from_static(b"{}")).unwrap(), "{");
        // 1 is a number, too.
        for body in ["12", "", "text"] {
            assert_eq!(cut_short(&Bytes::from_static(body.as_bytes())), None, "{body}");
        }
    }
}
