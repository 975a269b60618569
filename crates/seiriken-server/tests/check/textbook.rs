//! A server as textbooks show it: a map in memory, looked at before the work and written after.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;

use crate::program::{CAKE, check};
use crate::server::WORK;
use crate::wire::Order;

type Answers = Arc<Mutex<HashMap<Vec<u8>, String>>>;

/// The name of the field, and what is stored.
type Textbook = (&'static str, Answers);

async fn create(
    State((field, answers)): State<Textbook>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let key = headers.get(field).map(|key| key.as_bytes().to_vec());
    let Some(key) = key.filter(|key| !key.is_empty()) else {
        return (StatusCode::BAD_REQUEST, "Idempotency-Key is missing").into_response();
    };
    if serde_json::from_slice::<Value>(&body).is_err() {
        return (StatusCode::BAD_REQUEST, "Unexpected end of JSON input").into_response();
    }
    let known = answers.lock().expect("no panic holds it").get(&key).cloned();
    if let Some(answer) = known {
        return json(answer);
    }
    tokio::time::sleep(WORK).await;
    let answer = Order::new().json().to_string();
    answers.lock().expect("no panic holds it").insert(key, answer.clone());
    json(answer)
}

fn json(body: String) -> Response {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The address of such a server, whose keys are in this field.
async fn textbook(field: &'static str) -> String {
    let state: Textbook = (field, Answers::default());
    let router = Router::new().route("/orders", post(create)).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/orders", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// It passes what it really honours, is convicted of what it does not, and is told what it lacks.
#[tokio::test]
async fn a_map_in_memory_passes_what_it_honours() {
    let url = textbook("idempotency-key").await;
    let said = check(&[&url, "--body", CAKE, "--json"]).await;
    for (verdict, ids) in [
        ("pass", &["fidelity", "key-missing", "replay", "validation-free"][..]),
        ("warn", &["key-invalid", "policy-published", "problem-details", "replay-marker"]),
        ("fail", &["concurrent", "credential-leak", "key-spelling", "reuse"]),
        ("skip", &["disconnect", "expiry", "restart", "storm"]),
    ] {
        assert_eq!(said.with_verdict(verdict), ids, "{verdict}: {}", said.out);
    }
    assert_eq!(said.status, 1);
    // Who is skipped is told why, and what is said of several is said once.
    let verdicts = said.verdicts();
    assert_eq!(verdicts["storm"].1, "it says nothing where concurrent fails");
    let taken = "non-ASCII, broken quote, repeated field: taken as a key, which it is not";
    assert_eq!(verdicts["key-invalid"].1, taken);
    // And shown are the three that the verdict rests on, each with its retry.
    let report = said.report();
    let requirements = report["requirements"].as_array().expect("a list");
    let found = requirements.iter().find(|found| found["id"] == "key-invalid").expect("it");
    assert_eq!(found["evidence"].as_array().expect("a list").len(), 6, "{found}");
    assert!(verdicts["problem-details"].1.contains("(for a missing key"), "{}", said.out);
}

/// Keys in a field of another name are looked for there, and nowhere else.
#[tokio::test]
async fn the_field_may_have_another_name() {
    let url = textbook("x-request-key").await;
    let said = check(&[&url, "--body", CAKE, "--field", "X-Request-Key", "--json"]).await;
    assert_eq!(said.verdicts()["replay"].0, "pass", "{}{}", said.out, said.err);
    assert!(said.out.contains("-H 'x-request-key: "), "{}", said.out);
    let said = check(&[&url, "--body", CAKE]).await;
    assert_eq!(said.status, 2, "{}", said.out);
}
