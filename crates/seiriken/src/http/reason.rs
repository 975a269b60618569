//! Why a response is what it is: attached to it, for logs and counters further out.

/// An extension on every response to a guarded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The work ran now and its answer is recorded.
    Executed,
    /// The work ran now and nothing is recorded: it said that it did nothing, or cannot say what
    /// it did.
    NotRecorded,
    /// The recorded answer was given again.
    Replayed,
    /// It was refused, or is not known, for the reason that the problem's kind says.
    Problem(super::ProblemKind),
}
