//! What a request's head must be before anybody looks at its key. What two services could read as
//! two different requests is refused here or left out, never passed on.

use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, TE, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::request::Parts;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version};

/// Why a request is not passed on, and the status that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) why: &'static str,
}

const fn bad(why: &'static str) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, why }
}

const fn not_taken(why: &'static str) -> Refused {
    Refused { status: StatusCode::NOT_IMPLEMENTED, why }
}

/// Checks the head and puts it into the one form that all else here works with: an origin's path,
/// the host in `Host`, no field that is about the connection.
pub(super) fn admit(parts: &mut Parts) -> Result<(), Refused> {
    if [Method::CONNECT, Method::TRACE].contains(&parts.method) {
        return Err(not_taken("No tunnels are opened here, and no requests are shown."));
    }
    if parts.version <= Version::HTTP_11 {
        transfer_coding(&parts.headers)?;
    }
    let host = host(parts)?;
    let target = parts.uri.path_and_query().cloned();
    parts.uri = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    leave_out_the_connections(&mut parts.headers);
    // To many a service `X_Forwarded_For` is the same name as `X-Forwarded-For`.
    let ambiguous: Vec<HeaderName> =
        parts.headers.keys().filter(|name| name.as_str().contains('_')).cloned().collect();
    for name in ambiguous {
        parts.headers.remove(name);
    }
    if let Some(host) = host {
        parts.headers.insert(HOST, host);
    }
    join_cookies(&mut parts.headers);
    Ok(())
}

/// In HTTP/2 cookies may come one by one; in HTTP/1.1 there is one line of them (RFC 9113 section
/// 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let lines: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.len() > 1
        && let Ok(line) = HeaderValue::from_bytes(&lines.join(&b"; "[..]))
    {
        headers.insert(COOKIE, line);
    }
}

/// One coding, once (RFC 9112 section 6.1): of `gzip, chunked` only the outer one would be undone
/// here, and the inner one not be told to the upstream. Hyper has taken a `Content-Length` beside
/// it out, and closes the connection after such a request.
fn transfer_coding(headers: &HeaderMap) -> Result<(), Refused> {
    let mut lines = headers.get_all(TRANSFER_ENCODING).iter();
    match (lines.next(), lines.next()) {
        (None, _) => Ok(()),
        (Some(line), None) if line.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(()),
        _ => Err(not_taken("Of the transfer codings only chunked is taken.")),
    }
}

/// The one host that the request names (RFC 9112 section 3.2, RFC 9113 section 8.3.1).
fn host(parts: &Parts) -> Result<Option<HeaderValue>, Refused> {
    let mut lines = parts.headers.get_all(HOST).iter();
    let (line, more) = (lines.next(), lines.next());
    if more.is_some() {
        return Err(bad("The request names more than one host."));
    }
    let named = line.map(|line| {
        // An empty one is what stands there when the target has no host.
        let text = line.to_str().map_err(|_| bad("Host is no host."))?;
        match text.parse::<Authority>() {
            Ok(authority) if is_host(text) => Ok(authority),
            _ => Err(bad("Host is no host.")),
        }
    });
    let named = named.transpose()?;
    let host = match (parts.uri.authority(), named) {
        (Some(target), _) if !is_host(target.as_str()) => {
            return Err(bad("The target names no host."));
        }
        (Some(target), Some(named)) if !same_host(target, &named) => {
            return Err(bad("The target names another host than Host."));
        }
        (Some(target), _) => Some(target.clone()),
        (None, named) => named,
    };
    match host {
        Some(host) => HeaderValue::from_str(host.as_str())
            .map(Some)
            .map_err(|_| bad("The request names no host.")),
        None if parts.version == Version::HTTP_10 => Ok(None),
        None => Err(bad("The request names no host.")),
    }
}

/// A name, or an address, and perhaps a port. The grammar of URIs allows more (RFC 3986 section
/// 3.2.2), of which `a,b` is two hosts to some, and `u@a` holds a user's name.
fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~%:[]".contains(&byte);
    !text.is_empty() && text.bytes().all(plain)
}

fn same_host(one: &Authority, other: &Authority) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// Removes the fields that are about one connection (RFC 9110 section 7.6.1), of a request or of
/// an answer. `TE: trailers` stays: trailers are passed on.
pub(super) fn leave_out_the_connections(headers: &mut HeaderMap) {
    const NAMES: [HeaderName; 4] = [
        CONNECTION,
        UPGRADE,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    // What the framing is made of is looked at elsewhere, whoever names it here.
    const KEPT: [HeaderName; 4] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, TE];
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !KEPT.contains(name))
        .collect();
    for name in named.iter().chain(&NAMES) {
        headers.remove(name);
    }
    let trailers = headers.get_all(TE).iter().any(|value| {
        let codings = value.to_str().unwrap_or_default();
        codings.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
    });
    headers.remove(TE);
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn admitted(uri: &str, fields: &[(&'static str, &'static str)]) -> Result<Parts, Refused> {
        let mut request = Request::post(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        admit(&mut parts).map(|()| parts)
    }

    #[test]
    fn a_request_names_one_host() {
        let host = |uri, fields: &[_]| {
            admitted(uri, fields).map(|parts| parts.headers[HOST].to_str().unwrap().to_owned())
        };
        assert_eq!(host("/a", &[("host", "shop:80")]), Ok("shop:80".into()));
        assert_eq!(host("http://shop/a", &[("host", "SHOP")]), Ok("shop".into()));
        assert_eq!(host("http://shop/a", &[]), Ok("shop".into()));
        for (uri, fields) in [
            ("/a", &[][..]),
            ("/a", &[("host", "a"), ("host", "a")]),
            ("/a", &[("host", "")]),
            ("/a", &[("host", "a b")]),
            ("/a", &[("host", "a,b")]),
            ("/a", &[("host", "u@a")]),
            ("/a", &[("host", "a\"b")]),
            ("http://u@a/a", &[]),
            ("http://a,b/a", &[]),
            ("http://a/a", &[("host", "b")]),
        ] {
            assert_eq!(
                host(uri, fields).map_err(|refused| refused.status),
                Err(StatusCode::BAD_REQUEST),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn only_chunked_is_taken() {
        let with = |codings: &[&'static str]| {
            let lines = codings.iter().map(|coding| ("transfer-encoding", *coding));
            let fields: Vec<_> = [("host", "a")].into_iter().chain(lines).collect();
            admitted("/", &fields).is_ok()
        };
        assert!(with(&[]) && with(&["chunked"]) && with(&["Chunked"]));
        for codings in [
            &["gzip, chunked"][..],
            &["chunked, chunked"],
            &["chunked", "chunked"],
            &["identity"],
            &["chunked, identity"],
            &["xchunked"],
            &["chunked;a=b"],
            &[""],
        ] {
            assert!(!with(codings), "{codings:?}");
        }
    }

    #[test]
    fn fields_about_the_connection_and_ambiguous_ones_are_left_out() {
        let parts = admitted(
            "/",
            &[
                ("host", "a"),
                ("connection", "close, X-Hop, host, Content-Length"),
                ("connection", "x-other"),
                ("x-hop", "1"),
                ("x-other", "1"),
                ("keep-alive", "timeout=5"),
                ("upgrade", "h2c"),
                ("te", "gzip, trailers;q=0.5"),
                ("te", "Trailers"),
                ("x_forwarded_for", "1"),
                ("x-kept", "1"),
                ("content-length", "0"),
                ("cookie", "a=1"),
                ("cookie", "b=2; c=3"),
            ],
        );
        let parts = parts.expect("a request");
        let mut names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["content-length", "cookie", "host", "te", "x-kept"]);
        assert_eq!(parts.headers[COOKIE], "a=1; b=2; c=3");
        assert_eq!(parts.headers[TE], "trailers");
    }
}
