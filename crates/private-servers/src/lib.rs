//! Database servers of a test's own: started on free ports of the loopback, in a temporary folder,
//! and gone with the test.
//!
//! Each server has a shell that waits for the end of a pipe whose other end the test's process
//! holds. However that process ends, the pipe ends with it, and the shell stops the server and
//! removes its folder. (A signal at the death of the parent would need unsafe code, and is sent at
//! the death of a thread.)

mod pgbouncer;
mod postgres;
mod program;
mod watch;

pub use pgbouncer::PrivatePgBouncer;
pub use postgres::PrivatePostgres;

use std::io;

/// A server could not be started, or did not do what it was told.
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
    /// A program ended with an error.
    #[error("{program} failed:\n{said}")]
    Failed {
        /// The program.
        program: String,
        /// What it said, and what the server wrote into its log.
        said: String,
    },
    /// The operating system refused something.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
}

pub(crate) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> ServerError {
    move |source| ServerError::Io { doing, source }
}
