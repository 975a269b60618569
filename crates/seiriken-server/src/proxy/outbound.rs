//! What the upstream is told about a request besides what the client said.

use std::net::IpAddr;

use axum::http::header::{ACCEPT_ENCODING, EXPECT, FORWARDED, HOST, HeaderName, VIA};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Version};

/// A number: how many executions of the key have been started, this one among them.
const ATTEMPT: HeaderName = HeaderName::from_static("idempotency-attempt");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Whom a request comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) ip: IpAddr,
    pub(super) tls: bool,
}

/// Says whom the request comes from, in place of whatever its sender said about that: anybody can
/// write these fields, and the upstream believes them.
pub(super) fn forwarded(parts: &mut Parts, peer: Peer) {
    let headers = &mut parts.headers;
    let of_the_sender: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")).cloned().collect();
    for name in of_the_sender.iter().chain(&[FORWARDED, X_REAL_IP, ATTEMPT]) {
        headers.remove(name);
    }
    let ip = peer.ip.to_canonical();
    let node = match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("\"[{ip}]\""),
    };
    let proto = if peer.tls { "https" } else { "http" };
    let host = headers.get(HOST).cloned();
    let named = host.as_ref().and_then(|host| host.to_str().ok());
    let named = named.map(|host| format!(";host=\"{host}\"")).unwrap_or_default();
    set(headers, FORWARDED, format!("for={node}{named};proto={proto}"));
    set(headers, X_FORWARDED_FOR, ip.to_string());
    set(headers, X_FORWARDED_PROTO, proto.to_owned());
    if let Some(host) = host {
        headers.insert(X_FORWARDED_HOST, host);
    }
    let version = match parts.version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    };
    // RFC 9110 section 7.6.3: added to those that stand there.
    if let Ok(via) = HeaderValue::try_from(format!("{version} seiriken")) {
        headers.append(VIA, via);
    }
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

fn set(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
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
        forwarded(&mut parts, Peer { ip, tls: true });
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
        forwarded(&mut parts, Peer { ip: "::1".parse().expect("an address"), tls: false });
        assert_eq!(parts.headers[FORWARDED], "for=\"[::1]\";proto=http");
    }
}
