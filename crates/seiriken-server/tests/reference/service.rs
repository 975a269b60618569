//! The program, on one file for as long as a schedule lasts.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::schedule::End;

/// So long a process may take to start or to end before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// It is killed when this goes away.
pub(crate) struct Service {
    child: Child,
    pub(crate) address: SocketAddr,
    options: Vec<String>,
    _folder: TempDir,
}

impl Service {
    pub(crate) async fn start(options: &[String]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the service");
        let store = format!("sqlite:{}", folder.path().join("orders.db").display());
        let fixed = ["orders", "--listen", "127.0.0.1:0", "--store", &store];
        let options = fixed.iter().map(|option| (*option).to_owned()).chain(options.to_vec());
        let options: Vec<String> = options.collect();
        let (child, address) = start(&options).await;
        Self { child, address, options, _folder: folder }
    }

    /// Ends the process; `true` if it ended as it should.
    pub(crate) async fn end(&mut self, end: End) -> bool {
        if end == End::Killed {
            self.child.kill().await.expect("a process of ours");
            return true;
        }
        let pid = self.child.id().expect("it runs").to_string();
        let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status().await;
        assert!(told.expect("a shell").success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("the service ends").expect("its status").success()
    }

    /// Starts it again on the same file, at another port.
    pub(crate) async fn start_again(&mut self) {
        (self.child, self.address) = start(&self.options).await;
    }
}

async fn start(options: &[String]) -> (Child, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_seiriken"))
        .env_clear()
        .env("RUST_LOG", "warn")
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = tokio::time::timeout(PATIENCE, out.next_line()).await;
    let line = line.expect("the port opens").expect("readable").expect("the service runs");
    let address = line.strip_prefix("listening on http://").expect("the one line");
    (child, address.parse().expect("a number and a port"))
}
