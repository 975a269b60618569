//! The client against a server that loses, delays, truncates and repeats answers by script.
//!
//! No test waits for time to pass: what the waits and the deadline are is decided by the randomness
//! that the test hands in.

mod answers;
mod documented;
mod journal;
mod origin;
mod prepare;
mod script;
#[cfg(feature = "middleware")]
mod stack;
mod vectors;
mod waits;

use std::time::Duration;

use seiriken_client::{Answer, Backoff, ClientBuilder, NothingSent, Outcome, Request};

/// A client for a server on this machine, whose waits are too short to notice.
fn builder() -> ClientBuilder {
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(2) };
    seiriken_client::Client::builder()
        .retention(Duration::from_hours(24))
        .backoff(backoff)
        .http(reqwest::Client::builder().no_proxy())
        .without_certificates()
}

fn order(server: &script::Server) -> Request {
    let order = serde_json::json!({"itemId": "cake-001", "qty": 1});
    Request::post(&server.url("/orders"))
        .expect("as the test sets it up")
        .json(&order)
        .expect("as the test sets it up")
}

/// The answer of an operation that has one.
fn definite(result: Result<Outcome, NothingSent>) -> Answer {
    match result {
        Ok(Outcome::Definite(answer)) => answer,
        other => panic!("not a definite answer: {other:?}"),
    }
}

/// An answer that was recorded, and is marked as such.
fn created(body: &str) -> script::Act {
    script::Act::Say(script::answer(201, &[("idempotent-replayed", "false")], body))
}
