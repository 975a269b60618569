//! What of a request's head depends on the protocol that the upstream speaks. The same request may
//! be tried on connections of both, so each of these begins with what another one may have left.

use axum::http::header::{CONNECTION, CONTENT_LENGTH, HOST, TE, TRANSFER_ENCODING};
use axum::http::uri::{PathAndQuery, Scheme};
use axum::http::{HeaderValue, Method, Request, Uri, Version};
use http_body::Body;

/// Says anew how long the body is: never in the sender's words, of which two services may read two
/// different lengths.
pub(super) fn framed<B: Body>(request: &mut Request<B>, http2: bool) {
    let hint = request.body().size_hint().exact();
    let nothing = request.body().is_end_stream();
    let usually_has_one = [Method::POST, Method::PUT, Method::PATCH].contains(request.method());
    let headers = request.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.remove(TRANSFER_ENCODING);
    match hint {
        Some(0) if !usually_has_one => {}
        Some(length) => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
        None if nothing || http2 => {}
        // Said in so many words, or hyper would leave out the body of a GET.
        None => drop(headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))),
    }
}

/// The target as an origin is asked in HTTP/1.1 (RFC 9112 section 3.2.1), and the host in `Host`.
pub(super) fn for_http1<B>(request: &mut Request<B>) {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    if let (false, Some(authority)) = (request.headers().contains_key(HOST), authority)
        && let Ok(host) = HeaderValue::try_from(authority)
    {
        request.headers_mut().insert(HOST, host);
    }
    let target = request.uri().path_and_query().cloned();
    *request.uri_mut() = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    *request.version_mut() = Version::HTTP_11;
    // A field about this connection alone (RFC 9110 section 10.1.4).
    if request.headers().contains_key(TE) {
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Scheme and host stand in the target (RFC 9113 section 8.3.1), and no field is about the
/// connection.
pub(super) fn for_http2<B>(request: &mut Request<B>, scheme: Scheme) {
    let headers = request.headers_mut();
    headers.remove(CONNECTION);
    let host = headers.remove(HOST);
    let authority = host.and_then(|host| host.to_str().ok()?.parse().ok());
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(scheme);
    parts.authority = authority.or(parts.authority);
    parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
    // Without a host it is no target of HTTP/2, and hyper says so before it sends anything.
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    *request.version_mut() = Version::HTTP_2;
}

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;
    use axum::body::Bytes;

    fn request(method: &str, body: &'static str) -> Request<Full<Bytes>> {
        let request = Request::builder().method(method).uri("/a?b").header(HOST, "shop:80");
        let request = request.header(CONTENT_LENGTH, "7").header(TRANSFER_ENCODING, "chunked");
        request.body(Full::from(body)).expect("a request")
    }

    #[test]
    fn the_length_is_that_of_the_body_whatever_was_said() {
        for (method, body, length) in
            [("POST", "abc", Some("3")), ("POST", "", Some("0")), ("GET", "", None)]
        {
            let mut request = request(method, body);
            framed(&mut request, false);
            let said = request.headers().get(CONTENT_LENGTH).map(|said| said.to_str().unwrap());
            assert_eq!(said, length, "{method} {body}");
            assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        }
    }

    #[test]
    fn a_request_can_change_the_protocol_and_change_back() {
        let mut request = request("POST", "abc");
        for_http2(&mut request, Scheme::HTTP);
        assert_eq!(request.uri(), "http://shop:80/a?b");
        assert!(!request.headers().contains_key(HOST));
        for_http1(&mut request);
        assert_eq!(
            (request.uri().to_string().as_str(), &request.headers()[HOST]),
            ("/a?b", &HeaderValue::from_static("shop:80"))
        );
    }
}
