//! A server as a process: how soon it listens, what CPU time and memory it takes. Read from
//! `/proc`, so on Linux alone.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::failure::{Failure, While};
use crate::stopwatch;

/// So long a server may take to start or to stop before the run fails.
const PATIENCE: Duration = Duration::from_mins(5);

/// The kernel counts the CPU time of a process in these, whatever its own clock is (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// How much of a server's log is shown when it fails: its end.
const LOG_SHOWN_MAX: usize = 2000;

/// A running server. It is killed when this goes away.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    id: String,
    log: PathBuf,
    pub(crate) address: SocketAddr,
    /// From the start of the process to the line that says where it listens.
    pub(crate) listened_after: Duration,
}

impl Server {
    /// Starts a server and waits until it says where it listens. Its log goes to this file.
    pub(crate) async fn start(
        program: &Path,
        arguments: &[&str],
        log: &Path,
    ) -> Result<Self, Failure> {
        let log_file = File::create(log).while_doing("making a log")?;
        let started = stopwatch::now();
        // Without an environment: none of its options may come from the shell of whoever measures.
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()
            .while_doing(&format!("starting {}", program.display()))?;
        let out = child.stdout.take().ok_or_else(|| Failure::new("no standard output"))?;
        let mut lines = BufReader::new(out).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
        let listened_after = started.elapsed();
        let line = line.while_doing("waiting for a server to listen")?;
        let address = line
            .while_doing("reading what a server says")?
            .and_then(|line| line.strip_prefix("listening on http://")?.parse().ok())
            .ok_or_else(|| failed("a server did not say where it listens", log))?;
        let id = child.id().ok_or_else(|| failed("a server ended at once", log))?.to_string();
        Ok(Self { child, id, log: log.to_owned(), address, listened_after })
    }

    /// The CPU time it has taken so far, its own and the kernel's on its behalf.
    pub(crate) fn cpu_time(&self) -> Result<Duration, Failure> {
        cpu_time_of(&self.id)
    }

    /// The memory it has in use (`VmRSS`).
    pub(crate) fn resident_kib(&self) -> Result<u64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id));
        let status = status.while_doing("reading the memory of a server")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
            .ok_or_else(|| Failure::new("the kernel does not say how much memory a server has"))
    }

    /// Asks it to stop (SIGTERM) and waits until it has.
    pub(crate) async fn stop(mut self) -> Result<(), Failure> {
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &self.id]).status().await;
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
}

/// The CPU time this process has taken so far.
pub(crate) fn own_cpu_time() -> Result<Duration, Failure> {
    cpu_time_of("self")
}

fn cpu_time_of(id: &str) -> Result<Duration, Failure> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"));
    let stat = stat.while_doing("reading the CPU time of a process")?;
    let ticks = ticks(&stat).ok_or_else(|| Failure::new("the kernel says no CPU time"))?;
    Ok(TICK * ticks)
}

/// User and system time of a line of `/proc/PID/stat` (proc(5)): the 14th and 15th field. The
/// second is the program's name in parentheses, which may hold spaces and parentheses itself.
fn ticks(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11).map(str::parse::<u32>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    user.checked_add(system)
}

fn failed(what: &str, log: &Path) -> Failure {
    let text = fs::read_to_string(log).unwrap_or_default();
    let skipped = text.chars().count().saturating_sub(LOG_SHOWN_MAX);
    let end: String = text.chars().skip(skipped).collect();
    Failure::new(format!("{what}; the end of its log:\n{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let numbers = "S 1 2 3 4 5 6 7 8 9 10 700 55 0 0 20 0 4 0";
        assert_eq!(ticks(&format!("42 (seiriken) {numbers}")), Some(755));
        assert_eq!(ticks(&format!("42 (a) b) {numbers}")), Some(755));
        assert_eq!(ticks("42 (seiriken) S 1"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_takes_cpu_time() {
        let before = own_cpu_time().unwrap();
        // Ends when the clock of the kernel has moved on, which it does while we work.
        while own_cpu_time().unwrap() < before + 2 * TICK {}
    }
}
