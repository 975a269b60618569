//! One line on a terminal that says how far it is. Nowhere else: a log is not for it.

use std::io::{IsTerminal, Write};

use super::requirement::Requirement;

/// The line, which goes away with it.
pub(super) struct Progress {
    on_terminal: bool,
}

impl Progress {
    /// Standard error, where it is a terminal.
    pub(super) fn start() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal() }
    }

    /// Says what is under way, and how much is done.
    pub(super) fn show(&mut self, what: &str, done: usize) {
        self.write(&format!("\r\x1b[K{done}/{} {what}", Requirement::ALL.len()));
    }

    fn write(&mut self, text: &str) {
        if self.on_terminal {
            let mut err = std::io::stderr().lock();
            // A terminal that is gone has nobody to tell.
            self.on_terminal = err.write_all(text.as_bytes()).and_then(|()| err.flush()).is_ok();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write("\r\x1b[K");
    }
}
