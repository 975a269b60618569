//! The order service as a user starts it, on a free port.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(crate) struct Service {
    child: Child,
    address: String,
}

impl Service {
    /// Starts it in `directory`, where its file then lies, and waits for its one line.
    pub(crate) fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_seiriken"))
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(directory)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let stdout = child.stdout.take().expect("its output is read");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
        let address = line.trim().strip_prefix("listening on http://").expect("where").to_owned();
        Self { child, address }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it has ended");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // After kill() there is nothing left to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
