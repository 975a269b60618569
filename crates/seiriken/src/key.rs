//! The `Idempotency-Key`: the client's name for one operation, repeated on every retry of it.
//!
//! The draft (draft-ietf-httpapi-idempotency-key-header-07, section 2.1) makes the field a
//! Structured Field *String*, so `"8e03978e"` with quotes. Most clients in the wild send it bare.
//! Both spell the same key:
//!
//! ```
//! use seiriken::{IdempotencyKey, KeySyntax};
//!
//! let quoted = IdempotencyKey::parse(br#""8e03978e""#, KeySyntax::Lenient)?;
//! let bare = IdempotencyKey::parse(b"8e03978e", KeySyntax::Lenient)?;
//! assert_eq!(quoted, bare);
//! assert!(IdempotencyKey::parse(b"8e03978e", KeySyntax::Strict).is_err());
//! # Ok::<(), seiriken::InvalidIdempotencyKey>(())
//! ```

use std::fmt;

/// The longest key, in characters, after the quotes and escapes are taken off.
pub const KEY_CHARACTERS_MAX: usize = 255;

/// A well-formed key: 1 to 255 printable ASCII characters.
///
/// `Debug` shows the length alone: a key opens a stored answer, so it stays out of logs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(Box<str>);

/// Which spellings of a key are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeySyntax {
    /// The quoted String of RFC 9651, and the bare form. The default: refusing the bare form
    /// would leave most existing clients unprotected.
    #[default]
    Lenient,
    /// The quoted String alone, as the draft writes it.
    Strict,
}

/// Why a field value is not a key. No variant holds the value: it may be somebody's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidIdempotencyKey {
    /// More than one field line.
    #[error("the field is given {lines} times; give it once")]
    Repeated {
        /// How many field lines there are.
        lines: usize,
    },
    /// Nothing in it, or nothing between the quotes.
    #[error("the key is empty; it has 1 to {KEY_CHARACTERS_MAX} characters")]
    Empty,
    /// More than [`KEY_CHARACTERS_MAX`] characters.
    #[error("the key has {characters} characters; at most {KEY_CHARACTERS_MAX} are taken")]
    TooLong {
        /// Its length after the quotes and escapes are taken off.
        characters: usize,
    },
    /// A character that the form does not allow.
    #[error(
        "the character at position {position} is not allowed{}",
        if *.quoted { " (printable ASCII is)" } else {
            " in a key without quotes (visible ASCII is, except \" , ; and \\)"
        }
    )]
    Character {
        /// Counted from 1, in bytes of the field value, without the space around it.
        position: usize,
        /// Whether it stands inside quotes.
        quoted: bool,
    },
    /// A backslash before something other than `"` or `\`.
    #[error("the backslash at position {position} escapes neither a quote nor a backslash")]
    Escape {
        /// Counted from 1, in bytes of the field value, without the space around it.
        position: usize,
    },
    /// The opening quote has no closing one.
    #[error("the quote that opens the key is never closed")]
    QuoteOpen,
    /// Something other than parameters follows the closing quote.
    #[error("something other than parameters follows the closing quote, at position {position}")]
    Trailing {
        /// Counted from 1, in bytes of the field value, without the space around it.
        position: usize,
    },
    /// A bare key under [`KeySyntax::Strict`].
    #[error("the key must stand in double quotes")]
    QuotesRequired,
}

impl IdempotencyKey {
    /// Reads one field value.
    pub fn parse(value: &[u8], syntax: KeySyntax) -> Result<Self, InvalidIdempotencyKey> {
        let value = value.trim_ascii();
        match value.first() {
            None => Err(InvalidIdempotencyKey::Empty),
            Some(b'"') => quoted(value),
            Some(_) if syntax == KeySyntax::Strict => Err(InvalidIdempotencyKey::QuotesRequired),
            Some(_) => bare(value),
        }
        .and_then(Self::with_checked_length)
    }

    /// Reads the field lines of one request: `None` when there is no line at all.
    ///
    /// Two lines are an error, also when they say the same: a proxy that joins or drops one of
    /// them would otherwise change which operation is meant.
    pub fn from_field_lines<'v>(
        mut lines: impl Iterator<Item = &'v [u8]>,
        syntax: KeySyntax,
    ) -> Result<Option<Self>, InvalidIdempotencyKey> {
        let Some(first) = lines.next() else { return Ok(None) };
        match lines.count() {
            0 => Self::parse(first, syntax).map(Some),
            more => Err(InvalidIdempotencyKey::Repeated { lines: more + 1 }),
        }
    }

    /// The key's characters, without quotes or escapes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn with_checked_length(characters: String) -> Result<Self, InvalidIdempotencyKey> {
        match characters.len() {
            0 => Err(InvalidIdempotencyKey::Empty),
            1..=KEY_CHARACTERS_MAX => Ok(Self(characters.into_boxed_str())),
            characters => Err(InvalidIdempotencyKey::TooLong { characters }),
        }
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({} characters)", self.0.len())
    }
}

/// What a bare key is made of. Each key is looked through, so by a table.
static BARE: [bool; 256] = {
    let mut bare = [false; 256];
    let mut byte = 0_u8;
    while byte < u8::MAX {
        bare[byte as usize] =
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';' | b'\\');
        byte += 1;
    }
    bare
};

/// The bare form leaves out `"`, `,`, `;` and `\`, so that two field lines combined by a proxy
/// (`a, b`; RFC 9110 section 5.3) can never pass for one key.
fn bare(value: &[u8]) -> Result<String, InvalidIdempotencyKey> {
    match value.iter().position(|&byte| !BARE[usize::from(byte)]) {
        Some(at) => Err(InvalidIdempotencyKey::Character { position: at + 1, quoted: false }),
        None => Ok(ascii(value).to_owned()),
    }
}

/// RFC 9651 section 4.2.5, then its parameters (4.2.3.2), which are checked and dropped.
fn quoted(value: &[u8]) -> Result<String, InvalidIdempotencyKey> {
    let (characters, end) = sf_string(value, 0)?;
    parameters(value, end)?;
    Ok(characters)
}

/// Reads the String whose opening quote is at `start`; answers it and where it ends.
fn sf_string(value: &[u8], start: usize) -> Result<(String, usize), InvalidIdempotencyKey> {
    let mut characters = String::with_capacity(value.len());
    let mut at = start + 1;
    loop {
        let plain = at;
        at =
            run_end(value, at, |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
        characters.push_str(ascii(&value[plain..at]));
        let Some(&byte) = value.get(at) else { return Err(InvalidIdempotencyKey::QuoteOpen) };
        match byte {
            b'"' => return Ok((characters, at + 1)),
            b'\\' => {
                at += 1;
                match value.get(at) {
                    Some(&escaped @ (b'"' | b'\\')) => characters.push(char::from(escaped)),
                    Some(_) => return Err(InvalidIdempotencyKey::Escape { position: at }),
                    None => return Err(InvalidIdempotencyKey::QuoteOpen),
                }
            }
            _ => return Err(InvalidIdempotencyKey::Character { position: at + 1, quoted: true }),
        }
        at += 1;
    }
}

/// Whoever calls it has looked at each of the bytes.
fn ascii(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("only visible ASCII was let through")
}

/// Walks `;name` and `;name=value`. A value that is not a String is taken as a run of visible
/// characters: its meaning does not matter here, that no comma or quote hides in it does.
fn parameters(value: &[u8], mut at: usize) -> Result<(), InvalidIdempotencyKey> {
    let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*');
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b',' | b';');
    while let Some(&byte) = value.get(at) {
        if byte != b';' {
            return Err(InvalidIdempotencyKey::Trailing { position: at + 1 });
        }
        at = run_end(value, at + 1, |byte| byte == b' ');
        let name = at;
        at = run_end(value, at, is_name);
        if at == name || !matches!(value[name], b'a'..=b'z' | b'*') {
            return Err(InvalidIdempotencyKey::Trailing { position: name + 1 });
        }
        if value.get(at) == Some(&b'=') {
            at += 1;
            if value.get(at) == Some(&b'"') {
                at = sf_string(value, at)?.1;
            } else if value[at..].starts_with(b"%\"") {
                at = display_string_end(value, at)?;
            } else {
                let start = at;
                at = run_end(value, at, is_plain);
                if at == start {
                    return Err(InvalidIdempotencyKey::Trailing { position: at + 1 });
                }
            }
        }
    }
    Ok(())
}

/// Just past the Display String (RFC 9651 section 4.2.10) that begins at `start`. Nothing escapes a
/// quote in it: it writes one as `%22`.
fn display_string_end(value: &[u8], start: usize) -> Result<usize, InvalidIdempotencyKey> {
    let closing = run_end(value, start + 2, |byte| matches!(byte, b' '..=b'~') && byte != b'"');
    match value.get(closing) {
        Some(b'"') => Ok(closing + 1),
        Some(_) => Err(InvalidIdempotencyKey::Character { position: closing + 1, quoted: true }),
        None => Err(InvalidIdempotencyKey::QuoteOpen),
    }
}

fn run_end(value: &[u8], start: usize, accept: impl Fn(u8) -> bool) -> usize {
    value[start..].iter().position(|&byte| !accept(byte)).map_or(value.len(), |run| start + run)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lenient(value: &str) -> Result<String, InvalidIdempotencyKey> {
        IdempotencyKey::parse(value.as_bytes(), KeySyntax::Lenient).map(|key| key.0.into())
    }

    /// With a parameter of the type that RFC 9651 has added (section 3.3.8).
    const DISPLAY: &str = r#""k:/=1";who=%"f%c3%bc, \;b";n=1"#;

    #[test]
    fn spellings_of_the_same_key() {
        for spelling in
            ["k:/=1", r#""k:/=1""#, " k:/=1 ", r#""k:/=1";a=1;b;c="x, y""#, "\tk:/=1", DISPLAY]
        {
            assert_eq!(lenient(spelling).as_deref(), Ok("k:/=1"), "{spelling}");
        }
        assert_eq!(lenient(r#""a \"b\" \\c""#).as_deref(), Ok(r#"a "b" \c"#));
    }

    #[test]
    fn malformed_keys_say_why() {
        use InvalidIdempotencyKey::{Character, Empty, Escape, QuoteOpen, Trailing};
        let cases = [
            ("", Empty),
            ("   ", Empty),
            ("\"\"", Empty),
            ("a,b", Character { position: 2, quoted: false }),
            ("a, b", Character { position: 2, quoted: false }),
            ("a b", Character { position: 2, quoted: false }),
            ("a;x", Character { position: 2, quoted: false }),
            ("a\\b", Character { position: 2, quoted: false }),
            ("a\"", Character { position: 2, quoted: false }),
            ("整理券", Character { position: 1, quoted: false }),
            ("\"整\"", Character { position: 2, quoted: true }),
            ("\"a\u{7f}\"", Character { position: 3, quoted: true }),
            ("\"a", QuoteOpen),
            ("\"a\\", QuoteOpen),
            ("\"a\\n\"", Escape { position: 3 }),
            ("\"a\", \"b\"", Trailing { position: 4 }),
            ("\"a\" ;b", Trailing { position: 4 }),
            ("\"a\";B", Trailing { position: 5 }),
            ("\"a\";1", Trailing { position: 5 }),
            ("\"a\";", Trailing { position: 5 }),
            ("\"a\";b=,", Trailing { position: 7 }),
            ("\"a\";b=%\"x", QuoteOpen),
            ("\"a\";b=%\"\u{7f}\"", Character { position: 9, quoted: true }),
            ("\"a\";b=%\"x\"y", Trailing { position: 11 }),
        ];
        for (value, error) in cases {
            assert_eq!(lenient(value), Err(error), "{value}");
        }
    }

    #[test]
    fn length_is_counted_without_quotes_and_escapes() {
        let longest = "k".repeat(KEY_CHARACTERS_MAX);
        assert_eq!(lenient(&longest), Ok(longest.clone()));
        assert_eq!(lenient(&format!("\"{longest}\"")), Ok(longest.clone()));
        let escaped = format!("\"{}\"", "\\\"".repeat(KEY_CHARACTERS_MAX));
        assert_eq!(lenient(&escaped).map(|key| key.len()), Ok(KEY_CHARACTERS_MAX));
        assert_eq!(
            lenient(&format!("{longest}k")),
            Err(InvalidIdempotencyKey::TooLong { characters: 256 })
        );
    }

    #[test]
    fn repeated_lines_are_refused_also_when_equal() {
        let lines: [&[u8]; 2] = [b"a", b"a"];
        let read = |lines: &[&'static [u8]]| {
            IdempotencyKey::from_field_lines(lines.iter().copied(), KeySyntax::Lenient)
        };
        assert_eq!(read(&lines), Err(InvalidIdempotencyKey::Repeated { lines: 2 }));
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&lines[..1]).unwrap().unwrap().as_str(), "a");
    }

    #[test]
    fn debug_shows_no_character_of_the_key() {
        let key = IdempotencyKey::parse(b"secret-7", KeySyntax::Lenient).unwrap();
        assert_eq!(format!("{key:?}"), "IdempotencyKey(8 characters)");
    }

    /// What `sfv` reads as a String item, if it is one.
    fn oracle(value: &str) -> Option<String> {
        let item = sfv::Parser::new(value).parse::<sfv::Item>().ok()?;
        item.bare_item.as_string().map(|string| string.as_str().to_owned())
    }

    proptest! {
        #[test]
        fn agrees_with_sfv_on_every_string_it_reads(value in r#" {0,1}"[ -~]{0,20}"?[;a-c=1"\\, ]{0,8}"#) {
            if let Some(expected) = oracle(&value).filter(|key| !key.is_empty()) {
                prop_assert_eq!(lenient(&value), Ok(expected));
            }
        }

        #[test]
        fn without_parameters_accepts_exactly_what_sfv_accepts(value in r#""[ -~]{0,20}""#) {
            let ours = lenient(&value).ok();
            let theirs = oracle(&value).filter(|key| !key.is_empty());
            // With a parameter ours is the wider one (a value's own type is not checked).
            if !value[1..].contains("\";") {
                prop_assert_eq!(ours, theirs);
            }
        }

        #[test]
        fn any_printable_key_survives_quoting(key in "[ -~]{1,255}") {
            let spelled = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(lenient(&spelled), Ok(key));
        }

        #[test]
        fn no_input_panics(value in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = IdempotencyKey::parse(&value, KeySyntax::Lenient);
        }
    }
}
