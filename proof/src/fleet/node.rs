//! A process of the service.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

/// How long an owner is believed without a sign of life.
pub(super) const LEASE: Duration = Duration::from_secs(1);

/// One process. It is killed when it is dropped.
#[derive(Debug)]
pub(super) struct Node {
    child: Child,
    log: JoinHandle<Vec<String>>,
    pub(super) address: SocketAddr,
}

impl Node {
    /// Starts it, and waits until it listens. Without an address it takes a free one.
    pub(super) async fn start(
        built: &Path,
        store: &str,
        address: Option<SocketAddr>,
        options: &[&str],
    ) -> io::Result<Self> {
        let listen = address.map_or("127.0.0.1:0".to_owned(), |address| address.to_string());
        let mut command = Command::new(built.join("seiriken"));
        command.arg(format!("--listen={listen}")).arg(format!("--store={store}"));
        command.arg(format!("--lease={}ms", LEASE.as_millis())).args(options);
        command.env_clear().env("RUST_LOG", "warn").env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn()?;
        let gone = || io::Error::other("a process ended before it listened");
        let (out, log) = (child.stdout.take().ok_or_else(gone)?, child.stderr.take());
        let log = tokio::spawn(read(log.ok_or_else(gone)?));
        let line = BufReader::new(out).lines().next_line().await?;
        let address = line.as_deref().and_then(|line| line.strip_prefix("listening on http://"));
        if let Some(address) = address.and_then(|address| address.parse().ok()) {
            return Ok(Self { child, log, address });
        }
        let log = log.await.map_err(io::Error::other)?;
        Err(io::Error::other(format!("no process listens:\n{}", log.join("\n"))))
    }

    /// SIGKILL. What its log says of panics and errors.
    pub(super) async fn kill(mut self) -> io::Result<Vec<String>> {
        self.child.kill().await?;
        self.log.await.map_err(io::Error::other)
    }

    /// SIGSTOP, and SIGCONT after so long.
    pub(super) async fn pause(&self, lasts: Duration) -> io::Result<()> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let pid = pid.ok_or_else(|| io::Error::other("it is gone"))?;
        kill_process(pid, Signal::STOP)?;
        tokio::time::sleep(lasts).await;
        Ok(kill_process(pid, Signal::CONT)?)
    }
}

/// A panic has no excuse; errors have one while the database is away.
async fn read(pipe: tokio::process::ChildStderr) -> Vec<String> {
    let mut lines = BufReader::new(pipe).lines();
    let mut kept = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains("panicked") || line.starts_with("seiriken:") {
            kept.push(line);
        }
    }
    kept
}
