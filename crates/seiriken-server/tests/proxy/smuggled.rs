//! Requests that two readers could read as two different ones: the service sees exactly what was
//! answered, and nothing that was hidden in it.

use crate::process::Proxy;
use crate::upstream::{Language, Upstream};
use crate::wire::{Wire, statuses};

/// A request that a second reader might find inside another one.
const HIDDEN: &str = "POST /hidden HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";

struct Form {
    name: &'static str,
    /// Between `POST /shown HTTP/1.1\r\n` and the empty line.
    fields: &'static str,
    body: String,
}

fn form(name: &'static str, fields: &'static str, body: impl Into<String>) -> Form {
    Form { name, fields, body: body.into() }
}

/// The hidden request after something.
fn inside(before: &str) -> String {
    format!("{before}{HIDDEN}")
}

/// Heads of which two readers could read two different lengths.
fn heads() -> Vec<Form> {
    vec![
        form(
            "both lengths",
            "Host: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "both lengths, the other way round",
            "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            inside("0\r\n\r\n"),
        ),
        form("two lengths", "Host: a\r\nContent-Length: 0\r\nContent-Length: 58\r\n", inside("")),
        form("a list of lengths", "Host: a\r\nContent-Length: 0, 58\r\n", inside("")),
        form("a length with a sign", "Host: a\r\nContent-Length: +0\r\n", inside("")),
        form("a length in hexadecimal", "Host: a\r\nContent-Length: 0x0\r\n", inside("")),
        form("a name before a space", "Host: a\r\nContent-Length : 58\r\n", inside("")),
        form(
            "a folded line",
            "Host: a\r\nX: a\r\n Transfer-Encoding: chunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "a folded coding",
            "Host: a\r\nTransfer-Encoding:\r\n chunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "a coding that is not known",
            "Host: a\r\nTransfer-Encoding: xchunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "two codings",
            "Host: a\r\nTransfer-Encoding: chunked, identity\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "a coding twice",
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "a vertical tab",
            "Host: a\r\nTransfer-Encoding: \x0bchunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form(
            "an underscore",
            "Host: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n",
            inside("0\r\n\r\n"),
        ),
        form("a bare line feed", "Host: a\nTransfer-Encoding: chunked\r\n", inside("0\r\n\r\n")),
        form(
            "a bare carriage return",
            "Host: a\r\nX: b\rTransfer-Encoding: chunked\r\n",
            inside("0\r\n\r\n"),
        ),
        form("a NUL", "Host: a\r\nX: b\0\r\nContent-Length: 0\r\n", inside("")),
    ]
}

/// Hosts, bodies and connections.
fn others() -> Vec<Form> {
    vec![
        form("two hosts", "Host: a\r\nHost: b\r\nContent-Length: 0\r\n", inside("")),
        form("no host", "Content-Length: 0\r\n", inside("")),
        form(
            "a chunk's size with a sign",
            "Host: a\r\nTransfer-Encoding: chunked\r\n",
            inside("+0\r\n\r\n"),
        ),
        form(
            "a chunk's size that overflows",
            "Host: a\r\nTransfer-Encoding: chunked\r\n",
            inside("10000000000000000\r\n\r\n"),
        ),
        form(
            "a line feed in an extension",
            "Host: a\r\nTransfer-Encoding: chunked\r\n",
            inside("1;a\nb\r\n0\r\n\r\n"),
        ),
        form(
            "a chunk ended by a line feed",
            "Host: a\r\nTransfer-Encoding: chunked\r\n",
            inside("1\nx\n0\n\n"),
        ),
        form(
            "a chunk longer than it says",
            "Host: a\r\nTransfer-Encoding: chunked\r\n",
            inside("1\r\nxyz\r\n0\r\n\r\n"),
        ),
        form(
            "a trailer that is a length",
            "Host: a\r\nTrailer: Content-Length\r\nTransfer-Encoding: chunked\r\n",
            inside("0\r\nContent-Length: 58\r\n\r\n"),
        ),
        form(
            "an upgrade",
            "Host: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: 0\r\n",
            inside(""),
        ),
        form(
            "a connection that lists the framing",
            "Host: a\r\nConnection: Content-Length, Host\r\nContent-Length: 5\r\n",
            inside("12345"),
        ),
    ]
}

/// The proxy may read the hidden request as a second one: then it answers twice, and the service
/// sees two. What must not be is that one of them sees more than the other.
#[tokio::test]
async fn the_service_sees_what_was_answered_and_nothing_else() {
    for language in Language::ALL {
        let upstream = Upstream::in_language(language).await;
        // A connection on which no further request comes is closed soon.
        let proxy = Proxy::before(&upstream.url, &["--header-timeout", "200ms"]).await;
        let mut refused = 0;
        for key in ["", "Idempotency-Key: "] {
            for Form { name, fields, body } in heads().into_iter().chain(others()) {
                let before = upstream.seen().await.len();
                let key = if key.is_empty() {
                    String::new()
                } else {
                    format!("{key}{}\r\n", name.replace([' ', ',', '\''], "-"))
                };
                let mut wire = Wire::connect(proxy.authority()).await;
                wire.send(format!("POST /shown HTTP/1.1\r\n{fields}{key}\r\n{body}")).await;
                let told = wire.rest().await;
                let answered = statuses(&told).into_iter().filter(|status| *status == 201).count();
                let seen = upstream.seen().await.split_off(before);
                let ran = seen.iter().filter(|seen| seen.unreadable.is_none()).count();
                assert!(
                    answered <= ran && ran <= answered + 1,
                    "{language:?} {name}: {told} {seen:?}"
                );
                let shown = seen.iter().find(|seen| seen.unreadable.is_none());
                let shown = shown.map(|seen| seen.target.as_str());
                assert!(ran == 0 || shown == Some("/shown"), "{language:?} {name}: {seen:?}");
                for seen in seen.iter().filter(|seen| seen.unreadable.is_none()) {
                    let lengths =
                        seen.field("content-length").len() + seen.field("transfer-encoding").len();
                    assert_eq!(lengths, 1, "{language:?} {name}: {seen:?}");
                    assert_eq!(seen.field("host").len(), 1, "{name}");
                    assert!(seen.field("upgrade").is_empty(), "{name}");
                }
                refused += usize::from(ran == 0);
            }
        }
        assert!(refused >= 30, "{language:?}: only {refused} were refused");
    }
}
