//! Members of a JSON body that do not make another request: a time of sending, a client's version.
//!
//! They are named by JSON Pointer (RFC 6901) and left out before the canonical form is made. Two
//! bodies then count as one only where they differ at or below a named place:
//!
//! - A member of an object is removed, so it makes no difference whether it is there at all.
//! - An element of an array is replaced by `null`, so that its neighbours keep their places and the
//!   length of the array goes on counting.
//! - Where a pointer leads nowhere, nothing is left out.

use std::sync::Arc;

use serde_json::Value;

/// The members that a fingerprint leaves out, in no particular order.
///
/// ```
/// use seiriken::IgnoredMembers;
///
/// let ignored = IgnoredMembers::new(["/sentAt", "/client/version"])?;
/// assert_eq!(ignored.pointers().collect::<Vec<_>>(), ["/client/version", "/sentAt"]);
/// assert!(IgnoredMembers::new(["sentAt"]).is_err());
/// # Ok::<(), seiriken::InvalidPointer>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IgnoredMembers {
    /// Sorted and each once, since they are part of the digest.
    pointers: Arc<[Pointer]>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Pointer {
    text: String,
    parents: Vec<String>,
    last: String,
}

/// A text that names no member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidPointer {
    /// The empty pointer is the whole document (RFC 6901 section 5). Without it every body would
    /// be the same one.
    #[error("an empty JSON Pointer is the whole body, which cannot be ignored")]
    WholeBody,
    /// A pointer starts with a slash (section 3).
    #[error("{pointer:?} is not a JSON Pointer: it must start with a slash, as in /sentAt")]
    NoSlash {
        /// What was given.
        pointer: String,
    },
    /// A tilde stands before 0 or 1 alone (section 3).
    #[error("{pointer:?} is not a JSON Pointer: ~ is written ~0, and / within a name is ~1")]
    BadEscape {
        /// What was given.
        pointer: String,
    },
}

impl IgnoredMembers {
    /// The members that these pointers name.
    pub fn new<P: Into<String>>(
        pointers: impl IntoIterator<Item = P>,
    ) -> Result<Self, InvalidPointer> {
        let pointers = pointers.into_iter().map(|pointer| Pointer::parse(pointer.into()));
        let mut pointers = pointers.collect::<Result<Vec<_>, _>>()?;
        pointers.sort_unstable();
        pointers.dedup();
        Ok(Self { pointers: pointers.into() })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// The pointers, sorted, each once.
    pub fn pointers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.pointers.iter().map(|pointer| pointer.text.as_str())
    }

    /// Leaves them out of `document`. The order does not matter: where one lies within another,
    /// the outer one takes it along.
    pub(super) fn leave_out_of(&self, document: &mut Value) {
        for pointer in self.pointers.iter() {
            pointer.leave_out_of(document);
        }
    }
}

impl Pointer {
    fn parse(text: String) -> Result<Self, InvalidPointer> {
        if text.is_empty() {
            return Err(InvalidPointer::WholeBody);
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(InvalidPointer::NoSlash { pointer: text });
        };
        let names: Option<Vec<_>> = rest.split('/').map(unescaped).collect();
        match names.and_then(|mut names| names.pop().map(|last| (names, last))) {
            Some((parents, last)) => Ok(Self { text, parents, last }),
            None => Err(InvalidPointer::BadEscape { pointer: text }),
        }
    }

    fn leave_out_of(&self, document: &mut Value) {
        let parent = self.parents.iter().try_fold(document, |parent, name| match parent {
            Value::Object(members) => members.get_mut(name),
            Value::Array(elements) => index(name).and_then(|at| elements.get_mut(at)),
            _ => None,
        });
        match parent {
            Some(Value::Object(members)) => {
                members.remove(&self.last);
            }
            Some(Value::Array(elements)) => {
                if let Some(element) = index(&self.last).and_then(|at| elements.get_mut(at)) {
                    *element = Value::Null;
                }
            }
            _ => {}
        }
    }
}

/// One reference token as a name: `~1` is a slash and `~0` a tilde (section 4).
fn unescaped(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let mut name = pieces.next()?.to_owned();
    for piece in pieces {
        name.push(match piece.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return None,
        });
        name.push_str(&piece[1..]);
    }
    Some(name)
}

/// The place in an array that a token names: digits without leading zeros (section 4). `-`, which
/// is past the end, and everything else names none.
fn index(token: &str) -> Option<usize> {
    let is_index = token.bytes().all(|byte| byte.is_ascii_digit())
        && (token == "0" || !token.starts_with('0'));
    if is_index { token.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(document: &str, pointers: &[&str]) -> Value {
        let mut document = serde_json::from_str(document).unwrap();
        IgnoredMembers::new(pointers.iter().copied()).unwrap().leave_out_of(&mut document);
        document
    }

    /// The document of RFC 6901 section 5, and its pointers.
    #[test]
    fn the_examples_of_the_rfc_name_what_it_says() {
        let document = r#"{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}"#;
        for (pointer, name) in [
            ("/foo", "foo"),
            ("/", ""),
            ("/a~1b", "a/b"),
            ("/c%d", "c%d"),
            ("/e^f", "e^f"),
            ("/g|h", "g|h"),
            ("/i\\j", "i\\j"),
            ("/k\"l", "k\"l"),
            ("/ ", " "),
            ("/m~0n", "m~n"),
        ] {
            let mut expected: Value = serde_json::from_str(document).unwrap();
            expected.as_object_mut().unwrap().remove(name).expect(name);
            assert_eq!(left(document, &[pointer]), expected, "{pointer}");
        }
        assert_eq!(left(document, &["/foo/0"])["foo"], serde_json::json!([null, "baz"]));
    }

    #[test]
    fn a_list_says_whether_it_names_anything() {
        assert!(IgnoredMembers::default().is_empty());
        assert!(!IgnoredMembers::new(["/a"]).unwrap().is_empty());
    }

    #[test]
    fn what_names_no_member_is_refused() {
        assert_eq!(IgnoredMembers::new([""]), Err(InvalidPointer::WholeBody));
        for pointer in ["a", "a/b", " /a", "#/a", "$.a"] {
            let error = IgnoredMembers::new([pointer]).unwrap_err();
            assert_eq!(error, InvalidPointer::NoSlash { pointer: pointer.into() });
        }
        for pointer in ["/~", "/a~", "/~2", "/a/~/b", "/~~0", "/~é"] {
            let error = IgnoredMembers::new(["/fine", pointer]).unwrap_err();
            assert_eq!(error, InvalidPointer::BadEscape { pointer: pointer.into() });
        }
    }

    #[test]
    fn a_pointer_that_leads_nowhere_leaves_nothing_out() {
        for (document, pointer) in [
            (r#"{"a":1}"#, "/b"),
            (r#"{"a":1}"#, "/a/b"),
            (r#"{"a":1}"#, "/a/"),
            (r#"{"~1":1}"#, "/~1"),
            ("[1]", "/-"),
            ("[1,2]", "/01"),
            ("[1,2]", "/+1"),
            ("[1]", "/1"),
            ("[1]", "/"),
            ("[1]", "/99999999999999999999999"),
            ("7", "/a"),
        ] {
            let untouched: Value = serde_json::from_str(document).unwrap();
            assert_eq!(left(document, &[pointer]), untouched, "{pointer} of {document}");
        }
    }

    #[test]
    fn an_escape_is_read_once() {
        assert_eq!(left(r#"{"~1":1,"/":2}"#, &["/~01"]), serde_json::json!({ "/": 2 }));
    }

    #[test]
    fn elements_keep_their_places() {
        let document = r#"[{"at":1,"qty":1},{"at":2,"qty":2},3]"#;
        assert_eq!(
            left(document, &["/0", "/1/at", "/2", "/2"]),
            serde_json::json!([null, { "qty": 2 }, null])
        );
    }
}
