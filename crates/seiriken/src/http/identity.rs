//! Whose request it is, as the service's author says it can be told.

use std::fmt;
use std::sync::Arc;

use http::header::{AUTHORIZATION, COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use crate::identity::IdentityDigest;
use crate::secret::StoreSecret;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How the caller of a request is identified. There is no default: choosing wrongly lets one
/// caller read another one's answer.
#[derive(Clone)]
pub struct Identity {
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Credentials { cookies_ignored: bool },
    Anonymous,
    Function(Arc<Identify>),
}

type Identify = dyn Fn(&Parts) -> Option<Vec<u8>> + Send + Sync;

/// Whose request it is cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityUnknown;

impl Identity {
    /// The fields `Authorization` and `X-Api-Key`, as they are. For interfaces whose clients keep
    /// one credential over all retries of an operation.
    ///
    /// A request that carries a `Cookie` and neither of the two is refused (403): its session is
    /// its identity, and this would not look at it. Requests with nothing at all share one.
    pub fn credentials() -> Self {
        Self { kind: Kind::Credentials { cookies_ignored: false } }
    }

    /// With [`Identity::credentials`]: cookies mean nothing to this service.
    #[must_use]
    pub fn ignoring_cookies(mut self) -> Self {
        if let Kind::Credentials { cookies_ignored } = &mut self.kind {
            *cookies_ignored = true;
        }
        self
    }

    /// What `identify` says: the subject of a token that has been verified, a session, a client
    /// certificate. For credentials that are refreshed or signed per request. `None` refuses the
    /// request (403).
    ///
    /// Never trust a claim that nobody verified: it lets its sender choose whose answer to read.
    pub fn from_fn<I>(identify: impl Fn(&Parts) -> Option<I> + Send + Sync + 'static) -> Self
    where
        I: Into<Vec<u8>>,
    {
        let identify = move |parts: &Parts| identify(parts).map(Into::into);
        Self { kind: Kind::Function(Arc::new(identify)) }
    }

    /// Every caller is the same one: whoever knows a key can read its answer. For services whose
    /// callers are all trusted alike.
    pub fn anonymous() -> Self {
        Self { kind: Kind::Anonymous }
    }

    /// Of a request that says nothing about whose it is: made once, since most may be such.
    pub(super) fn nobody(&self, secret: &StoreSecret) -> IdentityDigest {
        match &self.kind {
            Kind::Credentials { .. } => IdentityDigest::new(secret, &[None, None]),
            Kind::Anonymous | Kind::Function(_) => IdentityDigest::anonymous(secret),
        }
    }

    /// Whose request it is, given what [`Identity::nobody`] has said.
    pub(super) fn of(
        &self,
        secret: &StoreSecret,
        nobody: IdentityDigest,
        parts: &Parts,
    ) -> Result<IdentityDigest, IdentityUnknown> {
        match &self.kind {
            Kind::Anonymous => Ok(nobody),
            Kind::Function(identify) => {
                let caller = identify(parts).ok_or(IdentityUnknown)?;
                Ok(IdentityDigest::new(secret, &[Some(&caller)]))
            }
            Kind::Credentials { cookies_ignored } => {
                credentials(secret, nobody, &parts.headers, *cookies_ignored)
            }
        }
    }
}

fn credentials(
    secret: &StoreSecret,
    nobody: IdentityDigest,
    headers: &HeaderMap,
    cookies_ignored: bool,
) -> Result<IdentityDigest, IdentityUnknown> {
    // Once through the few names there are: three look-ups would hash three names.
    let (mut has_credential, mut has_session) = (false, false);
    for name in headers.keys() {
        has_credential |= name == AUTHORIZATION || name == X_API_KEY;
        has_session |= !cookies_ignored && name == COOKIE;
    }
    if !has_credential {
        return if has_session { Err(IdentityUnknown) } else { Ok(nobody) };
    }
    let mut parts = Vec::new();
    for name in [&AUTHORIZATION, &X_API_KEY] {
        parts.extend(headers.get_all(name).iter().map(|value| Some(value.as_bytes())));
        // Where one field ends and the next begins.
        parts.push(None);
    }
    Ok(IdentityDigest::new(secret, &parts))
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Credentials { cookies_ignored: false } => "Identity::credentials()",
            Kind::Credentials { cookies_ignored: true } => {
                "Identity::credentials().ignoring_cookies()"
            }
            Kind::Anonymous => "Identity::anonymous()",
            Kind::Function(_) => "Identity::from_fn(…)",
        })
    }
}
