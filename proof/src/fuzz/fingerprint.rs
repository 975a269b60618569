//! The fingerprint of JSON: two bodies count as one request exactly where they are equal JSON.
//!
//! The input is parted at zero bytes, which no JSON has: a body, another one, and pointers to what
//! is ignored.

use std::collections::BTreeSet;
use std::fmt::Write;

use seiriken::{Fingerprint, FingerprintKind, IgnoredMembers, RequestParts, StoreSecret};

use super::json::{self, Document, Value};
use super::reader::Reader;

/// Takes the fingerprints of both bodies in every way.
pub fn check(data: &[u8]) -> bool {
    let mut parts = data.split(|byte| *byte == 0);
    let first = Body::new(parts.next().unwrap_or_default());
    let second = Body::new(parts.next().unwrap_or_default());
    first.holds();
    second.holds();
    first.agrees(&second);
    first.survives_another_spelling(data);
    let pointers: Vec<&str> = parts.filter_map(|part| std::str::from_utf8(part).ok()).collect();
    ignoring(&first, &second, &pointers);
    first.is_canonical()
}

/// A body, as we read it and as the product does.
struct Body<'d> {
    bytes: &'d [u8],
    document: Option<Document>,
    canonical: Fingerprint,
}

impl<'d> Body<'d> {
    fn new(bytes: &'d [u8]) -> Self {
        let canonical = of(FingerprintKind::CanonicalJson, &IgnoredMembers::default(), bytes);
        Self { bytes, document: json::read(bytes), canonical }
    }

    fn is_canonical(&self) -> bool {
        self.canonical.kind() == FingerprintKind::CanonicalJson
    }

    /// What has no faithful form counts by its bytes, and what surely has one by that.
    fn holds(&self) {
        if !self.is_canonical() {
            assert_eq!(self.canonical, by_bytes(self.bytes), "without a form the bytes count");
        }
        let Some(document) = &self.document else {
            assert!(!self.is_canonical(), "this is no JSON, and has a canonical form");
            return;
        };
        let refusable = document.repeats || document.private;
        assert!(!(refusable && self.is_canonical()), "a name that must be refused is not");
        let numbers = document.value.numbers();
        if !refusable && !document.far && document.depth < 100 {
            let sure = numbers.iter().all(|number| number.surely_survives());
            assert!(!sure || self.is_canonical(), "good JSON has no canonical form");
        }
        if self.is_canonical() {
            for number in numbers {
                let spelt = number.spelt(0);
                let double: f64 = spelt.parse().expect("a number");
                assert!(double.is_finite(), "{spelt} is past every double");
                let shortest = json::read(format!("{double:e}").as_bytes());
                let shortest = shortest.map(|document| document.value);
                let Some(Value::Number(shortest)) = shortest else { panic!("{double:e}") };
                // Of two shortest forms the standard library may choose the other one.
                assert_eq!(number.digits.len(), shortest.digits.len(), "{spelt} is rounded");
            }
        }
    }

    /// Equal as requests, and equal as JSON: the same.
    fn agrees(&self, other: &Self) {
        let same = self.canonical == other.canonical;
        match (&self.document, &other.document) {
            (Some(one), Some(two)) if self.is_canonical() && other.is_canonical() => {
                assert_eq!(same, one.value == two.value, "{:?} and {:?}", one.value, two.value);
            }
            _ => assert_eq!(same, self.bytes == other.bytes, "by their bytes"),
        }
        assert_eq!(by_bytes(self.bytes) == by_bytes(other.bytes), self.bytes == other.bytes);
    }

    fn survives_another_spelling(&self, choices: &[u8]) {
        let (Some(document), true) = (&self.document, self.is_canonical()) else { return };
        let mut spelling = String::new();
        spell(&document.value, &mut Reader::new(choices), &mut spelling);
        let again = Body::new(spelling.as_bytes());
        assert_eq!(again.canonical, self.canonical, "{spelling} is the same JSON");
    }
}

/// A named place makes no difference, and every other does.
fn ignoring(first: &Body<'_>, second: &Body<'_>, pointers: &[&str]) {
    let ignored = IgnoredMembers::new(pointers.iter().copied());
    let places: Option<BTreeSet<Vec<String>>> =
        pointers.iter().map(|pointer| tokens(pointer)).collect();
    assert_eq!(ignored.is_ok(), places.is_some(), "{pointers:?}");
    let (Ok(ignored), Some(places)) = (ignored, places) else { return };
    let twice = pointers.iter().rev().chain(pointers).copied();
    assert_eq!(IgnoredMembers::new(twice).as_ref(), Ok(&ignored), "a list is a set");
    let partial = |body: &Body<'_>| of(FingerprintKind::PartialJson, &ignored, body.bytes);
    let (one, two) = (partial(first), partial(second));
    for (body, partial) in [(first, &one), (second, &two)] {
        let kind =
            if body.is_canonical() { FingerprintKind::PartialJson } else { FingerprintKind::Bytes };
        assert_eq!(partial.kind(), kind);
    }
    if let (Some(first_left), Some(second_left)) = (&first.document, &second.document)
        && first.is_canonical()
        && second.is_canonical()
    {
        let left = |document: &Document| without(&document.value, &places, &mut Vec::new());
        assert_eq!(one == two, left(first_left) == left(second_left), "ignoring {pointers:?}");
    }
}

/// RFC 6901 section 3 and 4; the empty pointer, which is the whole body, is refused.
fn tokens(pointer: &str) -> Option<Vec<String>> {
    let tokens = pointer.strip_prefix('/')?.split('/');
    let unescaped = |token: &str| {
        let good = token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
        good.then(|| token.replace("~1", "/").replace("~0", "~"))
    };
    tokens.map(unescaped).collect()
}

/// The value without what lies at the places: a member is gone, an element is null.
fn without(value: &Value, places: &BTreeSet<Vec<String>>, at: &mut Vec<String>) -> Value {
    let mut below = |name: String, value: &Value| {
        at.push(name);
        let left = (!places.contains(at)).then(|| without(value, places, at));
        at.pop();
        left
    };
    match value {
        Value::Array(elements) => {
            let elements = elements.iter().enumerate();
            let left = elements.map(|(place, element)| below(place.to_string(), element));
            Value::Array(left.map(|left| left.unwrap_or(Value::Null)).collect())
        }
        Value::Object(members) => {
            let members = members.iter();
            let left = members
                .filter_map(|(name, value)| Some((name.clone(), below(name.clone(), value)?)));
            Value::Object(left.collect())
        }
        leaf => leaf.clone(),
    }
}

/// Writes the value in another order, with other spaces, escapes and exponents.
fn spell(value: &Value, choices: &mut Reader<'_>, out: &mut String) {
    let space = ["", " ", "\n\t", "\r "];
    out.push_str(choices.pick(&space));
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.spelt(usize::from(choices.byte() % 4))),
        Value::String(text) => spell_string(text, choices, out),
        Value::Array(elements) => {
            out.push('[');
            for (place, element) in elements.iter().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                spell(element, choices, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (place, (name, value)) in members.iter().rev().enumerate() {
                out.push_str(if place == 0 { "" } else { "," });
                spell_string(name, choices, out);
                out.push_str(choices.pick(&space));
                out.push(':');
                spell(value, choices, out);
            }
            out.push('}');
        }
    }
    out.push_str(choices.pick(&space));
}

fn spell_string(text: &str, choices: &mut Reader<'_>, out: &mut String) {
    let plain = choices.once_in(2);
    out.push('"');
    for character in text.chars() {
        if plain && !matches!(character, '"' | '\\' | '\0'..='\u{1f}') {
            out.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04X}");
        }
    }
    out.push('"');
}

fn by_bytes(body: &[u8]) -> Fingerprint {
    of(FingerprintKind::Bytes, &IgnoredMembers::default(), body)
}

fn of(kind: FingerprintKind, ignored: &IgnoredMembers, body: &[u8]) -> Fingerprint {
    let request = RequestParts {
        method: b"POST",
        path: b"/orders",
        query: None,
        content_type: Some(b"application/json"),
        body,
    };
    Fingerprint::ignoring(&StoreSecret::from_bytes([3; 32]), kind, ignored, &request)
}
