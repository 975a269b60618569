//! The shell that outlives the test's process by a moment, to clean up after it.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use crate::ServerError;
use crate::program::RunAs;

/// Runs a command and removes a folder once this process is gone. Dropped before that, it does
/// neither.
#[derive(Debug)]
pub(crate) struct Watch {
    shell: Child,
}

/// A line says that all is well; the end of the pipe without one, that nobody is left to say it.
const SCRIPT: &str = r#"read -r _ && exit; folder=$1; shift; "$@"; rm -rf "$folder""#;

impl Watch {
    pub(crate) fn start(run_as: RunAs, folder: &Path, stop: &[&str]) -> Result<Self, ServerError> {
        let mut shell = run_as.command("sh");
        shell.args(["-c", SCRIPT, "watch"]).arg(folder).args(stop);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Not in the group that an interrupt from the terminal goes to.
        shell.process_group(0);
        Ok(Self { shell: shell.spawn().map_err(ServerError::system("starting a shell"))? })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            // A shell that is gone needs not be told.
            let _ = pipe.write_all(b"\n");
        }
        let _ = self.shell.wait();
    }
}
