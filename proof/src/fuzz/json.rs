//! JSON by RFC 8259, with exact numbers: what the fingerprint's canonical form is judged by.
//!
//! Shares nothing with the parser of the product, and rounds nothing.

use std::collections::BTreeMap;

/// A value. Equal values are equal JSON: order and spelling are gone, the numbers are exact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Decimal),
    String(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

/// `digits` times ten to the power of `exponent`; no zero begins or ends the digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) negative: bool,
    pub(super) digits: String,
    pub(super) exponent: i128,
}

/// What was read, and what the product may refuse about it.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) value: Value,
    /// Some object has a name twice.
    pub(super) repeats: bool,
    /// Some name begins as the names that `serde_json` uses for itself.
    pub(super) private: bool,
    /// How deep its values lie in one another.
    pub(super) depth: usize,
    /// Some number has an exponent that is written with many digits.
    pub(super) far: bool,
}

/// Deeper than the product reads, and not as deep as the stack.
const DEPTH_MAX: usize = 200;

/// `None`: it is no JSON, or lies deeper than that.
pub(super) fn read(text: &[u8]) -> Option<Document> {
    let text = std::str::from_utf8(text).ok()?;
    let document =
        Document { value: Value::Null, repeats: false, private: false, depth: 0, far: false };
    let mut parser = Parser { text, at: 0, document };
    parser.space();
    let value = parser.value(0)?;
    parser.space();
    (parser.at == text.len()).then_some(Document { value, ..parser.document })
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    document: Document,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(token.as_bytes());
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.document.depth = self.document.depth.max(depth);
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'n' => self.eat("null").then_some(Value::Null),
            b't' => self.eat("true").then_some(Value::Bool(true)),
            b'f' => self.eat("false").then_some(Value::Bool(false)),
            b'"' => self.string().map(Value::String),
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            _ => self.number().map(Value::Number),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Value> {
        let mut elements = Vec::new();
        self.at += 1;
        self.space();
        if self.eat("]") {
            return Some(Value::Array(elements));
        }
        loop {
            self.space();
            elements.push(self.value(depth + 1)?);
            self.space();
            if self.eat("]") {
                return Some(Value::Array(elements));
            }
            self.eat(",").then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members = BTreeMap::new();
        self.at += 1;
        self.space();
        if self.eat("}") {
            return Some(Value::Object(members));
        }
        loop {
            self.space();
            let name = (self.peek()? == b'"').then(|| self.string())??;
            self.space();
            self.eat(":").then_some(())?;
            self.space();
            let value = self.value(depth + 1)?;
            self.document.private |= name.starts_with("$serde_json::private::");
            self.document.repeats |= members.insert(name, value).is_some();
            self.space();
            if self.eat("}") {
                return Some(Value::Object(members));
            }
            self.eat(",").then_some(())?;
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut string = String::new();
        self.at += 1;
        loop {
            let next = self.text[self.at..].chars().next()?;
            self.at += next.len_utf8();
            match next {
                '"' => return Some(string),
                '\\' => string.push(self.escape()?),
                '\0'..='\u{1f}' => return None,
                plain => string.push(plain),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let escape = self.peek()?;
        self.at += 1;
        Some(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut units = vec![self.unit()?];
                // The first half of a pair, as UTF-16 writes what lies above U+FFFF.
                if matches!(units[0], 0xd800..=0xdbff) && self.eat("\\u") {
                    units.push(self.unit()?);
                }
                let mut decoded = char::decode_utf16(units);
                let character = decoded.next()?.ok()?;
                return decoded.next().is_none().then_some(character);
            }
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u16> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn number(&mut self) -> Option<Decimal> {
        let negative = self.eat("-");
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with('0') {
            return None;
        }
        let fraction = if self.eat(".") { self.digits()? } else { "" };
        let (mut sign, mut power) = (1, "");
        if self.eat("e") || self.eat("E") {
            sign = if self.eat("-") { -1 } else { 1 };
            if sign == 1 {
                self.eat("+");
            }
            power = self.digits()?;
        }
        self.document.far |= power.len() > 6;
        // So far off that it is the same to everybody: no double is there.
        let power = power.trim_start_matches('0');
        let power: i128 = if power.is_empty() { 0 } else { power.parse().unwrap_or(1 << 100) };
        let digits = format!("{whole}{fraction}");
        let exponent = sign * power - i128::try_from(fraction.len()).ok()?;
        Some(Decimal::new(negative, &digits, exponent))
    }

    fn digits(&mut self) -> Option<&'t str> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let text = self.text;
        (self.at > start).then(|| &text[start..self.at])
    }
}

impl Decimal {
    fn new(negative: bool, digits: &str, exponent: i128) -> Self {
        let significant = digits.trim_end_matches('0');
        let dropped = digits.len() - significant.len();
        match significant.trim_start_matches('0') {
            "" => Self { negative: false, digits: String::new(), exponent: 0 },
            significant => Self {
                negative,
                digits: significant.to_owned(),
                exponent: exponent + i128::try_from(dropped).unwrap_or(0),
            },
        }
    }

    /// Any decimal of 15 digits comes back from a double as it was (`DBL_DIG`), away from the ends
    /// of what doubles reach.
    pub(super) fn surely_survives(&self) -> bool {
        self.digits.len() <= 15 && (-290..270).contains(&self.exponent)
    }

    /// As JSON, with `shift` more digits than it needs.
    pub(super) fn spelt(&self, shift: usize) -> String {
        let sign = if self.negative { "-" } else { "" };
        if self.digits.is_empty() {
            return format!("0.0{}", "0".repeat(shift));
        }
        let digits = &self.digits;
        let exponent = self.exponent - i128::try_from(shift).unwrap_or(0);
        format!("{sign}{digits}{}e{exponent}", "0".repeat(shift))
    }
}

impl Value {
    /// Every number in it.
    pub(super) fn numbers(&self) -> Vec<&Decimal> {
        match self {
            Self::Number(number) => vec![number],
            Self::Array(elements) => elements.iter().flat_map(Self::numbers).collect(),
            Self::Object(members) => members.values().flat_map(Self::numbers).collect(),
            Self::Null | Self::Bool(_) | Self::String(_) => Vec::new(),
        }
    }
}
