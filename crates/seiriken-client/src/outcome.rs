//! How an operation ends.

use crate::answer::Answer;
use crate::intent::InvalidRequest;
use crate::journal::JournalError;
use crate::key::Key;
use crate::verdict::Why;

/// What is known at the end.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// This is the answer, whatever it says: it will not change.
    Definite(Answer),
    /// Nobody can say whether it was done. This is neither a success nor a failure.
    Unknown(Unknown),
}

/// An operation whose outcome is not known: keep its key. Sent again with that key it can never be
/// done twice; with a new key it can.
#[derive(Debug, Clone)]
pub struct Unknown {
    /// The key to resume it with.
    pub key: Key,
    /// Why nobody can say.
    pub why: Why,
    /// The last answer, if there was one: for people, it decides nothing.
    pub last: Option<Answer>,
}

/// A definite failure: nothing of this intent has ever been sent, so nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NothingSent {
    /// No connection came about until the deadline.
    #[error("no connection came about: {0}")]
    NoConnection(String),
    /// The intent could not be made durable, so it was not sent.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The server issued no key.
    #[error("the server issued no key: {0}")]
    NoKey(String),
    /// The request is not one that can be sent.
    #[error(transparent)]
    Invalid(#[from] InvalidRequest),
    /// The server keeps its answers for so short a time that no retry would be safe.
    #[error("the server keeps its answers too short a time for a retry to be safe")]
    Retention,
}
