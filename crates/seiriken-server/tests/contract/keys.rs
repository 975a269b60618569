//! The key: what is one, which spellings are the same one, where it is looked for.

use axum::http::Method;

use crate::expected::{executed, refused, replay, unmarked};
use crate::host::Setting;
use crate::request::{Request, post, request};
use crate::row::{Row, check, row};

/// RFC 9651 has the String (section 3.3.3) and how it is parsed (4.2.5); the draft says that the
/// field is one. The bare form and the limits are this contract's own.
const STRING: &str = "RFC 9651 section 4.2.5";
const ITEM: &str = "draft-07 section 2.1";
const OURS: &str = "docs/http.md, The key";
const ONE_LINE: &str = "RFC 9110 section 5.3";

#[tokio::test]
async fn malformed_keys() {
    let long = "k".repeat(256);
    let (bare, quoted) =
        (format!("Idempotency-Key: {long}"), format!("Idempotency-Key: \"{long}\""));
    let rows: [(&str, &str, &[&[u8]], &str); 31] = [
        ("an empty field is no key", ITEM, &[b"Idempotency-Key:"], "empty"),
        ("a blank field is no key", ITEM, &[b"Idempotency-Key:  \t "], "empty"),
        ("an empty String is no key", OURS, &[br#"Idempotency-Key: """#], "empty"),
        ("an empty String with a parameter", OURS, &[br#"Idempotency-Key: "";a"#], "empty"),
        ("a lone quote", STRING, &[br#"Idempotency-Key: ""#], "never closed"),
        ("a quote that is never closed", STRING, &[br#"Idempotency-Key: "abc"#], "never closed"),
        ("an escaped closing quote", STRING, &[br#"Idempotency-Key: "abc\""#], "never closed"),
        ("a quote that is never opened", OURS, &[br#"Idempotency-Key: abc""#], "position 4"),
        ("a quote within a bare key", OURS, &[br#"Idempotency-Key: a"b"#], "position 2"),
        ("a single quote does not quote", OURS, &[b"Idempotency-Key: 'a b'"], "position 3"),
        ("an escape of a letter", STRING, &[br#"Idempotency-Key: "a\n""#], "position 3"),
        ("a backslash in a bare key", OURS, &[br"Idempotency-Key: a\b"], "position 2"),
        (
            "a letter that is not ASCII",
            OURS,
            &["Idempotency-Key: schlüssel".as_bytes()],
            "position 5",
        ),
        ("not ASCII, in quotes", STRING, &["Idempotency-Key: \"鍵\"".as_bytes()], "position 2"),
        ("no UTF-8", STRING, &[b"Idempotency-Key: \"a\xff\""], "position 3"),
        ("a tab in quotes", STRING, &[b"Idempotency-Key: \"a\tb\""], "position 3"),
        ("a tab in a bare key", OURS, &[b"Idempotency-Key: a\tb"], "position 2"),
        ("a space in a bare key", OURS, &[b"Idempotency-Key: a b"], "position 2"),
        ("a comma in a bare key", OURS, &[b"Idempotency-Key: a,b"], "position 2"),
        ("a semicolon in a bare key", OURS, &[b"Idempotency-Key: a;b"], "position 2"),
        ("two lines", ONE_LINE, &[b"Idempotency-Key: a", b"Idempotency-Key: b"], "2 times"),
        ("two equal lines", ONE_LINE, &[b"Idempotency-Key: a", b"idempotency-key: a"], "2 times"),
        (
            "two lines, one empty",
            ONE_LINE,
            &[b"Idempotency-Key: a", b"Idempotency-Key:"],
            "2 times",
        ),
        ("two lines combined", ONE_LINE, &[br#"Idempotency-Key: "a", "b""#], "position 4"),
        ("two equal lines combined", ONE_LINE, &[br#"Idempotency-Key: "a", "a""#], "position 4"),
        ("two bare lines combined", ONE_LINE, &[b"Idempotency-Key: a, a"], "position 2"),
        ("more after the String", STRING, &[br#"Idempotency-Key: "a" b"#], "position 4"),
        (
            "a space before a parameter",
            "RFC 9651 section 4.2.3.2",
            &[br#"Idempotency-Key: "a" ;b"#],
            "position 4",
        ),
        (
            "a parameter in capitals",
            "RFC 9651 section 4.2.3.3",
            &[br#"Idempotency-Key: "a";B"#],
            "position 5",
        ),
        ("256 characters", OURS, &[bare.as_bytes()], "256 characters"),
        ("256 characters in quotes", OURS, &[quoted.as_bytes()], "256 characters"),
    ];
    let row_of = |(what, source, lines, said): (&str, &'static str, &[&[u8]], &'static str)| {
        let request = lines.iter().fold(post("/echo"), Request::line);
        let refusal = refused(400, "key-invalid").saying(said);
        row(format!("malformed: {what}"), source).ask(request.body("x"), refusal)
    };
    check(rows.map(row_of).into()).await;
}

/// Not even HTTP: the server's parser refuses these before anybody looks at a key.
#[tokio::test]
async fn field_lines_that_are_no_field_lines() {
    let not_http = |what, source, line: &[u8]| {
        row(what, source).ask(post("/echo").line(line).body("x"), unmarked(400))
    };
    check(vec![
        not_http("a control character", "RFC 9110 section 5.5", b"Idempotency-Key: \"a\x01\""),
        not_http("a NUL", "RFC 9110 section 5.5", b"Idempotency-Key: a\0"),
        not_http("a DEL", "RFC 9110 section 5.5", b"Idempotency-Key: a\x7f"),
        not_http("a folded line", "RFC 9112 section 5.2", b"Idempotency-Key: \"a\r\n b\""),
        not_http("a blank before the colon", "RFC 9112 section 5.1", b"Idempotency-Key : a"),
    ])
    .await;
}

fn same(what: &str, source: &'static str, one: &[u8], other: &[u8]) -> Row {
    row(what, source)
        .ask(post("/echo").line(one), executed(201))
        .ask(post("/echo").line(other), replay())
        .runs(1)
}

#[tokio::test]
async fn spellings() {
    let long = "k".repeat(255);
    let (bare, quoted) =
        (format!("Idempotency-Key: {long}"), format!("Idempotency-Key: \"{long}\""));
    let escapes = format!("Idempotency-Key: \"{}\"", r"\\".repeat(255));
    let different = |what, one, other| {
        row(what, OURS)
            .ask(post("/echo").key(one), executed(201))
            .ask(post("/echo").key(other), executed(201))
            .runs(2)
    };
    check(vec![
        same("quoted is bare", OURS, b"Idempotency-Key: k:/=1", br#"Idempotency-Key: "k:/=1""#),
        same(
            "parameters are left out of a key",
            ITEM,
            br#"Idempotency-Key: "k";v=1;b;c="x, y""#,
            br#"Idempotency-Key: "k";z"#,
        ),
        same(
            "spaces after a semicolon mean nothing",
            "RFC 9651 section 4.2.3.2",
            br#"Idempotency-Key: "k";  a"#,
            b"Idempotency-Key: k",
        ),
        same(
            "blanks around a value mean nothing",
            "RFC 9110 section 5.5",
            b"Idempotency-Key:  \t k \t",
            b"Idempotency-Key:k",
        ),
        same(
            "an escape is what it stands for",
            STRING,
            br#"Idempotency-Key: "a \"b\" \\c""#,
            br#"Idempotency-Key:  "a \"b\" \\c""#,
        ),
        same(
            "commas and spaces are free in quotes",
            STRING,
            br#"Idempotency-Key: "a, b; c""#,
            br#"Idempotency-Key: "a, b; c";x"#,
        ),
        same(
            "a field name has no case",
            "RFC 9110 section 5.1",
            b"IDEMPOTENCY-KEY: k",
            b"idempotency-key: k",
        ),
        same("255 characters are a key", OURS, bare.as_bytes(), quoted.as_bytes()),
        same("255 escaped characters are a key", OURS, escapes.as_bytes(), escapes.as_bytes()),
        same(
            "a bare number is its characters",
            OURS,
            b"Idempotency-Key: 12",
            br#"Idempotency-Key: "12""#,
        ),
        different("a key has case", "k", "K"),
        different("spaces within quotes are part of a key", "\"k\"", "\" k\""),
        different("a bare boolean is its characters", "?1", "1"),
        different("a single quote is a character", "'k'", "k"),
    ])
    .await;
}

#[tokio::test]
async fn where_a_key_is_looked_for() {
    let strict = |what, key: &'static str| {
        row(what, ITEM)
            .with(Setting::QuotesRequired)
            .ask(post("/echo").key(key), refused(400, "key-invalid").saying("double quotes"))
    };
    check(vec![
        strict("where quotes are required, a Token is no key", "k"),
        strict("where quotes are required, an Integer is no key", "42"),
        strict("where quotes are required, a Byte Sequence is no key", ":aGk=:"),
        row("where quotes are required, a String is a key", ITEM)
            .with(Setting::QuotesRequired)
            .ask(post("/echo").key("\"k\""), executed(201))
            .ask(post("/echo").key("\"k\";a=1"), replay())
            .runs(1),
        row("another field can carry the key, and then no other does", OURS)
            .with(Setting::KeyField("X-Idempotency-Key"))
            .ask(
                post("/echo").field("X-Idempotency-Key", "k").key("never, looked at"),
                executed(201),
            )
            .ask(post("/echo").field("x-idempotency-key", "\"k\""), replay())
            .ask(post("/echo").key("k"), unmarked(201))
            .runs(2),
        row("another field is held to the same syntax", OURS)
            .with(Setting::KeyField("PayPal-Request-Id"))
            .ask(post("/echo").field("PayPal-Request-Id", "a, b"), refused(400, "key-invalid")),
        row("a key that is not required may be missing", "draft-07 section 2.5")
            .ask(post("/echo").body("x"), unmarked(201))
            .ask(post("/echo").body("x"), unmarked(201))
            .runs(2),
        row("a key that is required and missing", "draft-07 section 2.7")
            .with(Setting::KeyRequired)
            .ask(post("/echo").body("x"), refused(400, "key-missing")),
        row("where a key is required, other methods need none", OURS)
            .with(Setting::KeyRequired)
            .ask(request("GET", "/echo"), unmarked(201))
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn guarded_methods() {
    let guarded = |method: &str| {
        row(format!("{method} is guarded"), "draft-07 section 1")
            .ask(request(method, "/echo").key("k").body("x"), executed(201))
            .ask(request(method, "/echo").key("k").body("x"), replay())
            .runs(1)
    };
    let untouched = |method: &str| {
        row(format!("{method} passes untouched, whatever its key"), "RFC 9110 section 9.2.2")
            .ask(request(method, "/echo").key("k").body("x"), unmarked(201))
            .ask(request(method, "/echo").key("a, b").body("x"), unmarked(201))
            .runs(2)
    };
    let never = |method: &str| {
        row(format!("{method} cannot be guarded"), "RFC 9110 section 9.2.1")
            .with(Setting::Methods(&[Method::GET, Method::HEAD, Method::OPTIONS]))
            .ask(request(method, "/echo").key("k"), unmarked(201))
            .ask(request(method, "/echo").key("k"), unmarked(201))
            .runs(2)
    };
    check(vec![
        guarded("POST"),
        guarded("PATCH"),
        untouched("GET"),
        untouched("HEAD"),
        untouched("OPTIONS"),
        untouched("PUT"),
        untouched("DELETE"),
        never("GET"),
        never("HEAD"),
        never("OPTIONS"),
        row("PUT and DELETE are guarded by choice, and then POST is not", OURS)
            .with(Setting::Methods(&[Method::PUT, Method::DELETE]))
            .ask(request("PUT", "/echo").key("k").body("x"), executed(201))
            .ask(request("PUT", "/echo").key("k").body("x"), replay())
            .ask(request("DELETE", "/echo").key("d"), executed(201))
            .ask(request("DELETE", "/echo").key("d"), replay())
            .ask(post("/echo").key("p"), unmarked(201))
            .runs(3),
    ])
    .await;
}

/// Keys whose age decides in more detail are those of the conformance suite and of `http/dated`.
#[tokio::test]
async fn keys_that_say_their_age() {
    const DATE: &str = "RFC 9562 section 5.7";
    // The example of RFC 9562, appendix A.6, which is of 2022; and one of the year 10889.
    let old = || post("/echo").key("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    let future = || post("/echo").key("ffffffff-ffff-7fff-bfff-ffffffffffff");
    let random = || post("/echo").key("8e03978e-40d5-43e8-bc93-6894a57f9324");
    check(vec![
        row("an old key is expired", DATE)
            .with(Setting::DatedKeys)
            .ask(old(), refused(400, "key-expired"))
            .ask(old(), refused(400, "key-expired")),
        row("where any key is taken, nobody looks at its date", OURS)
            .ask(old(), executed(201))
            .ask(future(), executed(201))
            .runs(2),
        row("a key of the future is malformed", DATE)
            .with(Setting::DatedKeys)
            .ask(future(), refused(400, "key-invalid")),
        row("a key without a date is not taken where one is needed", OURS)
            .with(Setting::DatedKeys)
            .ask(random(), refused(400, "key-invalid")),
        row("a key that was not issued here is not taken where that is needed", OURS)
            .with(Setting::IssuedKeys)
            .ask(random(), refused(400, "key-invalid"))
            .ask(old(), refused(400, "key-invalid")),
    ])
    .await;
}
