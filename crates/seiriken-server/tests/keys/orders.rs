//! The order service beside it.

use std::process::Stdio;

use reqwest::Response;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::program::{PATIENCE, program};

/// What every request here orders.
pub(crate) const CAKE: &str = r#"{"itemId":"cake","qty":1}"#;

/// A running order service; killed when this goes away.
pub(crate) struct Orders {
    child: Child,
    url: String,
}

impl Orders {
    pub(crate) async fn start(store: &str) -> Self {
        let mut child = program()
            .args(["--listen", "127.0.0.1:0", "--store", store])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let url = said(&mut out, "listening on ").await;
        Self { child, url }
    }

    /// One with metrics and health, and where those are.
    pub(crate) async fn with_admin(store: &str, options: &[&str]) -> (Self, String) {
        let mut child = program()
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            .args(["--listen", "127.0.0.1:0", "--store", store, "--admin", "127.0.0.1:0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let url = said(&mut out, "listening on ").await;
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let admin = said(&mut log, "metrics and health address=").await;
        // A pipe that nobody empties would stop it.
        tokio::spawn(async move { tokio::io::copy(&mut log, &mut tokio::io::sink()).await });
        (Self { child, url }, admin)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn order(&self, key: &str) -> Response {
        order(&self.url, key).await.expect("it is answered")
    }

    pub(crate) async fn order_of(&self, key: &str, what: &str) -> Response {
        send(&self.url, key, what).await.expect("it is answered")
    }

    pub(crate) async fn ask_to_stop(&self) {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await;
        assert!(status.expect("a shell").success());
    }

    pub(crate) async fn stop(mut self) {
        self.ask_to_stop().await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.expect("it ends").expect("its status").success());
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("a process of ours");
    }
}

/// What stands after this in the first line that has it.
async fn said(lines: &mut (impl AsyncBufReadExt + Unpin), what: &str) -> String {
    let reading = async {
        loop {
            let mut line = String::new();
            let length = lines.read_line(&mut line).await.expect("readable");
            assert_ne!(length, 0, "it ended before it said '{what}'");
            if let Some((_, rest)) = line.split_once(what) {
                return rest.trim().to_owned();
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("it starts")
}

/// Orders a cake at a service.
pub(crate) async fn order(url: &str, key: &str) -> reqwest::Result<Response> {
    send(url, key, CAKE).await
}

async fn send(url: &str, key: &str, what: &str) -> reqwest::Result<Response> {
    reqwest::Client::new()
        .post(format!("{url}/orders"))
        .header("Idempotency-Key", key)
        .header("Content-Type", "application/json")
        .body(what.to_owned())
        .send()
        .await
}
