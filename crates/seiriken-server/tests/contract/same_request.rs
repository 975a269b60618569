//! Which request is the same one, and whose it is.

use crate::expected::{Expected, executed, refused, replay, running};
use crate::host::Setting;
use crate::request::{Request, post, request};
use crate::row::{Row, check, row};

const FINGERPRINT: &str = "draft-07 section 2.4";
const REUSED: &str = "draft-07 section 2.7";
const SAME: &str = "docs/http.md, The same request";
const ANSWERS: &str = "docs/http.md, Answers";
const CANONICAL: &str = "RFC 8785 section 3.2";
const I_JSON: &str = "RFC 7493 section 2.2";

fn reused() -> Expected {
    refused(422, "key-reused")
}

fn json(body: &str) -> Request {
    post("/echo").key("k").json(body)
}

/// Two bodies in canonical form that are one request.
fn one_request(what: &str, source: &'static str, body: &str, other: &str) -> Row {
    row(what, source)
        .with(Setting::CanonicalJson)
        .ask(json(body), executed(201).body(body))
        .ask(json(other), replay())
        .runs(1)
}

/// Two bodies in canonical form that are two, while the first one is its own retry.
fn two_requests(what: &str, source: &'static str, body: &str, other: &str) -> Row {
    row(what, source)
        .with(Setting::CanonicalJson)
        .ask(json(body), executed(201).body(body))
        .ask(json(other), reused())
        .ask(json(body), replay())
        .runs(1)
}

#[tokio::test]
async fn json_that_is_one_request_in_canonical_form() {
    check(vec![
        one_request(
            "the order of members",
            "RFC 8785 section 3.2.3",
            r#"{"a":1,"b":2}"#,
            r#"{"b":2,"a":1}"#,
        ),
        one_request(
            "spacing",
            "RFC 8785 section 3.2.1",
            r#"{"a":[1,2]}"#,
            " { \"a\" :\t[ 1,\r\n2 ] } ",
        ),
        one_request(
            "escapes",
            "RFC 8785 section 3.2.2.2",
            r#"{"a":"\u0061\/"}"#,
            r#"{"\u0061":"a/"}"#,
        ),
        one_request("1.0 and 1", "RFC 8785 section 3.2.2.3", r#"{"a":1.0}"#, r#"{"a":1}"#),
        one_request("1e2 and 100", "RFC 8785 section 3.2.2.3", r#"{"a":1e2}"#, r#"{"a":100}"#),
    ])
    .await;
}

#[tokio::test]
async fn json_that_is_two_requests_in_canonical_form() {
    check(vec![
        two_requests("1 and \"1\"", CANONICAL, r#"{"a":1}"#, r#"{"a":"1"}"#),
        two_requests("null and nothing", CANONICAL, r#"{"a":null}"#, "{}"),
        two_requests("the order of a list", "RFC 8785 section 3.2.3", "[1,2]", "[2,1]"),
        two_requests(
            "letters that look alike",
            "RFC 8785 section 3.1",
            "{\"a\":\"\u{e9}\"}",
            "{\"a\":\"e\u{301}\"}",
        ),
        two_requests(
            "9007199254740993 and …992",
            I_JSON,
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992}"#,
        ),
        two_requests(
            "…992 and 9007199254740993",
            I_JSON,
            r#"{"a":9007199254740992}"#,
            r#"{"a":9007199254740993}"#,
        ),
        two_requests(
            "decimals that one double holds",
            I_JSON,
            r#"{"a":19.99}"#,
            r#"{"a":19.99000000000000001}"#,
        ),
        two_requests(
            "a name twice and once",
            "RFC 7493 section 2.3",
            r#"{"a":1,"a":2}"#,
            r#"{"a":2}"#,
        ),
        two_requests(
            "a name once and twice",
            "RFC 7493 section 2.3",
            r#"{"a":2}"#,
            r#"{"a":1,"a":2}"#,
        ),
        two_requests(
            "a name twice, once escaped",
            "RFC 7493 section 2.3",
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":2}"#,
        ),
        two_requests(
            "a name twice, spaced otherwise",
            SAME,
            r#"{"a":1,"a":2}"#,
            r#"{"a": 1,"a":2}"#,
        ),
        two_requests("JSON and what follows it", SAME, "{}", "{}x"),
        two_requests("no JSON, though it says so", SAME, "{a:1}", "{a: 1}"),
    ])
    .await;
}

#[tokio::test]
async fn what_has_a_canonical_form() {
    check(vec![
        row("what does not say it is JSON counts by its bytes", SAME)
            .with(Setting::CanonicalJson)
            .ask(
                post("/echo").key("k").field("Content-Type", "text/plain").body("1.0"),
                executed(201),
            )
            .ask(post("/echo").key("k").field("Content-Type", "text/plain").body("1"), reused())
            .runs(1),
        row("a type that ends in +json is JSON", SAME)
            .with(Setting::CanonicalJson)
            .ask(
                post("/echo")
                    .key("k")
                    .field("Content-Type", "application/merge-patch+json")
                    .body("[1.0]"),
                executed(201),
            )
            .ask(
                post("/echo")
                    .key("k")
                    .field("Content-Type", "application/merge-patch+json")
                    .body("[1]"),
                replay(),
            )
            .runs(1),
        row("unless asked for, JSON counts by its bytes too", FINGERPRINT)
            .ask(json(r#"{"a":1}"#), executed(201))
            .ask(json(r#"{"a":1.0}"#), reused())
            .ask(json(r#"{"a": 1}"#), reused())
            .ask(json(r#"{"a":1}"#), replay())
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn what_makes_another_request() {
    let text = |request: Request| request.key("k").field("Content-Type", "text/plain").body("x");
    let another = |what, other: Request| {
        row(what, SAME)
            .ask(text(post("/echo/a?b=1")), executed(201))
            .ask(other, reused())
            .ask(text(post("/echo/a?b=1")), replay())
            .runs(1)
    };
    let typed = |content_type: &str| {
        post("/echo/a?b=1").key("k").field("Content-Type", content_type).body("x")
    };
    check(vec![
        another("another method", text(request("PATCH", "/echo/a?b=1"))),
        another("another path", text(post("/echo/b?b=1"))),
        another("a path in other letters", text(post("/echo/A?b=1"))),
        another("a path escaped otherwise", text(post("/echo/%61?b=1"))),
        another("another query", text(post("/echo/a?b=2"))),
        another("no query", text(post("/echo/a"))),
        another("an empty query", text(post("/echo/a?"))),
        another("another content type", typed("text/html")),
        another("a content type with a parameter", typed("text/plain; charset=utf-8")),
        another("no content type", post("/echo/a?b=1").key("k").body("x")),
        another("two content types", typed("text/plain").field("Content-Type", "text/html")),
        another(
            "another body",
            post("/echo/a?b=1").key("k").field("Content-Type", "text/plain").body("y"),
        ),
        another("no body", post("/echo/a?b=1").key("k").field("Content-Type", "text/plain")),
        row("fields that are not compared", SAME)
            .ask(text(post("/echo")).field("Accept", "text/plain"), executed(201))
            .ask(text(post("/echo")).field("Accept", "text/html").field("X-Attempt", "2"), replay())
            .runs(1),
        row("another route", REUSED)
            .ask(post("/echo").key("k"), executed(201))
            .ask(post("/created").key("k"), reused())
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn another_caller() {
    let ada = |request: Request| request.field("Authorization", "Bearer ada").body("secret");
    let bob = |request: Request| request.field("Authorization", "Bearer bob").body("secret");
    let changed = || refused(422, "credential-changed").field("x-run", []).hiding("secret");
    let keyed = || post("/echo").key("k");
    let another = |what, other: Request| {
        row(what, SAME)
            .ask(ada(keyed()), executed(201))
            .ask(other, changed())
            .ask(ada(keyed()), replay())
            .runs(1)
    };
    check(vec![
        another("another credential", bob(keyed())),
        another("no credential", keyed().body("secret")),
        another("another scheme", keyed().field("Authorization", "Basic ada").body("secret")),
        another("one more credential", ada(keyed()).field("X-Api-Key", "ada")),
        another(
            "the credential in the other field",
            keyed().field("X-Api-Key", "Bearer ada").body("secret"),
        ),
        another("another caller, whatever is asked", bob(post("/created").key("k")).body("other")),
        row("an answer that is not kept is not told of either", ANSWERS)
            .with(Setting::AnswersUpTo(1))
            .ask(ada(keyed()), executed(201))
            .ask(bob(keyed()), changed().member("recordedStatus", ()).member("location", ()))
            .runs(1),
        row("another caller, while the first request runs", ANSWERS)
            .begin(ada(post("/hold").key("k")))
            .ask(bob(post("/hold").key("k")), changed())
            .finish(executed(201))
            .runs(1),
        row("an API key is a credential", ANSWERS)
            .ask(keyed().field("X-Api-Key", "1"), executed(201))
            .ask(keyed().field("X-Api-Key", "2"), changed())
            .ask(keyed().field("X-Api-Key", "1"), replay())
            .runs(1),
        row("where callers are all one, a key opens its answer to anybody", ANSWERS)
            .with(Setting::Anonymous)
            .ask(ada(keyed()), executed(201))
            .ask(bob(keyed()), replay())
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn while_the_first_request_runs() {
    let hold = || post("/hold").key("k").body("x");
    check(vec![
        row("a retry is told so", "draft-07 section 2.7")
            .begin(hold())
            .ask(hold(), running())
            .ask(hold(), running())
            .finish(executed(201).body("x"))
            .ask(hold(), replay())
            .runs(1),
        row("another request is told that first", ANSWERS)
            .begin(hold())
            .ask(post("/hold").key("k").body("y"), reused().field("retry-after", []))
            .finish(executed(201))
            .runs(1),
        row("where retries wait, the answer as soon as it is there", ANSWERS)
            .with(Setting::Waiting)
            .begin(hold())
            .send(hold())
            .ask(post("/echo").key("another"), executed(201))
            .finish(executed(201).body("x"))
            .finish(replay())
            .runs(2),
        row("another key does not wait", "draft-07 section 2.6")
            .begin(hold())
            .ask(post("/echo").key("another"), executed(201))
            .finish(executed(201))
            .runs(2),
    ])
    .await;
}

#[tokio::test]
async fn members_that_are_left_out() {
    const POINTER: &str = "RFC 6901 section 4";
    let sent = |body: &'static str| {
        post("/echo").key("k").field("Content-Type", "application/json").body(body)
    };
    let of = |what, pointer| row(what, POINTER).with(Setting::Ignoring(pointer));
    check(vec![
        of("another value of a member that is left out", "/sentAt")
            .ask(sent(r#"{"a":1,"sentAt":"noon"}"#), executed(201))
            .ask(sent(r#"{"sentAt":"later","a":1}"#), replay())
            .ask(sent(r#"{"a":1}"#), replay())
            .ask(sent(r#"{"a":2,"sentAt":"noon"}"#), reused())
            .runs(1),
        of("a member of that name elsewhere counts", "/sentAt")
            .ask(sent(r#"{"a":{"sentAt":"noon"}}"#), executed(201))
            .ask(sent(r#"{"a":{"sentAt":"later"}}"#), reused())
            .runs(1),
        of("a member whose name has a slash", "/a~1b")
            .ask(sent(r#"{"a/b":1,"c":1}"#), executed(201))
            .ask(sent(r#"{"a/b":2,"c":1}"#), replay())
            .runs(1),
        of("where bytes count, nothing is left out", "/sentAt")
            .ask(sent(r#"{"sentAt":1,"sentAt":1}"#), executed(201))
            .ask(sent(r#"{"sentAt":1,"sentAt":2}"#), reused())
            .runs(1),
    ])
    .await;
}
