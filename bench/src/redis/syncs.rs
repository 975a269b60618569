//! How often a process asks the system to write to the disk: counted by `strace`, since Redis does
//! not say. It slows the process down, so nothing is timed meanwhile.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::failure::{Failure, While};

/// So long it may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Follows a process until it is told to stop.
#[derive(Debug)]
pub(super) struct Syncs {
    strace: Child,
    calls: PathBuf,
}

impl Syncs {
    /// Follows all threads of a process. What was asked is written to a file in this folder.
    pub(super) async fn of(process: u32, folder: &Path) -> Result<Self, Failure> {
        let calls = folder.join("syncs");
        let mut strace = Command::new("strace")
            .args(["--follow-forks", "--trace=fsync,fdatasync", "--output"])
            .arg(&calls)
            .args(["--attach", &process.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .while_doing("starting strace")?;
        let errors = strace.stderr.take().ok_or_else(|| Failure::new("no standard error"))?;
        let mut lines = BufReader::new(errors).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let line = line.while_doing("waiting for strace")?.while_doing("hearing from strace")?;
        let line = line.unwrap_or_default();
        if line.contains(" attached") {
            // What it says later fits into the pipe.
            strace.stderr = Some(lines.into_inner().into_inner());
            return Ok(Self { strace, calls });
        }
        Err(Failure::new(line))
    }

    /// Lets the process go: how often it has asked.
    pub(super) async fn count(mut self) -> Result<u64, Failure> {
        let id = self.strace.id().ok_or_else(|| Failure::new("strace has ended by itself"))?;
        let told = Command::new("sh").args(["-c", "kill -INT \"$0\"", &id.to_string()]).status();
        told.await.while_doing("stopping strace")?;
        let ended = tokio::time::timeout(PATIENCE, self.strace.wait()).await;
        ended.while_doing("stopping strace")?.while_doing("stopping strace")?;
        let calls = std::fs::read_to_string(&self.calls).while_doing("reading what it saw")?;
        Ok(begun(&calls))
    }
}

/// Each call has a line where it begins; one that took long, another where it ends.
fn begun(calls: &str) -> u64 {
    calls.lines().map(|line| u64::from(line.contains("sync("))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_counts_once() {
        let calls = "7 fdatasync(9)                    = 0\n7 fdatasync(9 <unfinished ...>\n\
                     8 fsync(3) = 0\n7 <... fdatasync resumed>) = 0\n7 +++ exited with 0 +++\n";
        assert_eq!(begun(calls), 3);
    }
}
