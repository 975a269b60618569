//! The canonical form (RFC 8785) of plain JSON, in one pass.
//!
//! Nearly every body is plain: names in ASCII, no escapes, numbers of at most 15 digits without an
//! exponent. For that, being canonical means no more than: no spaces, no zeros at the end of a
//! fraction, and members in the order of their names. Whatever is not plain, and whatever is not
//! JSON, is left to the parser.

use std::ops::Range;

/// The canonical form of `body`, or `None` when it is not plain.
pub(super) fn canonical(body: &[u8]) -> Option<Vec<u8>> {
    let json = std::str::from_utf8(body).ok()?.as_bytes();
    let out = Vec::with_capacity(json.len());
    let mut pass = Pass { json, at: 0, out, members: Vec::new(), depth: 0 };
    pass.value()?;
    pass.space();
    (pass.at == json.len()).then_some(pass.out)
}

/// Deeper ones are left to the parser, which has a limit of its own.
const DEPTH_MAX: u32 = 32;

/// Of two different decimals of so many digits, no two are read as the same double, so none has a
/// shorter form than its own.
const DIGITS_MAX: usize = 15;

/// From one more zero after the point on, the canonical form has an exponent.
const ZEROS_MAX: usize = 5;

struct Pass<'j> {
    json: &'j [u8],
    at: usize,
    out: Vec<u8>,
    /// Of the objects that are open, the innermost at the end.
    members: Vec<Member<'j>>,
    depth: u32,
}

/// A member of an object: its name, and where it stands in what is written.
#[derive(Clone)]
struct Member<'j> {
    name: &'j [u8],
    written: Range<usize>,
}

impl<'j> Pass<'j> {
    fn value(&mut self) -> Option<()> {
        self.space();
        match *self.json.get(self.at)? {
            b'{' => self.nested(Self::object),
            b'[' => self.nested(Self::array),
            b'"' => {
                let string = self.string()?;
                self.write_string(string);
                Some(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => None,
        }
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        self.at += 1;
        read(self)?;
        self.depth -= 1;
        Some(())
    }

    fn object(&mut self) -> Option<()> {
        let (first, begin) = (self.members.len(), self.out.len());
        self.out.push(b'{');
        let mut sorted = true;
        if !self.closes(b'}') {
            loop {
                self.space();
                let name = self.string()?;
                // In ASCII the order of bytes is that of UTF-16, which the canonical form wants.
                // The parser has names of its own, which it would unwrap: it is to see them.
                if !name.is_ascii() || name.first() == Some(&b'$') {
                    return None;
                }
                match self.members[first..].last().map(|last| last.name.cmp(name)) {
                    Some(std::cmp::Ordering::Equal) => return None,
                    Some(std::cmp::Ordering::Greater) => sorted = false,
                    Some(std::cmp::Ordering::Less) | None => {}
                }
                let start = self.out.len();
                self.write_string(name);
                self.space();
                self.take(b':')?;
                self.out.push(b':');
                self.value()?;
                self.members.push(Member { name, written: start..self.out.len() });
                if self.closes(b'}') {
                    break;
                }
                self.take(b',')?;
                self.out.push(b',');
            }
        }
        if !sorted {
            self.sort(first, begin)?;
        }
        self.members.truncate(first);
        self.out.push(b'}');
        Some(())
    }

    /// Writes the members of the object that was begun there once more, in order. `None` when two
    /// have one name.
    fn sort(&mut self, first: usize, begin: usize) -> Option<()> {
        let members = &mut self.members[first..];
        members.sort_unstable_by_key(|member| member.name);
        if members.windows(2).any(|pair| pair[0].name == pair[1].name) {
            return None;
        }
        let end = self.out.len();
        for member in members {
            self.out.extend_from_within(member.written.clone());
            self.out.push(b',');
        }
        // Without the comma after the last one. The unsorted ones go.
        self.out.pop();
        self.out.drain(begin + 1..end);
        Some(())
    }

    fn array(&mut self) -> Option<()> {
        self.out.push(b'[');
        if !self.closes(b']') {
            loop {
                self.value()?;
                if self.closes(b']') {
                    break;
                }
                self.take(b',')?;
                self.out.push(b',');
            }
        }
        self.out.push(b']');
        Some(())
    }

    /// What stands between two quotes, without any escape.
    fn string(&mut self) -> Option<&'j [u8]> {
        self.take(b'"')?;
        let rest = &self.json[self.at..];
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F))?;
        self.at += length;
        self.take(b'"')?;
        Some(&rest[..length])
    }

    fn write_string(&mut self, string: &[u8]) {
        self.out.push(b'"');
        self.out.extend_from_slice(string);
        self.out.push(b'"');
    }

    fn number(&mut self) -> Option<()> {
        let negative = self.take(b'-').is_some();
        let whole = self.digits()?;
        let (read, fraction) = match self.take(b'.') {
            Some(()) => self.digits().map(|digits| (digits.len(), without_zeros(digits)))?,
            None => (0, &[][..]),
        };
        let zeros = fraction.iter().take_while(|digit| **digit == b'0').count();
        let (zero, is_zero) = (whole == b"0", whole == b"0" && fraction.is_empty());
        let plain = whole.len() + read <= DIGITS_MAX
            // In front of digits it is no JSON.
            && (zero || whole[0] != b'0')
            && (!zero || zeros <= ZEROS_MAX)
            // It is written without its sign.
            && !(negative && is_zero);
        if !plain || matches!(self.json.get(self.at), Some(b'e' | b'E')) {
            return None;
        }
        if negative {
            self.out.push(b'-');
        }
        self.out.extend_from_slice(whole);
        if !fraction.is_empty() {
            self.out.push(b'.');
            self.out.extend_from_slice(fraction);
        }
        Some(())
    }

    /// At least one.
    fn digits(&mut self) -> Option<&'j [u8]> {
        let rest = &self.json[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += length;
        (length > 0).then_some(&rest[..length])
    }

    fn literal(&mut self, word: &'static [u8]) -> Option<()> {
        self.json[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            self.out.extend_from_slice(word);
        })
    }

    /// Whether the array or object ends here.
    fn closes(&mut self, end: u8) -> bool {
        self.space();
        self.take(end).is_some()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.json.get(self.at) == Some(&byte)).then(|| self.at += 1)
    }

    fn space(&mut self) {
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.json[self.at..].iter().take_while(is_space).count();
    }
}

fn without_zeros(fraction: &[u8]) -> &[u8] {
    let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
    &fraction[..fraction.len() - zeros]
}

#[cfg(test)]
mod tests {
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
            r#""\u0061""#,
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

    /// JSON as it is written, with names in any order, and now and then one twice.
    fn plain() -> impl Strategy<Value = String> {
        let space = || "[ \n]{0,1}";
        let leaf = prop_oneof![
            Just("null".to_owned()),
            any::<bool>().prop_map(|truth| truth.to_string()),
            (-999_999_999_999_999_i64..=999_999_999_999_999).prop_map(|whole| whole.to_string()),
            "-?(0\\.0{0,5}|[1-9][0-9]{0,8}\\.)[1-9][0-9]{0,3}0{0,2}",
            "\"[ -!#-\\[\\]-~é日]{0,6}\"",
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
}
