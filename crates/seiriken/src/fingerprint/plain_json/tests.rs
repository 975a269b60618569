//! The short way, by example and beside the parser.

use proptest::prelude::*;

use super::*;
use crate::fingerprint::canonical_json::parsed;

#[test]
fn plain_json_takes_the_short_way() {
    for (body, form) in [
        (r#"{"itemId":"cake-001","qty":1}"#, r#"{"itemId":"cake-001","qty":1}"#),
        ("{ \"qty\" : 1,\n\t\"itemId\" : \"ケーキ\" }\r\n", r#"{"itemId":"ケーキ","qty":1}"#),
        (
            r#"{"b":{"d":[1,{"z":null,"y":true}],"c":-7},"a":false}"#,
            r#"{"a":false,"b":{"c":-7,"d":[1,{"y":true,"z":null}]}}"#,
        ),
        (r#"[{},[], "",0,999999999999999]"#, r#"[{},[],"",0,999999999999999]"#),
        (
            r#"["\n\"\\\t\/", "M\u00fcller \u2713\u007F"]"#,
            "[\"\\n\\\"\\\\\\t/\",\"Müller ✓\u{7f}\"]",
        ),
        ("[7,-7,0,19.99,1.50,1.0,0.0,-0.5]", "[7,-7,0,19.99,1.5,1,0,-0.5]"),
        ("[0.000001,99999999999999.9]", "[0.000001,99999999999999.9]"),
    ] {
        assert_eq!(canonical(body.as_bytes()).as_deref(), Some(form.as_bytes()), "{body}");
    }
}

#[test]
fn whatever_is_not_plain_is_left_to_the_parser() {
    for body in [
        r#"{"a":1,"a":2}"#,
        r#"{"b":1,"a":1,"b":2}"#,
        r#"{"é":1}"#,
        r#"{"$a":1}"#,
        r#"{"\u0061":1}"#,
        r#""\u001f""#,
        r#""\u0022""#,
        r#""\u005C""#,
        r#""\ud83d\ude00""#,
        r#""\u00""#,
        r#""\u+061""#,
        r#""\x""#,
        r#""\"#,
        "\"\u{1}\"",
        "1e3",
        "1.5E3",
        "-0",
        "-0.00",
        "0.0000001",
        "1.",
        ".5",
        "00.5",
        "0.1000000000000001",
        "01",
        "-",
        "1000000000000000",
        "{",
        "{\"a\"}",
        "{\"a\":1,}",
        "[1,]",
        "[1 2]",
        "nul",
        "",
        "{} x",
        "\u{feff}{}",
    ] {
        assert_eq!(canonical(body.as_bytes()), None, "{body}");
    }
    assert_eq!(canonical(b"\"\xff\""), None);
    assert_eq!(canonical("[".repeat(100_000).as_bytes()), None);
}

#[test]
fn only_what_lies_deep_is_left_to_the_parser() {
    let nested = |depth: u32| {
        let depth = usize::try_from(depth).unwrap();
        "[".repeat(depth) + &"]".repeat(depth)
    };
    for depth in [1, DEPTH_MAX - 1, DEPTH_MAX] {
        let body = nested(depth);
        assert_eq!(canonical(body.as_bytes()), Some(body.clone().into_bytes()), "{depth}");
    }
    assert_eq!(canonical(nested(DEPTH_MAX + 1).as_bytes()), None);
    // Side by side they lie no deeper.
    let many = vec!["[{}]"; 3 * DEPTH_MAX as usize].join(",");
    let body = format!("[{many}]");
    assert_eq!(canonical(body.as_bytes()), Some(body.clone().into_bytes()));
}

/// JSON as it is written, with names in any order, and now and then one twice.
fn plain() -> impl Strategy<Value = String> {
    let space = || "[ \n]{0,1}";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        (-999_999_999_999_999_i64..=999_999_999_999_999).prop_map(|whole| whole.to_string()),
        "-?(0\\.0{0,5}|[1-9][0-9]{0,8}\\.)[1-9][0-9]{0,3}0{0,2}",
        r#""([ -!#-\[\]-~é日]|\\["\\/bfnrt]|\\u(00[67eE]|07[fF]|20a|4E0|[efEF]f1)[a-fA-F6-9])*""#,
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let member = (space(), "\"[a-c]{0,2}\"", space(), inner.clone())
            .prop_map(|(before, name, after, value)| format!("{before}{name}{after}:{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..5)
                .prop_map(|values| format!("[{}]", values.join(", "))),
            proptest::collection::vec(member, 0..6)
                .prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    /// Both ways lead to one form, or both find a name twice.
    #[test]
    fn the_short_way_and_the_parser_agree(body in plain()) {
        prop_assert_eq!(canonical(body.as_bytes()), parsed(body.as_bytes(), None));
    }

    /// Also where a byte is another one than it was, and mostly no JSON is left.
    #[test]
    fn where_the_short_way_gives_a_form_the_parser_gives_the_same(
        body in plain(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(br#"{}[]",:\01.-eE $tn"#.to_vec())), 0..4),
    ) {
        let mut body = body.into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        if let Some(form) = canonical(&body) {
            prop_assert_eq!(parsed(&body, None), Some(form));
        }
    }
}
