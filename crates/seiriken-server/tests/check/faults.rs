//! What can be wrong with a server. Each has been seen in published code or in production.

/// One mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It honours its keys.
    None,
    /// It looks at no key.
    IgnoresKeys,
    /// It gives the answer once more, and forgets it.
    ReplaysOnce,
    /// It stores an answer when that was sent, and only when it is next asked for something else.
    AnswersBeforeStoring,
    /// It looks at the key, and not at the body: another body gets the first one's answer.
    AnswersAnotherBody,
    /// The body is a part of the key, so another body runs.
    RunsAnotherBody,
    /// A refusal tells what the first answer was.
    TellsTheOtherAnswer,
    /// It takes the route's pattern for the path.
    KeysByRoutePattern,
    /// It looks for the key, works, and then writes it.
    ReadsThenWrites,
    /// When too many wait, it lets them through.
    OverrunByAStorm,
    /// It compares no callers.
    LeaksAcrossCredentials,
    /// The work ends with the connection, and the key is free.
    RunsAgainAfterDisconnect,
    /// The work ends with the connection, and the key is taken for ever.
    WedgedAfterDisconnect,
    /// The time in the answer is that of the replay.
    NewDateOnReplay,
    /// A replay is 200 for 201.
    OkForCreated,
    /// Of a field that stands twice one line is stored.
    LosesRepeatedFields,
    /// A replay has lost its `Location`.
    LosesAField,
    /// The body is parsed and written again.
    WritesJsonAnew,
    /// A key that is none counts as no key.
    TreatsABadKeyAsNone,
    /// A key with a letter that is not ASCII makes it fail.
    FailsOnNonAscii,
    /// Quotes are part of the key.
    TwoSpellingsTwoKeys,
    /// A refusal is recorded under the key.
    BurnsTheKey,
    /// A problem has a status of its own.
    ProblemSaysAnotherStatus,
    /// The first answer is marked as a replay.
    MarksTheFirstAnswer,
    /// Refusals link to a page that is not there.
    PolicyIsGone,
    /// It forgets half of what it promises to keep.
    ForgetsEarly,
    /// Keys are in memory alone.
    ForgetsOnRestart,
    /// A request without a key makes it fail.
    FailsWithoutAKey,
    /// It refuses a request without a key, after the work.
    RunsWhatItRefuses,
}
