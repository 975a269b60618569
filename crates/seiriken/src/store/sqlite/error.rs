//! What can go wrong with the file, in the words of the store contract.

use std::error::Error;
use std::path::PathBuf;

use crate::store::StoreError;

const STORE: &str = "SQLite";

/// The file could not be opened as a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "{} is in use by another process; a SQLite store serves one process at a time \
         (stop the other one, or give this one a file of its own)",
        path.display()
    )]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// The lock file beside it could not be made or locked.
    #[error("cannot lock {}: {source}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The linked SQLite can corrupt its write-ahead log.
    #[error("SQLite {found} is linked; versions before 3.51.3 can corrupt their log")]
    SqliteTooOld {
        /// The version that is linked.
        found: &'static str,
    },
    /// The file was written by a version of Seiriken that lays it out differently.
    #[error("the file has format {found}; this version reads format {known}")]
    OtherFormat {
        /// The format it says.
        found: i64,
        /// The format known here.
        known: i64,
    },
    /// The file holds something that a store never writes.
    #[error("the file holds a value that no store writes: {what}")]
    NotAStore {
        /// Which value.
        what: &'static str,
    },
    /// A row no longer says which key it belongs to: that key would look new, and its work would
    /// run again.
    #[error(
        "row {token} of idempotency_records is damaged: the key that it belongs to cannot be \
         told, so no key can be called new; restore the file from a backup"
    )]
    DamagedRow {
        /// The row's token.
        token: i64,
    },
    /// SQLite refused.
    #[error("SQLite cannot open the file: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The operating system has no randomness for the store's secret.
    #[error("no randomness for the store's secret: {0}")]
    Randomness(#[from] getrandom::Error),
    /// The writer thread could not be started.
    #[error("the writer thread cannot be started: {0}")]
    Thread(std::io::Error),
    /// The runtime was shut down in the middle.
    #[error("opening was interrupted: {0}")]
    Interrupted(String),
}

pub(super) fn not_applied(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::NotApplied { store: STORE, source: source.into() }
}

pub(super) fn in_doubt(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::InDoubt { store: STORE, source: source.into() }
}

pub(super) fn corrupt(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt { store: STORE, source: source.into() }
}
