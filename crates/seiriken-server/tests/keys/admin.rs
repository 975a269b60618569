//! `--admin`: what was counted, and whether requests should come here.

use private_servers::PrivatePostgres;
use reqwest::StatusCode;
use tempfile::TempDir;

use crate::orders::{CAKE, Orders};
use crate::program::PATIENCE;

fn file(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("orders.db").display())
}

async fn get(url: &str) -> (StatusCode, String) {
    let answer = reqwest::get(url).await.expect("it is answered");
    (answer.status(), answer.text().await.expect("a body"))
}

#[tokio::test]
async fn each_decision_is_counted_and_each_call_of_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let (orders, admin) = Orders::with_admin(&file(&folder), &[]).await;
    orders.order("k").await;
    orders.order("k").await;
    orders.order("k").await;
    orders.order("other").await;
    let mismatch = orders.order_of("k", &CAKE.replace('1', "2")).await;
    assert_eq!(mismatch.status(), 422);
    let (status, text) = get(&format!("{admin}/metrics")).await;
    assert_eq!(status, 200);
    for line in [
        "# TYPE seiriken_decisions_total counter",
        r#"seiriken_decisions_total{decision="executed"} 2"#,
        r#"seiriken_decisions_total{decision="replayed"} 2"#,
        r#"seiriken_decisions_total{decision="mismatch"} 1"#,
        "# TYPE seiriken_store_seconds histogram",
        r#"seiriken_store_seconds_count{verb="commit"} 2"#,
        r#"seiriken_store_seconds_bucket{verb="commit",le="+Inf"} 2"#,
        "seiriken_keys 2",
    ] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    let claims = text
        .lines()
        .find_map(|line| line.strip_prefix("seiriken_store_seconds_count{verb=\"claim\"} "));
    let claims: u64 = claims.expect("claims are counted").parse().expect("a number");
    assert!(claims >= 5, "{claims} claims for five requests");
}

#[tokio::test]
async fn clients_do_not_reach_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (orders, admin) = Orders::with_admin(&file(&folder), &[]).await;
    for path in ["/metrics", "/readyz"] {
        let (status, _) = get(&format!("{}{path}", orders.url())).await;
        assert_eq!(status, 404, "{path}");
        assert_eq!(get(&format!("{admin}{path}")).await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn one_that_stops_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = ["--processing-time", "1h", "--drain", "1h"];
    let (orders, admin) = Orders::with_admin(&file(&folder), &options).await;
    let url = orders.url().to_owned();
    let waiting = tokio::spawn(async move { crate::orders::order(&url, "k").await.map(drop) });
    let begun = async {
        let count = "seiriken_store_seconds_count{verb=\"claim\"} 1";
        while !get(&format!("{admin}/metrics")).await.1.contains(count) {}
    };
    tokio::time::timeout(PATIENCE, begun).await.expect("it begins");
    assert_eq!(get(&format!("{admin}/readyz")).await, (StatusCode::OK, "ready\n".into()));
    orders.ask_to_stop().await;
    let stopping = async {
        loop {
            let (status, said) = get(&format!("{admin}/readyz")).await;
            if status == 503 {
                return said;
            }
        }
    };
    let said = tokio::time::timeout(PATIENCE, stopping).await.expect("it stops");
    assert_eq!(said, "stopping\n");
    assert_eq!(get(&format!("{admin}/healthz")).await, (StatusCode::OK, "ok\n".into()));
    orders.kill().await;
    waiting.await.expect("no panic").expect_err("it was never answered");
}

#[tokio::test]
async fn one_whose_store_is_gone_is_alive_and_not_ready() {
    let server = PrivatePostgres::start(&["fsync=on"]).expect("a server");
    let (_orders, admin) = Orders::with_admin(&server.url(), &[]).await;
    assert_eq!(get(&format!("{admin}/readyz")).await.0, 200);
    server.stop().expect("it is stopped");
    let (status, said) = get(&format!("{admin}/readyz")).await;
    assert_eq!(status, 503, "{said}");
    assert!(said.starts_with("the store "), "{said}");
    assert_eq!(get(&format!("{admin}/healthz")).await.0, 200);
}
