//! The program `seiriken`, on a store of its own.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// So long a process may take to open its port.
const PATIENCE: Duration = Duration::from_secs(30);

/// It is killed when this goes away.
pub(super) struct Program {
    pub(super) address: SocketAddr,
    _child: Child,
}

impl Program {
    /// Starts the program that was built beside this one. A retry waits for its first attempt.
    pub(super) async fn start(store: &str) -> Result<Self, String> {
        let path = std::env::current_exe().map_err(|error| error.to_string())?;
        let path = path.with_file_name("seiriken");
        let mut child = Command::new(&path)
            .env_clear()
            .env("RUST_LOG", "error")
            .args(["orders", "--listen", "127.0.0.1:0", "--store", store])
            .args(["--on-concurrent", "wait=10s"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{} cannot be started: {error}", path.display()))?;
        let out = child.stdout.take().ok_or("it has no standard output")?;
        let mut lines = BufReader::new(out).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.ok().and_then(Result::ok).flatten().unwrap_or_default();
        let address = line.strip_prefix("listening on http://").and_then(|at| at.parse().ok());
        let address = address.ok_or_else(|| format!("it says {line:?} instead of its port"))?;
        Ok(Self { address, _child: child })
    }
}
