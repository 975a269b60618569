//! Which JSON bodies count as one when members are ignored: exactly those that differ at or below
//! a named place alone, whatever the bodies and the pointers are.

use proptest::prelude::*;
use seiriken::{Fingerprint, FingerprintKind, IgnoredMembers, RequestParts, StoreSecret};
use serde_json::{Map, Value};

/// Few names, so that pointers lead somewhere: some need an escape, some look like an index.
const NAMES: [&str; 9] = ["", "a", "b", "a/b", "m~n", "~1", "0", "1", "01"];

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(str::to_owned)
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
        name().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name(), inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A place in a document: the names that lead to it.
type Place = Vec<String>;

fn place() -> impl Strategy<Value = Place> {
    prop::collection::vec(name(), 1..4)
}

fn pointer(place: &[String]) -> String {
    place.iter().fold(String::new(), |pointer, name| {
        pointer + "/" + &name.replace('~', "~0").replace('/', "~1")
    })
}

fn ignored(places: &[Place]) -> IgnoredMembers {
    IgnoredMembers::new(places.iter().map(|place| pointer(place))).expect("they are pointers")
}

fn fingerprint(kind: FingerprintKind, ignored: &IgnoredMembers, document: &Value) -> Fingerprint {
    let body = serde_json::to_vec(document).expect("JSON");
    let request = RequestParts {
        method: b"POST",
        path: b"/orders",
        query: None,
        content_type: Some(b"application/json"),
        body: &body,
    };
    let secret = StoreSecret::from_bytes([3; 32]);
    let fingerprint = Fingerprint::ignoring(&secret, kind, ignored, &request);
    assert_eq!(fingerprint.kind(), kind, "{document}");
    fingerprint
}

/// Two documents that differ in a few places, at times in none: from one of them, each change sets
/// a place that exists, adds one, or removes one.
fn nearly_alike() -> impl Strategy<Value = (Value, Value)> {
    let change = (place(), prop::option::of(document()));
    (document(), prop::collection::vec(change, 0..4)).prop_map(|(one, changes)| {
        let mut other = one.clone();
        for (place, value) in changes {
            change_at(&mut other, &place, value);
        }
        (one, other)
    })
}

/// Puts `value` (or nothing) where the names lead, as far as they lead anywhere.
fn change_at(document: &mut Value, place: &[String], value: Option<Value>) {
    let [name, rest @ ..] = place else {
        *document = value.unwrap_or_default();
        return;
    };
    match document {
        Value::Object(members) if rest.is_empty() => {
            let _ = match value {
                Some(value) => members.insert(name.clone(), value),
                None => members.remove(name),
            };
        }
        Value::Object(members) => {
            if let Some(member) = members.get_mut(name) {
                change_at(member, rest, value);
            }
        }
        Value::Array(elements) => match name.parse::<usize>() {
            Ok(at) if at < elements.len() => change_at(&mut elements[at], rest, value),
            _ => elements.extend(value),
        },
        _ => {}
    }
}

/// The places at which two documents differ, found without any pointer: where a member is missing,
/// where an array is longer, and where there are two unlike values.
fn differences(one: &Value, other: &Value) -> Vec<Place> {
    fn below(name: String, places: Vec<Place>) -> impl Iterator<Item = Place> {
        places.into_iter().map(move |place| [vec![name.clone()], place].concat())
    }
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let both: Map<_, _> = one.clone().into_iter().chain(other.clone()).collect();
            let differing = both.keys().flat_map(|name| match (one.get(name), other.get(name)) {
                (Some(one), Some(other)) => below(name.clone(), differences(one, other)),
                _ => below(name.clone(), vec![Vec::new()]),
            });
            differing.collect()
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let differing = one.iter().zip(other).enumerate();
            let differing = differing
                .flat_map(|(at, (one, other))| below(at.to_string(), differences(one, other)));
            differing.collect()
        }
        (one, other) if one == other => Vec::new(),
        _ => vec![Vec::new()],
    }
}

/// What is left of `document` by `serde_json`'s own reading of pointers.
fn left_by_serde_json(mut document: Value, places: &[Place]) -> Value {
    for place in places {
        let (last, parents) = place.split_last().expect("a place has a name");
        let whole = pointer(place);
        let is_there = document.pointer(&whole).is_some();
        match document.pointer_mut(&pointer(parents)) {
            Some(Value::Object(members)) => drop(members.remove(last)),
            Some(Value::Array(_)) if is_there => {
                *document.pointer_mut(&whole).expect("it is there") = Value::Null;
            }
            _ => {}
        }
    }
    document
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// Nothing is merged that is not named, and everything that is named is ignored.
    #[test]
    fn two_bodies_are_one_where_they_differ_in_ignored_places_alone(
        (one, other) in nearly_alike(),
        places in prop::collection::vec(place(), 0..4),
    ) {
        let ignored = ignored(&places);
        let same = fingerprint(FingerprintKind::PartialJson, &ignored, &one)
            == fingerprint(FingerprintKind::PartialJson, &ignored, &other);
        let is_named = |difference: &Place| places.iter().any(|place| difference.starts_with(place));
        prop_assert_eq!(same, differences(&one, &other).iter().all(is_named));
    }

    #[test]
    fn what_is_left_is_what_serde_json_leaves(
        document in document(),
        places in prop::collection::vec(place(), 0..4),
    ) {
        let ignored = ignored(&places);
        let partial = |document| fingerprint(FingerprintKind::PartialJson, &ignored, document);
        let left = left_by_serde_json(document.clone(), &places);
        prop_assert_eq!(partial(&document), partial(&left));
        // Of what is left nothing is left out any more: two bodies are one where that is the same.
        prop_assert_eq!(left_by_serde_json(left.clone(), &places), left);
    }

    /// A list changes nothing for the kinds that do not look at it.
    #[test]
    fn whole_bodies_are_compared_whole(
        (one, other) in nearly_alike(),
        places in prop::collection::vec(place(), 0..4),
    ) {
        let ignored = ignored(&places);
        let whole = |document| fingerprint(FingerprintKind::CanonicalJson, &ignored, document);
        prop_assert_eq!(whole(&one) == whole(&other), one == other);
    }
}
