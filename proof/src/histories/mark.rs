//! What is counted.

/// What can be seen to happen; each must have happened often enough in a run that proves anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// A claim of a free key.
    Granted,
    /// A claim whose first acknowledgement was lost.
    Yours,
    /// A claim after an owner vanished.
    TakenOver,
    /// A lease was renewed.
    Renewed,
    /// The work ran, and its answer is told.
    Executed,
    /// The first answer is told again.
    Replayed,
    /// An owner that was overtaken is refused.
    StaleRefused,
    /// A call was applied and its acknowledgement lost.
    AckLost,
    /// A key is free again.
    Freed,
    /// An outcome is told as unknown.
    Indeterminate,
    /// A late owner settled an unknown outcome.
    Healed,
    /// An answer that is not durable yet.
    Pending,
    /// The first request is still running.
    InProgress,
    /// Another request under the same key.
    Mismatch,
    /// Another caller with the same key.
    CredentialChanged,
    /// A key too old.
    KeyExpired,
    /// The store could not be asked.
    StoreUnavailable,
    /// The work panicked where it may run again.
    Panicked,
    /// The work ended without an answer to record.
    NotRecorded,
    /// A process was killed.
    Crashed,
    /// A process stood still.
    Paused,
    /// The store's clock was put forward or back.
    ClockJumped,
    /// A store in memory was lost.
    Forgot,
    /// A client hung up.
    HungUp,
    /// Downstream recognised a repetition.
    Deduplicated,
    /// A client knows.
    Definite,
    /// A client is told that nobody knows.
    Unknown,
    /// A client sent nothing.
    NothingSent,
    /// A person says that it was done.
    ResolvedAsDone,
    /// A person says that it was not done, and frees the key.
    ResolvedAsNotDone,
    /// A person has a key forgotten.
    Deleted,
    /// A person is told that something else stands by now.
    PersonTooLate,
}

/// How many marks there are.
pub(super) const MARKS: usize = Mark::PersonTooLate as usize + 1;

/// How often each mark was seen.
pub type Marks = [u64; MARKS];
