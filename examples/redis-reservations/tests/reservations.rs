//! The program on a Redis of its own: a seat is reserved once, and asked again it is the same answer.

use std::process::Stdio;

use private_servers::redis::{RedisServer, RedisSettings};
use reqwest::{Client, Response, StatusCode};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

async fn reserve(at: &str, key: &str, seat: &str) -> Response {
    let body = format!(r#"{{"seat":"{seat}"}}"#);
    let request = Client::new().post(format!("{at}/reservations")).header("idempotency-key", key);
    let request = request.header("content-type", "application/json").body(body);
    request.send().await.expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seat_is_reserved_once() {
    let server = RedisServer::start(RedisSettings::new()).expect("a Redis");
    let mut program = Command::new(env!("CARGO_BIN_EXE_redis-reservations"))
        .args([server.url().as_str(), "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(program.stdout.take().expect("it prints")).lines();
    let mut said = async || lines.next_line().await.expect("text").expect("a line");
    let mut line = said().await;
    while !line.starts_with("listening on ") {
        line = said().await;
    }
    let at = line.trim_start_matches("listening on ");

    let first = reserve(at, "mum", "7A").await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first = first.text().await.expect("a body");
    let again = reserve(at, "mum", "7A").await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.text().await.expect("a body"), first);

    // Taken by another: the key is free for another seat.
    assert_eq!(reserve(at, "dad", "7A").await.status(), StatusCode::CONFLICT);
    assert_eq!(reserve(at, "dad", "7B").await.status(), StatusCode::CREATED);
    assert_eq!(reserve(at, "dad", "7C").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
