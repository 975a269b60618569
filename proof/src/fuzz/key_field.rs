//! The key's field: any bytes, in both syntaxes.
//!
//! A key has one quoted spelling (RFC 9651 section 4.1.6), so what is taken can be spelt again and
//! compared with the bytes it was read from. What `sfv` reads as a String must be taken.

use seiriken::{IdempotencyKey, InvalidIdempotencyKey, KEY_CHARACTERS_MAX, KeySyntax};

type Read = Result<IdempotencyKey, InvalidIdempotencyKey>;

/// Reads `value` in every way that there is.
pub fn check(value: &[u8]) -> bool {
    let strict = IdempotencyKey::parse(value, KeySyntax::Strict);
    let lenient = IdempotencyKey::parse(value, KeySyntax::Lenient);
    let trimmed = value.trim_ascii();
    for read in [&strict, &lenient] {
        match read {
            Ok(key) => is_well_formed(key),
            Err(error) => points_into(error, trimmed),
        }
    }
    match (&strict, &lenient) {
        (Ok(strict), Ok(lenient)) => assert_eq!(strict, lenient, "the syntaxes disagree"),
        (Err(InvalidIdempotencyKey::QuotesRequired), lenient) => is_bare(trimmed, lenient),
        (strict, lenient) => assert_eq!(strict, lenient, "quoted, so both say the same"),
    }
    if let Ok(key) = &strict {
        let after = trimmed.strip_prefix(quoted(key.as_str()).as_bytes());
        let after = after.expect("a quoted key is the only spelling of its characters");
        assert!(after.is_empty() || after[0] == b';', "what follows a key are its parameters");
    }
    agrees_with_sfv(value, &strict);
    counts_lines(value, &lenient);
    lenient.is_ok()
}

fn is_well_formed(key: &IdempotencyKey) {
    let text = key.as_str();
    assert!((1..=KEY_CHARACTERS_MAX).contains(&text.len()), "{} characters", text.len());
    assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text:?}");
    assert_eq!(format!("{key:?}"), format!("IdempotencyKey({} characters)", text.len()));
    for syntax in [KeySyntax::Strict, KeySyntax::Lenient] {
        let again = IdempotencyKey::parse(quoted(text).as_bytes(), syntax);
        assert_eq!(again.as_ref(), Ok(key), "a key survives its own spelling");
    }
}

/// A place that is named is a place in the value.
fn points_into(error: &InvalidIdempotencyKey, value: &[u8]) {
    let (InvalidIdempotencyKey::Character { position, .. }
    | InvalidIdempotencyKey::Escape { position }
    | InvalidIdempotencyKey::Trailing { position }) = error
    else {
        return;
    };
    assert!((1..=value.len() + 1).contains(position), "{error} of {} bytes", value.len());
    if let InvalidIdempotencyKey::Character { quoted, .. } = error {
        let byte = value[position - 1];
        let allowed = if *quoted { matches!(byte, b' '..=b'~') } else { may_stand_bare(byte) };
        assert!(!allowed, "{byte:#x} is allowed, and {error}");
    }
}

/// Without quotes a key is its own spelling, or none.
fn is_bare(value: &[u8], read: &Read) {
    match (value.iter().all(|byte| may_stand_bare(*byte)), value.len()) {
        (true, 1..=KEY_CHARACTERS_MAX) => {
            let key = read.as_ref().expect("a good bare key is taken");
            assert_eq!(key.as_str().as_bytes(), value);
        }
        (true, characters) => {
            assert_eq!(*read, Err(InvalidIdempotencyKey::TooLong { characters }));
        }
        (false, _) => {
            let bare = matches!(read, Err(InvalidIdempotencyKey::Character { quoted: false, .. }));
            assert!(bare, "{read:?}");
        }
    }
}

/// Visible ASCII, but nothing that a list of field lines or a parameter is made with.
fn may_stand_bare(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b',' | b';' | b'\\')
}

fn agrees_with_sfv(value: &[u8], strict: &Read) {
    let Ok(item) = sfv::Parser::new(value).parse::<sfv::Item>() else { return };
    let Some(expected) = item.bare_item.as_string() else { return };
    match expected.as_str().len() {
        0 => assert_eq!(*strict, Err(InvalidIdempotencyKey::Empty)),
        1..=KEY_CHARACTERS_MAX => {
            let key = strict.as_ref().expect("what is a String by RFC 9651 is taken");
            assert_eq!(key.as_str(), expected.as_str());
        }
        characters => assert_eq!(*strict, Err(InvalidIdempotencyKey::TooLong { characters })),
    }
}

/// One line is the key; two never are, neither side by side nor combined by a proxy (RFC 9110
/// section 5.3).
fn counts_lines(value: &[u8], lenient: &Read) {
    let read = |lines: &[&[u8]]| {
        IdempotencyKey::from_field_lines(lines.iter().copied(), KeySyntax::Lenient)
    };
    assert_eq!(read(&[value]), lenient.clone().map(Some));
    assert_eq!(read(&[value, value]), Err(InvalidIdempotencyKey::Repeated { lines: 2 }));
    if lenient.is_ok() {
        for comma in [&b","[..], b", ", b" , "] {
            let combined = [value, comma, value].concat();
            let combined = IdempotencyKey::parse(&combined, KeySyntax::Lenient);
            assert!(combined.is_err(), "two lines that were combined pass for one key");
        }
    }
}

/// RFC 9651 section 4.1.6.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
