//! Answers and their replays: what is recorded, and what of it comes again.

use crate::expected::{MARKER, executed, refused, replay, unmarked};
use crate::handlers::{NOT_STORED, STORED};
use crate::host::Setting;
use crate::request::{post, request};
use crate::row::{check, row};

const RETRY: &str = "draft-07 section 2.6";
const RECORDED: &str = "docs/http.md, What is recorded";
const ANSWERS: &str = "docs/http.md, Answers";

#[tokio::test]
async fn every_answer_that_counts_is_recorded() {
    let recorded = |status: u16| {
        let request = || post(&format!("/status/{status}")).key("k").body("x");
        row(format!("{status} is recorded"), RETRY)
            .ask(request(), executed(status).field("x-run", ["1"]))
            .ask(request(), replay())
            .ask(request(), replay())
            .runs(1)
    };
    check(
        [
            200, 201, 202, 204, 301, 303, 304, 307, 400, 402, 403, 404, 409, 410, 412, 422, 500,
            501, 503,
        ]
        .map(recorded)
        .into(),
    )
    .await;
}

#[tokio::test]
async fn bodies_of_answers() {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    check(vec![
        row("the first answer is marked as such, a replay as one", ANSWERS)
            .ask(post("/echo").key("k").body("x"), executed(201).field(MARKER, ["false"]).body("x"))
            .ask(post("/echo").key("k").body("x"), replay().field(MARKER, ["true"]).body("x"))
            .runs(1),
        row("bytes of every value", RETRY)
            .ask(post("/bytes").key("k"), executed(200).body(&every_byte))
            .ask(post("/bytes").key("k"), replay().body(&every_byte))
            .runs(1),
        row("an empty body", "RFC 9112 section 6.3")
            .ask(post("/echo").key("k"), executed(201).body("").field("content-length", ["0"]))
            .ask(post("/echo").key("k"), replay().field("content-length", ["0"]))
            .runs(1),
        row("204 has no body and no length", "RFC 9110 section 8.6")
            .ask(post("/status/204").key("k"), executed(204).field("content-length", []))
            .ask(post("/status/204").key("k"), replay().field("content-length", []))
            .runs(1),
        row("303 says where to look", "RFC 9110 section 15.4.4")
            .ask(post("/status/303").key("k"), executed(303).field("location", ["/things/1"]))
            .ask(post("/status/303").key("k"), replay().field("location", ["/things/1"]))
            .runs(1),
        row("trailers are part of the answer", "RFC 9110 section 6.5")
            .ask(
                post("/trailers").key("k").field("TE", "trailers"),
                executed(200).body("data").trailers([("checksum", "1f"), ("checksum", "2e")]),
            )
            .ask(post("/trailers").key("k").field("TE", "trailers"), replay())
            .runs(1),
        row("whoever does not ask for trailers gets none", "RFC 9110 section 10.1.4")
            .ask(post("/trailers").key("k"), executed(200).body("data"))
            .ask(post("/trailers").key("k"), replay().body("data"))
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn fields_of_answers() {
    let left_out = || NOT_STORED.map(|(name, _)| name);
    let fields = || post("/fields").key("k");
    let stored =
        STORED.iter().chain(&[("x-run", "1")]).fold(replay(), |expected, (name, value)| {
            if matches!(*name, "link" | "x-own") {
                expected
            } else {
                expected.field(name, [*value])
            }
        });
    let mut rows = vec![
        row("fields of the answer, repeated ones in their order", "RFC 9110 section 5.3")
            .ask(fields(), executed(200))
            .ask(
                fields(),
                stored
                    .without(left_out())
                    .field("x-own", ["b", "a"])
                    .field("link", ["</a>; rel=\"next\"", "</b>; rel=\"prev\""]),
            )
            .runs(1),
        row("cookies reach the first caller alone", RECORDED)
            .ask(fields(), executed(200).field("set-cookie", ["session=1; HttpOnly", "theme=2"]))
            .ask(fields(), replay().without(left_out()).field("set-cookie", []))
            .runs(1),
        row("what belongs to a connection reaches nobody", "RFC 9110 section 7.6.1")
            .ask(
                fields(),
                executed(200)
                    .field("x-hop", [])
                    .field("keep-alive", [])
                    .field("proxy-authenticate", []),
            )
            .ask(fields(), replay().without(left_out()).field("x-hop", []))
            .runs(1),
        row("the marker can have another name", ANSWERS)
            .with(Setting::Marker("X-Replay"))
            .ask(post("/echo").key("k"), unmarked(201).field("x-replay", ["false"]))
            .ask(post("/echo").key("k"), unmarked(201).field("x-replay", ["true"]))
            .runs(1),
    ];
    for (name, value) in NOT_STORED.iter().filter(|(name, _)| *name != "set-cookie") {
        let request = || post(&format!("/fields/{name}")).key("k");
        rows.push(
            row(format!("{name} is not replayed"), RECORDED)
                .ask(request(), executed(200))
                .ask(request(), replay().without([*name]).unlike(name, value))
                .runs(1),
        );
    }
    check(rows).await;
}

#[tokio::test]
async fn answers_past_the_limit() {
    let created = || post("/created").key("k");
    let not_kept = || {
        refused(500, "response-not-kept")
            .member("recordedStatus", 201)
            .member("location", "/things/1")
            .field("location", [])
    };
    check(vec![
        row("one at the limit is kept", ANSWERS)
            .with(Setting::AnswersUpTo(9))
            .ask(created(), executed(201).body("123456789"))
            .ask(created(), replay())
            .runs(1),
        row("one past it reaches the first caller, and is never made again", ANSWERS)
            .with(Setting::AnswersUpTo(8))
            .ask(created(), executed(201).body("123456789").field("location", ["/things/1"]))
            .ask(created(), not_kept())
            .ask(created(), not_kept())
            .runs(1),
        row("without a Location there is none to tell", ANSWERS)
            .with(Setting::AnswersUpTo(0))
            .ask(post("/echo").key("k").body("x"), executed(201).body("x"))
            .ask(
                post("/echo").key("k").body("x"),
                refused(500, "response-not-kept").member("location", ()),
            )
            .runs(1),
    ])
    .await;
}

#[tokio::test]
async fn what_is_published() {
    let page = || request("GET", crate::expected::PAGE);
    let mut rows = vec![
        row("the policy, for programs", "draft-07 section 2.5").with(Setting::KeyRequired).ask(
            page(),
            unmarked(200)
                .field("content-type", ["application/json"])
                .field("vary", ["accept"])
                .containing("\"required\": true")
                .containing("\"retentionSeconds\": 86400")
                .containing("\"fingerprint\": \"bytes\""),
        ),
        row("the retention is part of it", "draft-07 section 2.3")
            .ask(page().field("Accept", "text/html"), unmarked(200).containing("86400 s")),
    ];
    for fragment in seiriken::http::ProblemKind::ALL.iter().filter_map(|kind| kind.fragment()) {
        rows.push(
            row(format!("#{fragment} has its anchor on the page"), "RFC 9457 section 3.1.1").ask(
                page().field("Accept", "text/html,*/*;q=0.8"),
                unmarked(200)
                    .field("content-type", ["text/html; charset=utf-8"])
                    .containing(format!("id=\"{fragment}\"")),
            ),
        );
    }
    check(rows).await;
}
