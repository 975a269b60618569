//! The fingerprint: is a request with a known key the same request, or another one?
//!
//! An HMAC over method, path, query, content type and body, each with its length before it. The
//! body counts byte by byte ([`FingerprintKind::Bytes`]) or, by choice, as canonical JSON
//! ([`FingerprintKind::CanonicalJson`], RFC 8785), so that key order, spacing and escapes do not
//! matter. A body that the canonical form could confuse with another one counts by its bytes.
//! Members of a JSON body can be named that make no difference ([`FingerprintKind::PartialJson`]).
//!
//! The kind is stored with the digest, and a retry is compared under the *stored* kind: changing
//! a route's setting does not turn the retries under way into mismatches.

mod canonical_json;
mod ignored;
mod plain_json;

use std::borrow::Cow;
use std::fmt;

pub use self::ignored::{IgnoredMembers, InvalidPointer};
use crate::secret::{Purpose, StoreSecret};

/// How the body entered the digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FingerprintKind {
    /// Byte by byte. The default: no two different bodies are ever taken for one.
    #[default]
    Bytes,
    /// As canonical JSON (RFC 8785); what has no faithful canonical form, by its bytes.
    CanonicalJson,
    /// As canonical JSON without the [`IgnoredMembers`]; what has no faithful canonical form, by
    /// its bytes, and then nothing is ignored. Which members are ignored is part of the digest: a
    /// request that was recorded under one list is another request under another list.
    PartialJson,
}

/// The parts of a request that make it the same request.
#[derive(Debug, Clone, Copy)]
pub struct RequestParts<'r> {
    /// `POST`, say.
    pub method: &'r [u8],
    /// The path as it was sent, not the route's pattern: `/orders/1/cancel` and
    /// `/orders/2/cancel` are two operations.
    pub path: &'r [u8],
    /// The query as it was sent, if there was one.
    pub query: Option<&'r [u8]>,
    /// The `Content-Type` field, if there was one.
    pub content_type: Option<&'r [u8]>,
    /// The whole body.
    pub body: &'r [u8],
}

/// What is kept of a request, to compare its retries with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    kind: FingerprintKind,
    digest: [u8; 16],
}

impl Fingerprint {
    /// The fingerprint of a request. A JSON kind falls back to [`FingerprintKind::Bytes`] where the
    /// body has no faithful canonical form.
    pub fn new(secret: &StoreSecret, kind: FingerprintKind, request: &RequestParts<'_>) -> Self {
        Self::ignoring(secret, kind, &IgnoredMembers::default(), request)
    }

    /// As [`Fingerprint::new`]; where the kind is [`FingerprintKind::PartialJson`], and only there,
    /// without the members that are `ignored`.
    pub fn ignoring(
        secret: &StoreSecret,
        kind: FingerprintKind,
        ignored: &IgnoredMembers,
        request: &RequestParts<'_>,
    ) -> Self {
        let canonical = match kind {
            FingerprintKind::Bytes => None,
            FingerprintKind::CanonicalJson => canonical_form(request, None),
            FingerprintKind::PartialJson => canonical_form(request, Some(ignored)),
        };
        let (kind, body) = match canonical {
            Some(canonical) => (kind, Cow::Owned(canonical)),
            None => (FingerprintKind::Bytes, Cow::Borrowed(request.body)),
        };
        let code = [kind.code()];
        let reading = match kind {
            FingerprintKind::Bytes | FingerprintKind::CanonicalJson => Cow::Borrowed(&code[..]),
            FingerprintKind::PartialJson => Cow::Owned(partial_reading(ignored)),
        };
        let presence =
            [u8::from(request.query.is_some()), u8::from(request.content_type.is_some())];
        let fields: [&[u8]; 7] = [
            &reading,
            &presence,
            request.method,
            request.path,
            request.query.unwrap_or_default(),
            request.content_type.unwrap_or_default(),
            &body,
        ];
        Self { kind, digest: secret.short_digest(Purpose::Fingerprint, &fields) }
    }

    /// The fingerprint of work that is no HTTP request: a message, a job. `name` says which
    /// operation it is, `input` what it is done with.
    pub fn of_work(secret: &StoreSecret, name: &str, input: &[u8]) -> Self {
        let request = RequestParts {
            method: b"",
            path: name.as_bytes(),
            query: None,
            content_type: None,
            body: input,
        };
        Self::new(secret, FingerprintKind::Bytes, &request)
    }

    /// From what a store keeps. `None` for a kind that this version does not know.
    pub fn from_stored(kind: u8, digest: [u8; 16]) -> Option<Self> {
        FingerprintKind::from_code(kind).map(|kind| Self { kind, digest })
    }

    /// How the body entered it.
    pub fn kind(&self) -> FingerprintKind {
        self.kind
    }

    /// The digest, for the store that keeps it.
    pub fn digest(&self) -> &[u8; 16] {
        &self.digest
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({:?})", self.kind)
    }
}

/// The canonical form of a body that says it is JSON. In any other type of content, `1.0` and
/// `1.00` are two texts.
fn canonical_form(request: &RequestParts<'_>, ignored: Option<&IgnoredMembers>) -> Option<Vec<u8>> {
    let content_type = request.content_type.and_then(|value| std::str::from_utf8(value).ok())?;
    let essence = content_type.split(';').next()?.trim();
    let ends_with = |suffix: &str| {
        let end = essence.len().checked_sub(suffix.len()).and_then(|at| essence.get(at..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    let is_json = essence.eq_ignore_ascii_case("application/json") || ends_with("+json");
    is_json.then(|| canonical_json::canonical(request.body, ignored)).flatten()
}

/// The kind and, each with its length before it, what was left out: a body without a member is not
/// taken for one whose member was ignored under another list.
fn partial_reading(ignored: &IgnoredMembers) -> Vec<u8> {
    let mut reading = vec![FingerprintKind::PartialJson.code()];
    for pointer in ignored.pointers() {
        reading.extend_from_slice(&(pointer.len() as u64).to_le_bytes());
        reading.extend_from_slice(pointer.as_bytes());
    }
    reading
}

impl FingerprintKind {
    /// The number that stands for it in a stored record.
    pub fn code(self) -> u8 {
        match self {
            Self::Bytes => 1,
            Self::CanonicalJson => 2,
            Self::PartialJson => 3,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Bytes),
            2 => Some(Self::CanonicalJson),
            3 => Some(Self::PartialJson),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: RequestParts<'static> = RequestParts {
        method: b"POST",
        path: b"/orders",
        query: None,
        content_type: Some(b"application/json"),
        body: br#"{"qty":1,"itemId":"cake-001"}"#,
    };

    fn of(kind: FingerprintKind, request: &RequestParts<'_>) -> Fingerprint {
        Fingerprint::new(&StoreSecret::from_bytes([3; 32]), kind, request)
    }

    #[test]
    fn a_kind_is_stored_and_read_again_and_an_unknown_one_is_told() {
        use FingerprintKind::{Bytes, CanonicalJson, PartialJson};
        for kind in [Bytes, CanonicalJson, PartialJson] {
            let read = Fingerprint::from_stored(kind.code(), [7; 16]);
            assert_eq!(read, Some(Fingerprint { kind, digest: [7; 16] }));
            assert_eq!(format!("{:?}", read.unwrap()), format!("Fingerprint({kind:?})"));
        }
        for code in [0, 4, u8::MAX] {
            assert_eq!(Fingerprint::from_stored(code, [7; 16]), None);
        }
    }

    #[test]
    fn every_part_counts() {
        let original = of(FingerprintKind::Bytes, &ORDER);
        assert_eq!(original, of(FingerprintKind::Bytes, &ORDER));
        let others = [
            RequestParts { method: b"PATCH", ..ORDER },
            RequestParts { path: b"/orders/", ..ORDER },
            RequestParts { query: Some(b""), ..ORDER },
            RequestParts { content_type: None, ..ORDER },
            RequestParts { content_type: Some(b""), ..ORDER },
            RequestParts { body: b"", ..ORDER },
            RequestParts { path: b"/order", query: Some(b"s"), ..ORDER },
        ];
        for (at, other) in others.iter().enumerate() {
            assert_ne!(original, of(FingerprintKind::Bytes, other), "part {at}");
        }
    }

    #[test]
    fn canonical_json_ignores_order_spacing_and_escapes_and_nothing_else() {
        let canonical = |body: &'static str| {
            of(FingerprintKind::CanonicalJson, &RequestParts { body: body.as_bytes(), ..ORDER })
        };
        let original = canonical(r#"{"qty":1,"itemId":"cake-001"}"#);
        assert_eq!(original.kind(), FingerprintKind::CanonicalJson);
        assert_eq!(original, canonical("{ \"itemId\" : \"cak\\u0065-001\", \"qty\":1.0 }"));
        assert_ne!(original, canonical(r#"{"qty":2,"itemId":"cake-001"}"#));
        assert_ne!(original, canonical(r#"{"qty":"1","itemId":"cake-001"}"#));
    }

    #[test]
    fn what_the_canonical_form_would_confuse_counts_by_its_bytes() {
        let canonical = |body: &'static str| {
            of(FingerprintKind::CanonicalJson, &RequestParts { body: body.as_bytes(), ..ORDER })
        };
        for (one, other) in [
            (r#"{"amount":9007199254740993}"#, r#"{"amount":9007199254740992}"#),
            (r#"{"amount":19.99999999999999999}"#, r#"{"amount":20}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1,"\u0061":2}"#, r#"{"a":2}"#),
        ] {
            assert_ne!(canonical(one), canonical(other), "{one} and {other}");
            assert_eq!(canonical(one).kind(), FingerprintKind::Bytes, "{one}");
        }
    }

    #[test]
    fn what_does_not_say_that_it_is_json_counts_by_its_bytes() {
        let kind = |content_type: Option<&'static str>| {
            let content_type = content_type.map(str::as_bytes);
            of(FingerprintKind::CanonicalJson, &RequestParts { content_type, ..ORDER }).kind()
        };
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/a+json"] {
            assert_eq!(kind(Some(json)), FingerprintKind::CanonicalJson, "{json}");
        }
        for other in [None, Some("text/plain"), Some("application/jsonl"), Some("")] {
            assert_eq!(kind(other), FingerprintKind::Bytes, "{other:?}");
        }
    }

    #[test]
    fn the_kind_is_part_of_the_digest() {
        let canonical_body = RequestParts { body: br#"{"a":1}"#, ..ORDER };
        let bytes = of(FingerprintKind::Bytes, &canonical_body);
        let canonical = of(FingerprintKind::CanonicalJson, &canonical_body);
        assert_ne!(bytes.digest(), canonical.digest());
    }

    fn ignoring(pointers: &[&str], body: &str) -> Fingerprint {
        let ignored = IgnoredMembers::new(pointers.iter().copied()).unwrap();
        let request = RequestParts { body: body.as_bytes(), ..ORDER };
        let secret = StoreSecret::from_bytes([3; 32]);
        Fingerprint::ignoring(&secret, FingerprintKind::PartialJson, &ignored, &request)
    }

    #[test]
    fn an_ignored_member_makes_no_difference_and_no_other_does() {
        let original = ignoring(&["/sentAt"], r#"{"qty":1,"sentAt":"10:00"}"#);
        assert_eq!(original.kind(), FingerprintKind::PartialJson);
        for same in [r#"{"sentAt":[7],"qty":1.0}"#, r#"{"qty":1}"#] {
            assert_eq!(original, ignoring(&["/sentAt"], same), "{same}");
        }
        for other in [
            r#"{"qty":2,"sentAt":"10:00"}"#,
            r#"{"qty":1,"sentat":"10:00"}"#,
            r#"{"qty":1,"at":{"sentAt":"10:00"}}"#,
            r#"[{"qty":1,"sentAt":"10:00"}]"#,
        ] {
            assert_ne!(original, ignoring(&["/sentAt"], other), "{other}");
        }
    }

    #[test]
    fn where_bytes_count_nothing_is_ignored() {
        for (one, other) in [
            (r#"{"at":1,"at":1}"#, r#"{"at":1,"at":2}"#),
            (r#"{"at":9007199254740993}"#, r#"{"at":9007199254740994}"#),
            (r#"{"at":1"#, r#"{"at":2"#),
        ] {
            assert_eq!(ignoring(&["/at"], one).kind(), FingerprintKind::Bytes, "{one}");
            assert_ne!(ignoring(&["/at"], one), ignoring(&["/at"], other), "{one} and {other}");
        }
    }

    /// A key outlives a change of the list: what is ignored no longer counts again.
    #[test]
    fn another_list_makes_another_request() {
        let body = r#"{"qty":1}"#;
        let lists: [&[&str]; 5] = [&[], &["/a"], &["/a", "/b"], &["/a/b"], &["/ab"]];
        let fingerprints = lists.map(|list| ignoring(list, body));
        for (at, one) in fingerprints.iter().enumerate() {
            assert!(!fingerprints[..at].contains(one), "{:?}", lists[at]);
        }
        assert_eq!(ignoring(&["/b", "/a", "/b"], body), fingerprints[2]);
        let whole =
            of(FingerprintKind::CanonicalJson, &RequestParts { body: body.as_bytes(), ..ORDER });
        assert_ne!(whole.digest(), fingerprints[0].digest());
    }

    /// An upgrade that changed it would take retries for other requests.
    #[test]
    fn the_digest_of_a_part_is_what_it_was() {
        let fingerprint = ignoring(&["/sentAt", "/a~1b/0"], r#"{"qty":1,"sentAt":1,"a/b":[2]}"#);
        let digest = u128::from_be_bytes(*fingerprint.digest());
        assert_eq!(format!("{digest:032x}"), "2d181ecd3be4db159f318c150c181a66");
    }
}
