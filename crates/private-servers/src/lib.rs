//! Database servers of a test's own: started on free ports of the loopback, in a temporary folder,
//! and gone with the test.
//!
//! A server ends with its handle. When the test's own process is killed no handle is dropped, so
//! beside each server a shell waits at a pipe whose other end this process holds: the end of the
//! process closes the pipe, and the shell stops the server. (A signal at the death of the parent
//! would need unsafe code, and is sent at the death of a thread.)

mod pgbouncer;
mod port;
mod postgres;
mod process;
mod program;
pub mod redis;
mod watch;

use std::io;
use std::path::PathBuf;

pub use pgbouncer::PrivatePgBouncer;
pub use postgres::PrivatePostgres;

/// A server cannot be started, or does not do what a test needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Its program is not installed.
    #[error("{program} is not installed; on Debian: apt-get install {package}")]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// As root a server needs a user to run as, and there is none.
    #[error("this runs as root, PostgreSQL must not, and there is no user `postgres` or `nobody`")]
    NobodyToRunAs,
    /// The operating system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// It was started and does not answer.
    #[error("{what}; its log is in {}", log.display())]
    NoAnswer {
        /// What was waited for.
        what: &'static str,
        /// Where the server writes its log.
        log: PathBuf,
    },
    /// A program ended with an error.
    #[error("{program} failed:\n{said}")]
    Failed {
        /// The program.
        program: String,
        /// What it said, and what the server wrote into its log.
        said: String,
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
    fn system(what: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
