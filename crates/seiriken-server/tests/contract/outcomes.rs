//! Work that did nothing, work that cannot say what it did, and a store that fails.

use seiriken::store::{FaultKind, Verb};

use crate::expected::{Expected, executed, refused, replay, running, unmarked};
use crate::host::Setting;
use crate::request::{Request, post};
use crate::row::{Row, check, row};

const RECORDED: &str = "docs/http.md, What is recorded";
const ANSWERS: &str = "docs/http.md, Answers";

fn status(status: u16) -> Request {
    post(&format!("/status/{status}")).key("k")
}

fn unknown() -> Expected {
    refused(500, "outcome-unknown").field("retry-after", [])
}

#[tokio::test]
async fn answers_that_say_that_nothing_was_done_free_the_key() {
    let frees = |code: u16| {
        row(format!("{code} frees the key"), RECORDED)
            .ask(status(code), executed(code).field("x-run", ["1"]))
            .ask(status(code), executed(code).field("x-run", ["2"]))
            .ask(status(201), executed(201))
            .ask(status(code), refused(422, "key-reused"))
            .runs(3)
    };
    let recorded = |code: u16| {
        row(format!("{code} is recorded where everything is"), RECORDED)
            .with(Setting::RecordAll)
            .ask(status(code), executed(code))
            .ask(status(code), replay())
            .runs(1)
    };
    let mut rows: Vec<Row> = [401, 405, 413, 415, 425, 429].map(frees).into();
    rows.extend([401, 405, 413, 415, 425, 429].map(recorded));
    rows.push(
        row("an answer that says so itself frees the key", RECORDED)
            .ask(post("/not-processed").key("k"), executed(400).body("no"))
            .ask(post("/echo").key("k").body("corrected"), executed(201))
            .runs(2),
    );
    check(rows).await;
}

#[tokio::test]
async fn work_that_cannot_say_what_it_did_is_never_run_again() {
    let cannot_say = |code: u16| {
        row(format!("{code} is passed on once"), RECORDED)
            .ask(status(code), unmarked(code).body(format!("answer {}", http_name(code))))
            .ask(status(code), unknown())
            .ask(status(code), unknown())
            .ask(status(201), refused(422, "key-reused"))
            .runs(1)
    };
    let timed_out = |code: u16| {
        let request = || post(&format!("/timeout/{code}")).key("k");
        row(format!("a timeout layer inside, {code}"), RECORDED)
            .ask(request(), unmarked(code))
            .ask(request(), unknown())
            .runs(1)
    };
    check(vec![
        cannot_say(408),
        cannot_say(502),
        cannot_say(504),
        timed_out(408),
        timed_out(504),
        row("a panic", RECORDED)
            .ask(post("/panic").key("k"), unknown())
            .ask(post("/panic").key("k"), unknown())
            .runs(1),
        row("a timeout where running again is safe", RECORDED)
            .with(Setting::Keyed)
            .ask(status(504), unmarked(504).field("x-run", ["1"]))
            .ask(status(504), unmarked(504).field("x-run", ["2"]))
            .runs(2),
    ])
    .await;
}

/// As the handler writes it: the number and its phrase.
fn http_name(code: u16) -> String {
    axum::http::StatusCode::from_u16(code).expect("a status").to_string()
}

#[tokio::test]
async fn a_store_that_fails() {
    let echo = || post("/echo").key("k").body("x");
    let unavailable = || refused(503, "store-unavailable").field("retry-after", ["1"]);
    let pending = || refused(503, "outcome-pending").field("retry-after", ["1"]);
    check(vec![
        row("a store that cannot be asked: nothing runs", ANSWERS)
            .with(Setting::StoreFails(Verb::Claim, FaultKind::NotApplied))
            .ask(echo(), unavailable())
            .ask(echo(), unavailable())
            .store_recovers()
            .ask(echo(), executed(201))
            .runs(1),
        row("a store that does not say whether it heard: nothing runs", ANSWERS)
            .with(Setting::StoreFails(Verb::Claim, FaultKind::AcknowledgementLost))
            .ask(echo(), unavailable())
            .runs(0),
        row("without a key the store is not needed", ANSWERS)
            .with(Setting::StoreFails(Verb::Claim, FaultKind::NotApplied))
            .ask(post("/echo").body("x"), unmarked(201))
            .runs(1),
        row("an answer that is not durable is not told", ANSWERS)
            .with(Setting::StoreFails(Verb::Complete, FaultKind::AcknowledgementLost))
            .ask(echo(), pending().field("x-run", []))
            .store_recovers()
            .ask(echo(), marked_again())
            .runs(1),
        row("an answer that is not recorded yet is not made again", ANSWERS)
            .with(Setting::StoreFails(Verb::Complete, FaultKind::NotApplied))
            .ask(echo(), pending())
            .ask(echo(), running())
            .runs(1),
        row("a key that cannot be freed leaves the answer indefinite", RECORDED)
            .with(Setting::StoreFails(Verb::Release, FaultKind::NotApplied))
            .ask(status(429), unmarked(429))
            .ask(status(429), running())
            .runs(1),
    ])
    .await;
}

/// A replay whose first answer nobody saw.
fn marked_again() -> Expected {
    executed(201).replayed_unseen().body("x").field("x-run", ["1"])
}
