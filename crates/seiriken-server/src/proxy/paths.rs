//! Patterns of paths.
//!
//! A pattern matches more spellings of a path than it strictly has to. Services differ in which
//! spellings they take for one: Express ignores case and a last slash, most decode `%6f`. Where a
//! rule demands a key, a spelling that slipped past it would run unguarded.

use std::str::FromStr;

/// A pattern such as `/orders`, `/orders/{id}/cancel` or `/admin/**`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
    any_rest: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Fixed(String),
    Any,
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("'{text}' is no pattern of a path: {why}"));
        if !text.starts_with('/') {
            return wrong("it must start with a slash");
        }
        if text.contains(['?', '#', ',']) {
            return wrong("only paths are compared");
        }
        let (path, any_rest) = match text.strip_suffix("/**") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let mut parts = Vec::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            let named = part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match named {
                Some(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                    parts.push(Part::Any);
                }
                None if part == "*" => parts.push(Part::Any),
                None if !part.contains(['{', '}', '*']) => parts.push(Part::Fixed(spelling(part))),
                _ => return wrong("{name} and * stand for one whole part, ** for all the rest"),
            }
        }
        Ok(Self { parts, any_rest })
    }
}

impl Pattern {
    /// Whether a path, as it was sent, is one of these.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let parts = parts_of(path);
        let long_enough = if self.any_rest {
            parts.len() >= self.parts.len()
        } else {
            parts.len() == self.parts.len()
        };
        long_enough
            && self.parts.iter().zip(&parts).all(|(pattern, part)| match pattern {
                Part::Any => true,
                Part::Fixed(fixed) => fixed == part,
            })
    }
}

/// The parts of a path as a lenient service reads them: decoded, without empty ones, with `.` and
/// `..` followed.
fn parts_of(path: &str) -> Vec<String> {
    let decoded = spelling(path);
    let mut parts: Vec<String> = Vec::new();
    // A decoded slash or backslash parts as well: some services decode first and part then.
    for part in decoded.split(['/', '\\']) {
        // What follows a semicolon is a parameter to servlets, which leave it out.
        match part.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part.to_owned()),
        }
    }
    parts
}

/// Percent-encoding taken off once, and lower case.
fn spelling(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        if let Some(value) = escaped.and_then(two_digits) {
            decoded.push(value);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).to_lowercase()
}

fn two_digits(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(digits[at]).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().expect("a pattern")
    }

    #[test]
    fn patterns_match_what_a_lenient_service_takes_for_the_path() {
        let orders = pattern("/orders");
        for path in [
            "/orders",
            "/orders/",
            "//orders",
            "/Orders",
            "/%6frders",
            "/a/../orders",
            "/./orders",
            "/orders;v=1",
            "/%2forders",
            "\\orders",
            "/a%2f..%2forders",
        ] {
            assert!(orders.matches(path), "{path}");
        }
        for path in ["/", "/orders/1", "/order", "/ordersx", "/a/orders", "/orders%", "/orders%zz"]
        {
            assert!(!orders.matches(path), "{path}");
        }
        let cancel = pattern("/orders/{id}/cancel");
        assert!(cancel.matches("/orders/17/cancel") && pattern("/orders/*").matches("/orders/17"));
        assert!(!cancel.matches("/orders/17") && !cancel.matches("/orders/17/cancel/x"));
        let admin = pattern("/admin/**");
        assert!(admin.matches("/admin") && admin.matches("/admin/a/b") && !admin.matches("/adm"));
        assert!(pattern("/**").matches("/") && pattern("/**").matches("/a/b"));
        assert!(pattern("/").matches("/") && !pattern("/").matches("/a"));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "orders", "/a?b", "/a#b", "/a*", "/{", "/{}", "/{a}b", "/**/a", "/a,/b"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
