//! `strace`: shows what a process asks of the system, and answers in the system's place.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The program, with these of its own options, about to run another one.
pub(crate) fn strace<O: AsRef<OsStr>>(options: impl IntoIterator<Item = O>, of: &Path) -> Command {
    let mut command = Command::new("strace");
    command.arg("--follow-forks").args(options).arg(of).stdin(Stdio::null());
    command
}

/// Why it cannot be used here.
pub(crate) fn missing() -> Option<String> {
    let mut command = Command::new("strace");
    command.args(["--quiet=all", "--trace=none", "true"]);
    let tried = command.stdin(Stdio::null()).output();
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Some(format!("strace cannot follow a process here: {said}"))
        }
        Err(error) => Some(format!("strace does not start ({error}): apt-get install strace")),
    }
}

/// A program that is built together with this one.
pub(crate) fn beside(name: &str) -> io::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// Where files lie that are written and read very often: in memory, where that is possible.
pub(crate) fn folder() -> io::Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    tempfile::Builder::new()
        .prefix("seiriken-proof-")
        .tempdir_in(memory)
        .or_else(|_| tempfile::Builder::new().prefix("seiriken-proof-").tempdir())
}
