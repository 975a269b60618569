//! What can go wrong with a server, in the words of the store contract.

use std::error::Error;

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;

const STORE: &str = "Redis";

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The address is none that is known here.
    #[error("{address:?} is no address of a Redis: {why}")]
    Address {
        /// The address, without its password.
        address: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A name for keys that cannot be used.
    #[error("{prefix:?} cannot be what keys begin with: it is empty or has braces or blanks")]
    Prefix {
        /// The name.
        prefix: String,
    },
    /// The server forgets keys when its memory is full.
    #[error(
        "the server forgets keys when its memory is full (maxmemory-policy {policy}): a forgotten \
         key runs its work again; set maxmemory-policy to noeviction, or allow {policy:?} by name"
    )]
    Evicts {
        /// Its policy.
        policy: String,
    },
    /// The server does not say what it writes to its disk.
    #[error(
        "the server does not let its configuration be read (CONFIG GET), so what it writes to its \
         disk has to be stated: RedisOptions::persistence"
    )]
    PersistenceUnknown,
    /// The state under the prefix was written by another version, or by somebody else.
    #[error("the key {key:?} holds something that this version does not write: {what}")]
    NotAStore {
        /// The key.
        key: String,
        /// Which part.
        what: &'static str,
    },
    /// The server refused, or did not answer.
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    /// The store cannot do this.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operating system has no randomness for the store's secret.
    #[error("no randomness for the store's secret: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// Another secret stands where this store's secret stood.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error(
    "the servers hold the secret of another store: they were emptied and taken by it, or replaced; \
     start anew to share its keys"
)]
pub(super) struct AnotherSecret;

/// Too few replicas have it.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{reached} of {wanted} replicas have it")]
pub(super) struct TooFewReplicas {
    pub(super) reached: i64,
    pub(super) wanted: u32,
}

/// The server answered something that no script answers.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the server answered something that no script answers")]
pub(super) struct Unexpected;

pub(super) fn not_applied(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::NotApplied { store: STORE, source: source.into() }
}

pub(super) fn in_doubt(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::InDoubt { store: STORE, source: source.into() }
}

pub(super) fn corrupt(source: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Corrupt { store: STORE, source: source.into() }
}

/// What a command that was sent has met.
///
/// A server that answers an error has done nothing: a script fails before it writes, all writes of
/// ours being its last steps and none of them able to fail. (Out of memory is refused at its
/// first write.) Without an answer it may have been done.
pub(super) fn of_command(error: RedisError) -> StoreError {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::ResponseError) if is_wrong_type(&error) => {
            corrupt(error)
        }
        ErrorKind::Extension if is_wrong_type(&error) => corrupt(error),
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::Client => not_applied(error),
        _ => in_doubt(error),
    }
}

/// Somebody else has put a list, say, where a record belongs.
fn is_wrong_type(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
        || error.detail().is_some_and(|detail| detail.contains("WRONGTYPE"))
}

/// Whether the server that answered this is no longer, or not yet, the one to ask.
pub(super) fn is_elsewhere(error: &RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Server(
            ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::ClusterDown
        )
    )
}
