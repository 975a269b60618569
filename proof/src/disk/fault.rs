//! One fault: which call of the system fails, which time, and how.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::service::{DATABASE, Under};

/// A call on the database's files that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) call: &'static str,
    /// What the system answers, as `strace` takes it.
    pub(super) answer: &'static str,
    /// The first one of each thread that fails; the first of all is 1.
    pub(super) from: u32,
    pub(super) times: Times,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Once,
    /// From that one on, always.
    FromThenOn,
}

/// What can fail, and how. A disk that is full shows itself in writes, a broken one everywhere.
pub(super) const FAILURES: [(&str, &str); 8] = [
    ("pwrite64", "error=EIO"),
    ("pwrite64", "error=ENOSPC"),
    ("fsync", "error=EIO"),
    ("fdatasync", "error=EIO"),
    ("ftruncate", "error=EIO"),
    ("pread64", "error=EIO"),
    ("openat", "error=EMFILE"),
    ("mmap", "error=ENOMEM"),
];

/// The start makes fewer writes than this.
const IN_SERVICE: u32 = 13;

impl Fault {
    /// A disk that says "written" and writes nothing, from one of the first orders on: nobody can
    /// keep a promise on that, and the gate has to see it broken.
    pub(super) fn that_loses(number: u32) -> Self {
        let from = IN_SERVICE + 2 * number;
        Self { call: "pwrite64", answer: "retval=4096", from, times: Times::FromThenOn }
    }

    /// The service under this fault; what is asked of the system is written to `log`.
    pub(super) fn under(self, folder: &Path, log: &Path) -> Under {
        let Self { call, answer, from, times } = self;
        let on = if times == Times::Once { "" } else { "+" };
        let fault = format!("--inject={call}:{answer}:when={from}{on}");
        under(folder, log, &[call], Some(fault))
    }
}

/// The service without a fault, and how often it calls what can fail.
pub(super) fn counted(folder: &Path, log: &Path) -> Under {
    let mut calls = FAILURES.map(|(call, _)| call).to_vec();
    calls.dedup();
    under(folder, log, &calls, None)
}

/// Calls on the database's files alone: those on sockets and on the program itself never fail.
fn under(folder: &Path, log: &Path, calls: &[&str], fault: Option<String>) -> Under {
    let files = ["", "-wal", "-shm", "-journal"].map(|ending| format!("{DATABASE}{ending}"));
    let paths = files.iter().map(|file| format!("--trace-path={}", folder.join(file).display()));
    let wrapper = ["strace", "--daemonize", "--follow-forks", "--quiet=all", "--string-limit=0"]
        .map(str::to_owned)
        .into_iter()
        .chain(paths)
        .chain([format!("--output={}", log.display()), format!("--trace={}", calls.join(","))])
        .chain(fault)
        .collect();
    Under { wrapper, small: None }
}

/// How often the thread that makes a call most often makes it. `strace` counts by thread: the
/// third call that fails is the third one of each.
pub(super) fn count(log: &str, call: &str) -> u32 {
    let mut threads: BTreeMap<&str, u32> = BTreeMap::new();
    for line in log.lines() {
        if let Some((thread, said)) = line.split_once(' ')
            && said.trim_start().starts_with(call)
        {
            *threads.entry(thread).or_default() += 1;
        }
    }
    threads.into_values().max().unwrap_or_default()
}

/// How many calls failed by intent.
pub(super) fn injected(log: &str) -> u64 {
    log.lines().filter(|line| line.ends_with("(INJECTED)")).count() as u64
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, answer, from, times } = self;
        let on = if *times == Times::Once { "" } else { " and from then on" };
        write!(f, "{answer} at {call} number {from}{on}")
    }
}
