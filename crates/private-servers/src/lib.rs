//! Database servers of a test's own: started on free ports of the loopback, in a temporary folder,
//! and gone with the test.
//!
//! A server ends with its handle. When the test's own process is killed no handle is dropped, so
//! beside each server a shell waits at a pipe whose other end this process holds: the end of the
//! process closes the pipe, and the shell kills the server.

mod port;
mod process;
pub mod redis;

use std::path::PathBuf;

/// A server cannot be started, or does not do what a test needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Its program is not installed.
    #[error("{program} is not installed: apt-get install {package}")]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// Debian's package that has it.
        package: &'static str,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
    /// It was started and does not answer.
    #[error("{what}; its log is in {}", log.display())]
    NoAnswer {
        /// What was waited for.
        what: &'static str,
        /// Where the server writes its log.
        log: PathBuf,
    },
    /// A command to it failed.
    #[error("{command} answered: {answer}")]
    Command {
        /// The command.
        command: String,
        /// What it answered.
        answer: String,
    },
}

impl ServerError {
    fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
