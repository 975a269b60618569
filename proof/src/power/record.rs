//! Records what processes write that follow each other on one file.

use std::error::Error;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::dice::Dice;
use super::trace::{self, CALLS, Event};
use super::workload::DEEDS;
use crate::strace;

/// What was recorded.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) seed: u64,
    pub(super) events: Vec<Event>,
}

/// The last process but one ends as it should and the last one too; all before them are killed.
const KILLED: usize = DEEDS.len() - 2;

/// What the recording is of: its seed and its folder.
const OF: &str = "of";

/// Where the trace of one process lies.
fn trace_of(traces: &Path, number: usize) -> PathBuf {
    traces.join(format!("strace.{number}"))
}

/// Runs all the processes of the workload one after the other; `traces` is where `strace` writes.
pub(super) fn record(
    folder: &Path,
    traces: &Path,
    seed: u64,
) -> Result<Recording, Box<dyn Error + Send + Sync>> {
    let program = strace::beside("seiriken-proof-writes")?;
    for number in 1..=DEEDS.len() {
        let mut options = vec![
            "--decode-fds=path".to_owned(),
            "--strings-in-hex=all".to_owned(),
            "--string-limit=9999999".to_owned(),
            format!("--output={}", trace_of(traces, number).display()),
            format!("--trace={CALLS}"),
        ];
        let kill = number <= KILLED;
        if kill {
            // In the middle of its deeds, when what it has written is about to be synced: it stands
            // in the page cache, where the next process finds it.
            let syncs = 10
                + Dice::of(&[seed, number as u64, 4]).below(20)
                + if number == 1 { 90 } else { 0 };
            options.push(format!("--inject=fsync,fdatasync:signal=SIGKILL:when={syncs}"));
        }
        let mut command = strace::strace(options, &program);
        command.arg(folder).arg(seed.to_string()).arg(number.to_string());
        let output = command.output()?;
        // One that syncs too little to be killed is recorded to its end, and seen to sync too little.
        let killed = kill && output.status.signal() == Some(9);
        if !killed && !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("process {number} ended with {}: {said}", output.status).into());
        }
    }
    let folder = folder.to_str().ok_or("a folder whose name is text")?;
    fs::write(traces.join(OF), format!("{seed}\n{folder}"))?;
    read(traces)
}

/// Reads what was recorded, now or earlier.
pub(super) fn read(traces: &Path) -> Result<Recording, Box<dyn Error + Send + Sync>> {
    let of = fs::read_to_string(traces.join(OF))?;
    let (seed, folder) = of.split_once('\n').ok_or("a seed and a folder")?;
    let seed = seed.parse()?;
    let mut events = Vec::new();
    for number in 1..=DEEDS.len() {
        let trace = fs::read_to_string(trace_of(traces, number))?;
        events = trace::read(&trace, folder, events)?;
    }
    Ok(Recording { seed, events })
}
