//! Refusals at the gate, in the order of docs/http.md: their form, and which goes first.

use crate::expected::{executed, refused, replay, running, unmarked};
use crate::host::Setting;
use crate::request::{Request, post, request};
use crate::row::{check, row};

const PROBLEM: &str = "RFC 9457 section 3.1";
const LINK: &str = "draft-07 section 2.7";
const ANSWERS: &str = "docs/http.md, Answers";

fn echo() -> Request {
    post("/echo").key("k").body("x")
}

#[tokio::test]
async fn whose_request_it_is() {
    let unknown = || refused(403, "identity-unknown");
    check(vec![
        row("a cookie and no credential", ANSWERS)
            .ask(echo().field("Cookie", "session=1"), unknown())
            .ask(echo(), executed(201))
            .runs(1),
        row("a cookie and a credential", ANSWERS)
            .ask(echo().field("Cookie", "a=1").field("Authorization", "Bearer ada"), executed(201))
            .ask(echo().field("Cookie", "b=2").field("Authorization", "Bearer ada"), replay())
            .runs(1),
        row("a cookie and an API key", ANSWERS)
            .ask(echo().field("Cookie", "a=1").field("X-Api-Key", "1"), executed(201))
            .runs(1),
        row("a cookie that means nothing", ANSWERS)
            .with(Setting::CookiesIgnored)
            .ask(echo().field("Cookie", "a=1"), executed(201))
            .ask(echo().field("Cookie", "b=2"), replay())
            .runs(1),
        row("a cookie where callers are all one", ANSWERS)
            .with(Setting::Anonymous)
            .ask(echo().field("Cookie", "a=1"), executed(201))
            .runs(1),
        row("a cookie without a key is nobody's business here", ANSWERS)
            .ask(post("/echo").field("Cookie", "a=1"), unmarked(201))
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn the_form_of_a_problem() {
    check(vec![
        row("a missing key, in the draft's words", LINK).with(Setting::KeyRequired).ask(
            post("/echo"),
            refused(400, "key-missing").member("title", "Idempotency-Key is missing"),
        ),
        row("a key used again, in the draft's words", LINK)
            .ask(echo(), executed(201))
            .ask(
                post("/echo").key("k").body("y"),
                refused(422, "key-reused").member("title", "Idempotency-Key is already used"),
            )
            .runs(1),
        row("a request that is running, in the draft's words", LINK)
            .begin(post("/hold").key("k"))
            .ask(
                post("/hold").key("k"),
                running().member("title", "A request is outstanding for this Idempotency-Key"),
            )
            .finish(executed(201))
            .runs(1),
        row("type and Link lead to the page, wherever that is", PROBLEM)
            .with(Setting::PolicyAt("https://shop.example/idempotency"))
            .ask(
                post("/echo").key("a, b"),
                refused(400, "key-invalid").described_at("https://shop.example/idempotency"),
            ),
        row("and are never made from the host that a client names", PROBLEM).ask(
            request("POST", "http://elsewhere.example/echo")
                .field("X-Forwarded-Host", "elsewhere.example")
                .key("a, b"),
            refused(400, "key-invalid"),
        ),
        row("Retry-After is in whole seconds", "RFC 9110 section 10.2.3")
            .begin(post("/hold").key("k"))
            .ask(post("/hold").key("k"), running())
            .finish(executed(201))
            .runs(1),
        row("a refusal shows nothing of the key", PROBLEM)
            .ask(post("/echo").key("hush, hush"), refused(400, "key-invalid").hiding("hush")),
    ])
    .await;
}

#[tokio::test]
async fn which_refusal_goes_first() {
    let cookie = |request: Request| request.field("Cookie", "a=1");
    let long = || post("/echo").key("k").body("123456789");
    check(vec![
        row("a malformed key goes before an unknown caller", ANSWERS)
            .ask(cookie(post("/echo").key("a, b")), refused(400, "key-invalid")),
        row("an unknown caller goes before a long body", ANSWERS)
            .with(Setting::RequestsUpTo(8))
            .ask(cookie(long()), refused(403, "identity-unknown")),
        row("a long body goes before a used key", ANSWERS)
            .with(Setting::RequestsUpTo(8))
            .ask(echo(), executed(201))
            .ask(long(), refused(413, "body-too-large"))
            .runs(1),
        row("another caller goes before another request", ANSWERS)
            .ask(echo(), executed(201))
            .ask(
                post("/created").key("k").field("X-Api-Key", "1"),
                refused(422, "credential-changed"),
            )
            .runs(1),
        row("another caller goes before an unknown outcome", ANSWERS)
            .ask(post("/status/504").key("k"), unmarked(504))
            .ask(
                post("/status/504").key("k").field("X-Api-Key", "1"),
                refused(422, "credential-changed"),
            )
            .runs(1),
        row("another request goes before an unknown outcome", ANSWERS)
            .ask(post("/status/504").key("k"), unmarked(504))
            .ask(post("/status/502").key("k"), refused(422, "key-reused"))
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn as_many_keys_as_may_be() {
    check(vec![
        row("a key beyond the quota", ANSWERS)
            .with(Setting::KeysUpTo(1))
            .ask(echo(), executed(201))
            .ask(post("/echo").key("another"), refused(429, "quota-exceeded"))
            .ask(echo(), replay())
            .runs(1),
        row("a used key goes before a full store", ANSWERS)
            .with(Setting::KeysUpTo(1))
            .ask(echo(), executed(201))
            .ask(post("/echo").key("k").body("y"), refused(422, "key-reused"))
            .runs(1),
        row("a key that is free again takes no room", ANSWERS)
            .with(Setting::KeysUpTo(1))
            .ask(post("/status/429").key("k"), executed(429))
            .ask(post("/echo").key("another"), executed(201))
            .runs(2),
        row("a request without a key needs none", ANSWERS)
            .with(Setting::KeysUpTo(0))
            .ask(post("/echo"), unmarked(201))
            .runs(1),
    ])
    .await;
}
