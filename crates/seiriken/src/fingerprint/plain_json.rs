//! The canonical form (RFC 8785) of plain JSON, in one pass.
//!
//! Nearly every body is plain: names in ASCII and without escapes, numbers of at most 15 digits
//! without an exponent. For that, being canonical means no more than: no spaces, no zeros at the end
//! of a fraction, characters instead of their numbers, and members in the order of their names.
//! Whatever is not plain, and whatever is not JSON, is left to the parser.

#[cfg(test)]
mod tests;

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
            b'"' => self.text(),
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
                let name = self.name()?;
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
                self.out.push(b'"');
                self.out.extend_from_slice(name);
                self.out.push(b'"');
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
    fn name(&mut self) -> Option<&'j [u8]> {
        self.take(b'"')?;
        let name = self.unescaped()?;
        self.take(b'"')?;
        Some(name)
    }

    /// Up to the next quote or backslash.
    fn unescaped(&mut self) -> Option<&'j [u8]> {
        let rest = &self.json[self.at..];
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F))?;
        self.at += length;
        Some(&rest[..length])
    }

    /// A string that is a value.
    fn text(&mut self) -> Option<()> {
        self.take(b'"')?;
        self.out.push(b'"');
        loop {
            let unescaped = self.unescaped()?;
            self.out.extend_from_slice(unescaped);
            if self.take(b'"').is_some() {
                self.out.push(b'"');
                return Some(());
            }
            self.take(b'\\')?;
            let escaped = *self.json.get(self.at)?;
            self.at += 1;
            match escaped {
                // The canonical form has the same.
                b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {
                    self.out.extend([b'\\', escaped]);
                }
                b'/' => self.out.push(b'/'),
                b'u' => self.numbered()?,
                _ => return None,
            }
        }
    }

    /// A character by its number: as itself, unless it stays escaped or is half of one.
    fn numbered(&mut self) -> Option<()> {
        let digits = self.json.get(self.at..self.at + 4)?;
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        let number = digits.iter().try_fold(0, |number, byte| Some(number * 16 + digit(byte)?))?;
        let character = char::from_u32(number)?;
        if matches!(character, '\0'..='\x1F' | '"' | '\\') {
            return None;
        }
        self.at += 4;
        self.out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        Some(())
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
