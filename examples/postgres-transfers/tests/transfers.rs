//! Two instances of the service on one database: money moves once for each key.

use std::net::SocketAddr;

use postgres_transfers::app;
use private_servers::PrivatePostgres;
use reqwest::{Client, Response, StatusCode};
use seiriken::store::postgres::sqlx::{self, PgPool};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

async fn serve(pool: PgPool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let app = app(pool).await.expect("the service");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn send(at: SocketAddr, key: &str, amount: i64) -> Response {
    let body = format!(r#"{{"from":"alice","to":"bob","amount":{amount}}}"#);
    let request =
        Client::new().post(format!("http://{at}/transfers")).header("idempotency-key", key);
    let request = request.header("content-type", "application/json").body(body);
    request.send().await.expect("an answer")
}

async fn balances(pool: &PgPool) -> Vec<(String, i64)> {
    let all = "SELECT name, balance FROM accounts ORDER BY name";
    sqlx::query_as(all).fetch_all(pool).await.expect("the accounts")
}

#[tokio::test(flavor = "multi_thread")]
async fn money_moves_once_for_each_key() {
    let server = PrivatePostgres::start(&[]).expect("a PostgreSQL");
    let pool = PgPool::connect(&server.url()).await.expect("it answers");
    let nodes = [serve(pool.clone()).await, serve(pool.clone()).await];

    let mut at_once = JoinSet::new();
    for number in 0..8 {
        at_once.spawn(send(nodes[number % 2], "rent", 500));
    }
    for answer in at_once.join_all().await {
        // The first one, its replay, or that it is running.
        let status = answer.status();
        assert!(matches!(status, StatusCode::CREATED | StatusCode::CONFLICT), "{status}");
    }
    for node in nodes {
        let replay = send(node, "rent", 500).await;
        assert_eq!(replay.headers()["idempotent-replayed"], "true");
        assert_eq!(replay.text().await.expect("a body"), r#"{"from":"alice","balance":500}"#);
    }
    let moved = [("alice".to_owned(), 500), ("bob".to_owned(), 500)];
    assert_eq!(balances(&pool).await, moved);

    // A refusal leaves the key free for the corrected transfer.
    assert_eq!(send(nodes[0], "shoes", 600).await.status(), StatusCode::CONFLICT);
    assert_eq!(balances(&pool).await, moved);
    assert_eq!(send(nodes[1], "shoes", 60).await.status(), StatusCode::CREATED);
    assert_eq!(send(nodes[0], "shoes", 70).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(balances(&pool).await[0].1, 440);
}
