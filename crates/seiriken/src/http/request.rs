//! What a guarded request says: key, identity, whole body, fingerprint. Nothing is claimed before
//! all of it is there.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use http_body::Body;

use super::body::WholeBody;
use super::collect::{Collected, collect};
use super::config::{KeyRequirement, Rules};
use super::layer::Gate;
use super::problem::{Problem, ProblemKind};
use crate::dated_key::KeyDate;
use crate::engine::Operation;
use crate::fingerprint::{Fingerprint, FingerprintKind, RequestParts};
use crate::identity::IdentityDigest;
use crate::issuing::IssuingSecrets;
use crate::key::IdempotencyKey;
use crate::scope::RecordId;
use crate::store::Store;

/// Whether a request is guarded.
pub(super) enum Guarded {
    /// It is not: it passes untouched.
    No,
    /// It is, under this key.
    By(Named),
}

/// A key that is taken here, and what it says about its age.
pub(super) struct Named {
    pub(super) key: IdempotencyKey,
    date: Option<KeyDate>,
}

/// Decides from the head of the request alone: a client that sent `Expect: 100-continue` (RFC 9110
/// section 10.1.1) is refused before it sends the body.
pub(super) fn guarded(
    rules: &Rules,
    issuing: &IssuingSecrets,
    parts: &Parts,
) -> Result<Guarded, Problem> {
    if !rules.methods.contains(&parts.method) {
        return Ok(Guarded::No);
    }
    let lines = parts.headers.get_all(&rules.field).iter().map(HeaderValue::as_bytes);
    let invalid = |detail| Err(Problem::new(ProblemKind::KeyInvalid).detail(detail));
    match IdempotencyKey::from_field_lines(lines, rules.syntax) {
        Ok(Some(key)) => match rules.accepted_keys.date(&key, &rules.scope, issuing) {
            Ok(date) => Ok(Guarded::By(Named { key, date })),
            Err(refused) => invalid(format!("Nothing ran now: {refused}.")),
        },
        Ok(None) if rules.requirement == KeyRequirement::Optional => Ok(Guarded::No),
        Ok(None) => Err(Problem::new(ProblemKind::KeyMissing)),
        Err(why) => invalid(format!("Idempotency-Key cannot be read: {why}. Nothing ran.")),
    }
}

/// What only the whole request says.
pub(super) struct Read {
    identity: IdentityDigest,
    data: Bytes,
    trailers: HeaderMap,
}

/// Reads the rest of a guarded request.
pub(super) async fn read<S: Store, B: Body<Data = Bytes>>(
    gate: &Gate<S>,
    parts: &Parts,
    body: B,
) -> Result<Read, Problem> {
    let rules = &gate.rules;
    let identity = rules.identity.of(gate.secret(), gate.nobody, parts);
    let identity = identity.map_err(|_| Problem::new(ProblemKind::IdentityUnknown))?;
    let limit = rules.request_body_bytes_max;
    match collect(body, limit).await {
        Collected::Whole { data, trailers } => Ok(Read { identity, data, trailers }),
        Collected::TooLong { .. } => {
            let detail = format!("The request body is longer than {limit} bytes. Nothing ran.");
            Err(Problem::new(ProblemKind::BodyTooLarge).detail(detail))
        }
        Collected::Broken(_) => Err(Problem::new(ProblemKind::BodyIncomplete)),
    }
}

/// A request that is there in whole, as long as it runs: for its fingerprint (an earlier request may
/// have been recorded under another kind, so it is made again), for layers further in and for what
/// commits. It is the only one that counts at the gate, where all cores meet.
pub(super) struct Arrived<S> {
    pub(super) gate: Arc<Gate<S>>,
    pub(super) method: Method,
    /// As it was sent: see [`target`].
    pub(super) uri: Uri,
    /// Where the host is compared: `//host/path`, which no path without a host is compared with.
    path_at_host: Option<Vec<u8>>,
    content_type: Option<ContentType>,
    body: Bytes,
}

impl<S: Store> Arrived<S> {
    /// The request, its operation under this key, and its body for the handler.
    pub(super) fn new(
        gate: Arc<Gate<S>>,
        named: &Named,
        parts: &Parts,
        read: Read,
    ) -> (Arc<Self>, Operation<impl Fn(FingerprintKind) -> Fingerprint + use<S>>, WholeBody) {
        let Read { identity, data, trailers } = read;
        let arrived = Arc::new(Self {
            method: parts.method.clone(),
            uri: target(parts).clone(),
            path_at_host: gate.rules.host_compared.then(|| path_at_host(parts)),
            content_type: content_type(&parts.headers),
            body: data.clone(),
            gate,
        });
        let Gate { rules, scope, .. } = &*arrived.gate;
        let fingerprinted = Arc::clone(&arrived);
        let operation = Operation {
            id: RecordId::new(arrived.gate.secret(), &rules.scope, &named.key),
            scope: *scope,
            date: named.date,
            identity,
            kind: rules.fingerprint,
            fingerprint: move |kind| fingerprinted.fingerprint(kind),
        };
        (arrived, operation, WholeBody::new(data, trailers))
    }

    fn fingerprint(&self, kind: FingerprintKind) -> Fingerprint {
        let request = RequestParts {
            method: self.method.as_str().as_bytes(),
            path: self.path_at_host.as_deref().unwrap_or(self.uri.path().as_bytes()),
            query: self.uri.query().map(str::as_bytes),
            content_type: self.content_type.as_ref().map(AsRef::as_ref),
            body: &self.body,
        };
        Fingerprint::ignoring(self.gate.secret(), kind, &self.gate.rules.ignored, &request)
    }
}

/// The address as it was sent. A nested axum router shows its services a shorter one, under which
/// `/tenants/a/orders` and `/tenants/b/orders` would be one operation.
///
/// The longer one is believed only where the shorter one is its end: a handler that makes a
/// request of its own out of the one it got may hand on the extensions with it.
#[cfg(feature = "axum")]
pub(super) fn target(parts: &Parts) -> &Uri {
    use axum::extract::OriginalUri;
    let shown = &parts.uri;
    let is_nested_in = |original: &Uri| {
        let (shown_path, path) = (shown.path(), original.path());
        (path.ends_with(shown_path) || shown_path == "/") && original.query() == shown.query()
    };
    match parts.extensions.get::<OriginalUri>() {
        Some(OriginalUri(original)) if is_nested_in(original) => original,
        _ => shown,
    }
}

#[cfg(not(feature = "axum"))]
pub(super) fn target(parts: &Parts) -> &Uri {
    &parts.uri
}

/// The path and before it the host that the request names: in its target (HTTP/2, or the absolute
/// form), else in `Host` (RFC 9112 section 3.3). Hosts are equal in either case (RFC 3986 section
/// 3.2.2).
fn path_at_host(parts: &Parts) -> Vec<u8> {
    let named = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = named.or_else(|| parts.headers.get(HOST).map(HeaderValue::as_bytes));
    let host = host.unwrap_or_default().to_ascii_lowercase();
    [b"//", &host[..], target(parts).path().as_bytes()].concat()
}

/// What the request says it carries.
enum ContentType {
    /// In one line, as is usual.
    One(HeaderValue),
    /// All lines of the field, as one (RFC 9110 section 5.3): none of them is left out.
    Joined(Vec<u8>),
}

impl AsRef<[u8]> for ContentType {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::One(line) => line.as_bytes(),
            Self::Joined(lines) => lines,
        }
    }
}

fn content_type(headers: &HeaderMap) -> Option<ContentType> {
    let mut lines = headers.get_all(CONTENT_TYPE).iter();
    let first = lines.next()?;
    if lines.next().is_none() {
        return Some(ContentType::One(first.clone()));
    }
    let lines: Vec<&[u8]> =
        headers.get_all(CONTENT_TYPE).iter().map(HeaderValue::as_bytes).collect();
    Some(ContentType::Joined(lines.join(&b", "[..])))
}
