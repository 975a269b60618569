//! What the upstream is told about a request besides what the client said.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::{ACCEPT_ENCODING, EXPECT, FORWARDED, HOST, HeaderName, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Version};

/// A number: how many executions of the key have been started, this one among them.
const ATTEMPT: HeaderName = HeaderName::from_static("idempotency-attempt");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Whom the requests of a connection come from.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    ip: HeaderValue,
    /// The same as a `node` (RFC 7239 section 6).
    node: Arc<str>,
    proto: &'static str,
}

impl Peer {
    pub(super) fn new(ip: IpAddr, tls: bool) -> Self {
        let ip = ip.to_canonical();
        let node = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("\"[{ip}]\""),
        };
        // An address can always be written there; for what cannot, RFC 7239 section 6.2 has a word.
        let ip = HeaderValue::try_from(ip.to_string());
        let ip = ip.unwrap_or(HeaderValue::from_static("unknown"));
        Self { ip, node: node.into(), proto: if tls { "https" } else { "http" } }
    }
}

/// Says whom the request comes from, in place of whatever its sender said about that: anybody can
/// write these fields, and the upstream believes them.
pub(super) fn forwarded(parts: &mut Parts, peer: &Peer) {
    let headers = &mut parts.headers;
    let of_the_sender: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")).cloned().collect();
    for name in of_the_sender.iter().chain(&[FORWARDED, X_REAL_IP, ATTEMPT]) {
        headers.remove(name);
    }
    let Peer { ip, node, proto } = peer;
    let host = headers.get(HOST).cloned();
    let forwarded = match host.as_ref().and_then(|host| host.to_str().ok()) {
        Some(named) => ["for=", node, ";host=\"", named, "\";proto=", proto].concat(),
        None => ["for=", node, ";proto=", proto].concat(),
    };
    if let Ok(forwarded) = HeaderValue::try_from(forwarded) {
        headers.insert(FORWARDED, forwarded);
    }
    headers.insert(X_FORWARDED_FOR, ip.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(proto));
    if let Some(host) = host {
        headers.insert(X_FORWARDED_HOST, host);
    }
    // RFC 9110 section 7.6.3: added to those that stand there.
    let via = match parts.version {
        Version::HTTP_2 => "2 seiriken",
        Version::HTTP_10 => "1.0 seiriken",
        _ => "1.1 seiriken",
    };
    headers.append(VIA, HeaderValue::from_static(via));
}

/// The last touches: `host` where the upstream is told its own, `attempt` where the request is
/// guarded.
pub(super) fn finish(headers: &mut HeaderMap, host: Option<&HeaderValue>, attempt: Option<u32>) {
    if let Some(host) = host {
        headers.insert(HOST, host.clone());
    }
    // The body is here, or is asked for as soon as the upstream reads it: nobody waits for a word.
    headers.remove(EXPECT);
    if let Some(attempt) = attempt {
        headers.insert(ATTEMPT, HeaderValue::from(attempt));
        // The answer is given again to whoever asks again, and that one may not read gzip.
        headers.remove(ACCEPT_ENCODING);
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    #[test]
    fn what_the_sender_says_about_itself_is_replaced() {
        let request = Request::post("/")
            .header(HOST, "shop:80")
            .header(FORWARDED, "for=1.2.3.4")
            .header(X_FORWARDED_FOR, "1.2.3.4")
            .header("x-forwarded-user", "admin")
            .header(X_REAL_IP, "1.2.3.4")
            .header(ATTEMPT, "7")
            .header(VIA, "1.1 before");
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let ip = "::ffff:192.0.2.7".parse().expect("an address");
        forwarded(&mut parts, &Peer::new(ip, true));
        let mut lines: Vec<String> = parts
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        lines.sort_unstable();
        assert_eq!(
            lines,
            [
                "forwarded: for=192.0.2.7;host=\"shop:80\";proto=https",
                "host: shop:80",
                "via: 1.1 before",
                "via: 1.1 seiriken",
                "x-forwarded-for: 192.0.2.7",
                "x-forwarded-host: shop:80",
                "x-forwarded-proto: https",
            ]
        );
    }

    #[test]
    fn an_address_of_version_6_is_quoted() {
        let (mut parts, ()) = Request::post("/").body(()).expect("a request").into_parts();
        forwarded(&mut parts, &Peer::new("::1".parse().expect("an address"), false));
        assert_eq!(parts.headers[FORWARDED], "for=\"[::1]\";proto=http");
    }
}
