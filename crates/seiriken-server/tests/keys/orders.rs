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
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let line = tokio::time::timeout(PATIENCE, out.lines().next_line()).await;
        let line = line.expect("it starts").expect("readable").expect("it runs");
        let url = line.strip_prefix("listening on ").expect("where it listens").to_owned();
        Self { child, url }
    }

    pub(crate) async fn order(&self, key: &str) -> Response {
        order(&self.url, key).await.expect("it is answered")
    }

    pub(crate) async fn stop(mut self) {
        let pid = self.child.id().expect("it runs").to_string();
        let status = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await;
        assert!(status.expect("a shell").success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(ended.expect("it ends").expect("its status").success());
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("a process of ours");
    }
}

/// Orders a cake at a service.
pub(crate) async fn order(url: &str, key: &str) -> reqwest::Result<Response> {
    reqwest::Client::new()
        .post(format!("{url}/orders"))
        .header("Idempotency-Key", key)
        .header("Content-Type", "application/json")
        .body(CAKE)
        .send()
        .await
}
