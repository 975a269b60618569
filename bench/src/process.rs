//! A server as a process: started, told to stop, killed.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::failure::{Failure, While};
use crate::{process_tree, stopwatch};

/// So long a server may take to start or to stop before the run fails.
const PATIENCE: Duration = Duration::from_mins(5);

/// How much of a server's log is shown when it fails: its end.
const LOG_SHOWN_MAX: usize = 2000;

/// How to start a server that prints where it listens.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<String>,
    /// All of its environment: no option may come from the shell of whoever measures.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
}

/// A running server. It is killed when this goes away.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    id: u32,
    log: PathBuf,
    pub(crate) address: SocketAddr,
    /// From the start of the process to the line that says where it listens.
    pub(crate) listened_after: Duration,
}

impl Server {
    /// Starts a server and waits until it says where it listens. Its log goes to this file.
    pub(crate) async fn start(launch: &Launch, log: &Path) -> Result<Self, Failure> {
        let log_file = File::create(log).while_doing("making a log")?;
        let started = stopwatch::now();
        let mut child = Command::new(&launch.program)
            .args(&launch.arguments)
            .env_clear()
            .envs(launch.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()
            .while_doing(&format!("starting {}", launch.program.display()))?;
        let out = child.stdout.take().ok_or_else(|| Failure::new("no standard output"))?;
        let mut lines = BufReader::new(out).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let listened_after = started.elapsed();
        let line = line.while_doing("waiting for a server to listen")?;
        let address = line
            .while_doing("reading what a server says")?
            .and_then(|line| line.strip_prefix("listening on http://")?.parse().ok())
            .ok_or_else(|| failed("a server did not say where it listens", log))?;
        let id = child.id().ok_or_else(|| failed("a server ended at once", log))?;
        Ok(Self { child, id, log: log.to_owned(), address, listened_after })
    }

    /// The CPU time that it and its children have taken so far.
    pub(crate) fn cpu_time(&self) -> Result<Duration, Failure> {
        process_tree::cpu_time(self.id)
    }

    /// The memory that it and its children have in use.
    pub(crate) fn resident_bytes(&self) -> Result<u64, Failure> {
        process_tree::resident_bytes(self.id)
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let id = self.id.to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &id]).status().await;
        if !asked.while_doing("stopping a server")?.success() {
            return Err(failed("a server had ended by itself", &self.log));
        }
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = ended.while_doing("stopping a server")?.while_doing("stopping a server")?;
        // No code: ended by the signal, as a server does that keeps nothing.
        match status.code() {
            None | Some(0) => Ok(()),
            Some(_) => Err(failed(&format!("a server ended with {status}"), &self.log)),
        }
    }

    /// Kills it (SIGKILL), as a lack of memory would.
    pub(crate) async fn kill(mut self) -> Result<(), Failure> {
        self.child.kill().await.while_doing("killing a server")
    }
}

fn failed(what: &str, log: &Path) -> Failure {
    let text = fs::read_to_string(log).unwrap_or_default();
    let skipped = text.chars().count().saturating_sub(LOG_SHOWN_MAX);
    let end: String = text.chars().skip(skipped).collect();
    Failure::new(format!("{what}; the end of its log:\n{end}"))
}
