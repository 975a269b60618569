//! RFC 8785 canonical JSON, refused wherever it would not be faithful.
//!
//! Two bodies that mean different things must never share a canonical form. A JSON parser makes
//! that happen in two ways: it keeps one of two members with the same name, and it rounds a
//! number to the nearest double. So the tokens are looked at first.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde_json::Value;
use serde_json::de::Deserializer;

use super::ignored::IgnoredMembers;
use super::plain_json;

/// The canonical form of `body` without what is `ignored`, or `None` when it is no JSON, has a
/// name twice in one object, or has a number that its shortest IEEE form would change: also where
/// the name or the number is one that would be ignored.
pub(super) fn canonical(body: &[u8], ignored: Option<&IgnoredMembers>) -> Option<Vec<u8>> {
    let plain = if ignored.is_none() { plain_json::canonical(body) } else { None };
    plain.or_else(|| parsed(body, ignored))
}

/// The same by way of the parser.
pub(super) fn parsed(body: &[u8], ignored: Option<&IgnoredMembers>) -> Option<Vec<u8>> {
    if !names_are_unique(body) || !numbers(body).all(survives_rounding) {
        return None;
    }
    let mut value: Value = serde_json::from_slice(body).ok()?;
    if let Some(ignored) = ignored {
        ignored.leave_out_of(&mut value);
    }
    serde_json_canonicalizer::to_vec(&value).ok()
}

/// Every number token outside strings.
fn numbers(json: &[u8]) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while let Some(&byte) = json.get(at) {
            match byte {
                b'"' => at = string_end(json, at),
                b'-' | b'0'..=b'9' => {
                    let start = at;
                    let in_number =
                        |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                    at += json[at..].iter().take_while(|byte| in_number(byte)).count();
                    return std::str::from_utf8(&json[start..at]).ok();
                }
                _ => at += 1,
            }
        }
        None
    })
}

/// Just past the string that opens at `start`.
fn string_end(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    json.len()
}

/// Whether the double nearest to `number`, written in its shortest form, is the same number.
fn survives_rounding(number: &str) -> bool {
    // Below 10^15 every whole number is a double of its own, and is written as it is.
    let digits = number.strip_prefix('-').unwrap_or(number);
    if digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let Ok(double) = number.parse::<f64>() else { return false };
    if !double.is_finite() {
        return false;
    }
    // The canonical form's own digits: where two shortest forms exist, it has only one of them.
    let shortest = serde_json_canonicalizer::to_vec(&double).ok();
    let shortest = shortest.as_deref().and_then(|digits| std::str::from_utf8(digits).ok());
    decimal(number).is_some_and(|number| Some(number) == shortest.and_then(decimal))
}

/// A decimal number as (negative, significant digits, power of ten of the last digit), which is
/// equal for equal numbers. `None` where the exponent is no small integer.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().ok()?;
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let power = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)
        .and_then(|power| power.checked_add(dropped))?;
    match significant.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        significant => Some((negative, significant.to_owned(), power)),
    }
}

/// Whether no object has a name twice (after unescaping), in the JSON that the body begins with:
/// that nothing stands after it the parser finds.
fn names_are_unique(json: &[u8]) -> bool {
    use serde::de::Deserialize;
    UniqueNames::deserialize(&mut Deserializer::from_slice(json)).is_ok()
}

/// A member's name: a part of the input where nothing in it is escaped.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

/// The names of one object so far. Few are compared faster than they are hashed.
#[derive(Default)]
struct Names<'de> {
    few: Vec<Cow<'de, str>>,
    many: HashSet<Cow<'de, str>>,
}

impl<'de> Names<'de> {
    const FEW: usize = 16;

    /// `false` when it was there already.
    fn insert(&mut self, name: Cow<'de, str>) -> bool {
        if self.few.contains(&name) {
            return false;
        }
        if self.few.len() < Self::FEW {
            self.few.push(name);
            return true;
        }
        self.many.insert(name)
    }
}

/// Deserialises from any JSON value, keeps nothing, and fails at a repeated name.
struct UniqueNames;

impl<'de> serde::de::Deserialize<'de> for UniqueNames {
    fn deserialize<D: serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> serde::de::Visitor<'de> for UniqueNames {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = Names::default();
        while let Some(Name(name)) = map.next_key()? {
            // `serde_json` passes some values through names of its own, which it would unwrap when
            // they come from outside: past every check here, and past its limit of depth.
            if name.starts_with("$serde_json::private::") || !names.insert(name) {
                return Err(serde::de::Error::custom("repeated or private name"));
            }
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self, A::Error> {
        while seq.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// With nothing ignored. The short way, where it can be gone, leads to what the parser finds.
    fn canonical(body: &[u8]) -> Option<Vec<u8>> {
        let form = super::canonical(body, None);
        assert_eq!(form, parsed(body, None));
        form
    }

    #[test]
    fn numbers_that_a_double_holds_exactly_in_short_form_survive() {
        for kept in [
            "0",
            "-0",
            "1",
            "1.0",
            "1e0",
            "10e-1",
            "19.99",
            "0.1",
            "1e21",
            "5e-324",
            "1.50",
            "9007199254740992",
            "1.7976931348623157e308",
            "100",
            "0.000001",
            "0.0000001",
            "1E+2",
            "612268988128544.2",
        ] {
            assert!(survives_rounding(kept), "{kept}");
        }
        for changed in [
            "9007199254740993",
            "19.99999999999999999",
            "0.1000000000000000055511151231257827",
            "1e400",
            "-1e400",
            "1e-400",
            "123456789012345678901234567890",
            "1e99999999999999999999",
            "612268988128544.3",
        ] {
            assert!(!survives_rounding(changed), "{changed}");
        }
    }

    #[test]
    fn no_value_is_smuggled_in_under_a_private_name_of_the_parser() {
        for body in [
            r#"{"$serde_json::private::RawValue":"{\"qty\":2,\"qty\":1}"}"#,
            r#"[{"a":{"$serde_json::private::RawValue":"9007199254740993"}}]"#,
            r#"{"$serde_json::private::Number":"1"}"#,
        ] {
            assert_eq!(canonical(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn a_name_is_found_again_among_few_and_among_many() {
        for count in [1, 16, 17, 40] {
            let members = (0..count).map(|number| format!("\"n{number}\":1"));
            let members = members.collect::<Vec<_>>().join(",");
            assert!(canonical(format!("{{{members}}}").as_bytes()).is_some(), "{count} names");
            // The first name, and the last one, escaped.
            for again in ["n0".to_owned(), format!("\\u006e{}", count - 1)] {
                let body = format!("{{{members},\"{again}\":1}}");
                assert_eq!(canonical(body.as_bytes()), None, "{body}");
            }
        }
    }

    #[test]
    fn digits_inside_strings_are_not_numbers() {
        let json = br#"{"9007199254740993":"19.99999999999999999 \" 1e400","a":[1,-2.5e3]}"#;
        assert_eq!(numbers(json).collect::<Vec<_>>(), ["1", "-2.5e3"]);
        assert!(canonical(json).is_some());
    }

    #[test]
    fn what_is_no_json_has_no_canonical_form() {
        for body in ["", "{", "{}x", "nul", "\"\\ud800\"", "[1,]", "{\"a\":01}", "\u{feff}{}"] {
            assert_eq!(canonical(body.as_bytes()), None, "{body}");
        }
        // Past the parser's depth limit, rather than past the stack.
        assert_eq!(canonical("[".repeat(100_000).as_bytes()), None);
    }

    proptest! {
        /// Spacing and order never matter; a canonical form is its own canonical form.
        #[test]
        fn canonical_is_stable(cents in -100_000_000_000_000i64..100_000_000_000_000, b in "[a-z\"\\\\é]{0,8}", c in any::<i32>()) {
            let price: f64 = format!("{}.{:02}", cents / 100, cents.abs() % 100).parse().unwrap();
            let one = serde_json::json!({"x": price, "s": b, "list": [c, null, true]});
            let compact = serde_json::to_vec(&one).unwrap();
            let spaced = serde_json::to_vec_pretty(&one).unwrap();
            let form = canonical(&compact).expect("short doubles survive");
            prop_assert_eq!(canonical(&spaced), Some(form.clone()));
            prop_assert_eq!(canonical(&form), Some(form));
        }

        /// Different decimals never share a canonical form. Two that are near are what a parser
        /// would round to one.
        #[test]
        fn different_numbers_stay_different(a in "[1-9][0-9]{0,24}(\\.[0-9]{0,20}[1-9])?", b in "[1-9][0-9]{0,24}(\\.[0-9]{0,20}[1-9])?", last in 1..10, near in any::<bool>()) {
            let b = if near { format!("{}{last}", &a[..a.len() - 1]) } else { b };
            prop_assume!(decimal(&a) != decimal(&b));
            if let (Some(a), Some(b)) = (canonical(a.as_bytes()), canonical(b.as_bytes())) {
                prop_assert_ne!(a, b);
            }
        }
    }
}
