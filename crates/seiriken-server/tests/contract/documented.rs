//! The examples of docs/http.md, sent in the situation that they are of.

use std::fmt::Write;
use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use seiriken::http::ProblemKind;
use seiriken::store::{FaultKind, Verb};

use crate::handlers::{Bench, PATIENCE};
use crate::host::{Host, Setting, StoreKind};
use crate::page::{self, Documented, Example, Situation};
use crate::pattern::{json_matches, matches};
use crate::program::Service;
use crate::request::Request;
use crate::wire::{self, Answer, Connection};

const PAGE: &str = include_str!("../../../../docs/http.md");

/// Fields that the page leaves out: they are about the message.
const NOT_SHOWN: [&str; 3] = ["date", "content-length", "connection"];

/// The situations of `/payments`: how its service is built, how its handler is at work, and
/// whether the request of the example was sent before. All others are those of `/orders`, whose
/// examples are sent to one service in the order of the page.
const PAYMENTS: [(&str, &[Setting], Handler, Before); 10] = [
    ("it ran, and cannot say what it did (408, 502, 504)", &[], Handler::TimesOut, Before::Nothing),
    (
        "it failed, and left nothing behind",
        &[Setting::Transactional],
        Handler::Panics,
        Before::Nothing,
    ),
    (
        "the key is older than answers are kept",
        &[Setting::DatedKeys],
        Handler::Pays,
        Before::Nothing,
    ),
    ("as many keys are kept as may be", &[Setting::KeysUpTo(0)], Handler::Pays, Before::Nothing),
    ("a cookie and no credential", &[], Handler::Pays, Before::Nothing),
    ("the first request is still running", &[], Handler::Holds, Before::Running),
    ("nobody knows whether it took effect", &[], Handler::TimesOut, Before::Answered),
    (
        "which outcome stands cannot be said yet",
        &[Setting::StoreFails(Verb::Complete, FaultKind::AcknowledgementLost)],
        Handler::Pays,
        Before::Nothing,
    ),
    (
        "the store of keys cannot be asked",
        &[Setting::StoreFails(Verb::Claim, FaultKind::NotApplied)],
        Handler::Pays,
        Before::Nothing,
    ),
    (
        "the answer was too long to keep",
        &[Setting::AnswersUpTo(8)],
        Handler::Pays,
        Before::Answered,
    ),
];

/// What the handler of `/payments` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    Pays,
    TimesOut,
    Holds,
    Panics,
}

/// What was sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    Running,
    Answered,
}

impl Handler {
    fn router(self, bench: &Bench) -> Router {
        let gate = bench.clone();
        let pay = move || async move {
            match self {
                Self::Holds => gate.pass().await,
                Self::TimesOut => return Err(StatusCode::GATEWAY_TIMEOUT),
                Self::Panics => panic!("on purpose: a payment fails"),
                Self::Pays => {}
            }
            let answer = r#"{"paymentId":"7"}"#;
            Ok((StatusCode::CREATED, [("location", "/payments/7")], answer))
        };
        bench.counting(Router::new().route("/payments", post(pay)))
    }
}

#[tokio::test]
async fn every_situation_has_an_example_and_every_problem_a_situation() {
    let (situations, examples) = (page::situations(PAGE), page::examples(PAGE));
    let names: Vec<&str> = situations.iter().map(|situation| situation.name.as_str()).collect();
    let shown: Vec<&str> = examples.iter().map(|example| example.situation.as_str()).collect();
    assert_eq!(names, shown, "the examples are those of the table, in its order");
    for (situation, example) in situations.iter().zip(&examples) {
        assert_agrees(situation, &example.answer);
    }
    for fragment in ProblemKind::ALL.iter().filter_map(|kind| kind.fragment()) {
        let problem = Some(format!("#{fragment}"));
        let found = situations.iter().any(|situation| situation.problem == problem);
        assert!(found, "the table has #{fragment}");
    }
}

/// The table and the example say the same.
fn assert_agrees(situation: &Situation, answer: &Documented) {
    let Situation { name, status, problem } = situation;
    let documented: u16 = answer.status_line[..3].parse().expect("a status");
    assert!(status.is_none_or(|status| status == documented), "{name}: {}", answer.status_line);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let shown = body["type"].as_str();
    let agrees = match problem {
        None => shown.is_none(),
        Some(problem) => shown.is_some_and(|shown| shown.ends_with(problem.as_str())),
    };
    assert!(agrees, "{name}: {shown:?}");
}

#[tokio::test]
async fn every_example_is_what_comes_back() {
    let folder = tempfile::tempdir().expect("a folder for the service");
    let mut orders = Service::start(folder.path(), &[]);
    let shop: SocketAddr = orders.address().parse().expect("a number and a port");
    let examples = page::examples(PAGE);
    for (name, ..) in PAYMENTS {
        assert!(examples.iter().any(|example| example.situation == name), "no example: {name}");
    }
    let mut drifted = String::new();
    for example in &examples {
        let of_payments = PAYMENTS.iter().find(|(name, ..)| *name == example.situation);
        let answer = match of_payments {
            None => asked(shop, &example.request).await,
            Some((_, settings, handler, before)) => {
                paid(example, settings, *handler, *before).await
            }
        };
        for difference in differences(&example.answer, &answer) {
            writeln!(drifted, "{}: {difference}", example.situation).expect("a string grows");
        }
    }
    orders.kill();
    assert!(drifted.is_empty(), "docs/http.md says otherwise:\n{drifted}");
}

/// Brings the situation about, and asks.
async fn paid(example: &Example, settings: &[Setting], handler: Handler, before: Before) -> Answer {
    let host = Host::of(StoreKind::Sqlite, settings, |bench| handler.router(bench)).await;
    let mut earlier = Connection::to(host.address()).await.expect("the service listens");
    if before != Before::Nothing {
        earlier.send(&example.request.bytes()).await.expect("the service reads");
        host.has_run(1).await;
    }
    if before == Before::Answered {
        earlier.answer(&example.request).await.expect("an answer");
    }
    asked(host.address(), &example.request).await
}

async fn asked(address: SocketAddr, request: &Request) -> Answer {
    let answer = tokio::time::timeout(PATIENCE, wire::ask(address, request)).await;
    answer.expect("it is answered in time").expect("an answer")
}

fn differences(documented: &Documented, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let status_line = format!("{} {}", answer.status, answer.reason);
    if status_line != documented.status_line {
        found.push(format!("{status_line}, not {}", documented.status_line));
    }
    if answer.continued {
        found.push("the body was asked for first".to_owned());
    }
    for (name, pattern) in &documented.fields {
        let values = answer.text(name);
        if !matches!(values[..], [value] if matches(value, pattern)) {
            found.push(format!("{name}: {values:?}, not {pattern:?}"));
        }
    }
    for (name, value) in &answer.fields {
        let shown = documented.fields.iter().any(|(shown, _)| shown == name);
        if !shown && !NOT_SHOWN.contains(&name.as_str()) {
            found.push(format!("{name}: {:?} is not shown", String::from_utf8_lossy(value)));
        }
    }
    let body = String::from_utf8_lossy(&answer.body);
    let same = match serde_json::from_str(&documented.body) {
        Ok(pattern) => serde_json::from_str(&body).is_ok_and(|body| json_matches(&body, &pattern)),
        Err(_) => matches(&body, &documented.body),
    };
    if !same {
        found.push(format!("the body is {body}"));
    }
    found
}
