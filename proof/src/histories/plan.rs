//! What happens in a history, and what goes wrong in it. The same plan is the same history.

use serde::{Deserialize, Serialize};

/// Everything that decides a history. Times are milliseconds from its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Of the small delays that every message has.
    pub seed: u64,
    /// Where the effect of the work is written.
    pub effect: Effect,
    /// Whether the keys say when they were made.
    pub dated: bool,
    /// How many processes serve on one store.
    pub nodes: usize,
    /// How long a duplicate waits for the first request; `None`: it is told 409 at once.
    pub waits: Option<u64>,
    /// What clients want.
    pub intents: Vec<Intent>,
    /// What goes wrong. What none of them concerns goes well.
    pub faults: Vec<Fault>,
}

/// Where an effect is written, and so the class that the service states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Effect {
    /// In one transaction with the record: Transactional.
    InTheRecordsTransaction,
    /// Where the second of two is recognised by its key: Keyed.
    DeduplicatedByKey,
    /// Where the second of two is a second effect: Opaque.
    Elsewhere,
}

/// One operation that one client wants done. Two with the same key are a double click, or a clash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// When its first attempt begins.
    pub at: u64,
    /// Under which key.
    pub key: u8,
    /// With which request.
    pub request: u8,
    /// As whom.
    pub caller: u8,
    /// How long it goes on.
    pub deadline: u64,
}

/// Something that goes wrong, or otherwise than usual. Numbers count from 1, those of nodes and
/// intents from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each fault says what its numbers are")]
pub enum Fault {
    /// The store's answer to its `call`-th call, counted over all nodes.
    Store { call: u64, fate: StoreFate },
    /// An attempt's way to the service and back.
    Request { intent: usize, attempt: u32, fate: RequestFate },
    /// How the `execution`-th execution ends, counted over all nodes.
    Work { execution: u64, ends: WorkEnds, takes: u64 },
    /// The process is killed, and started again later.
    Crash { node: usize, at: u64, down: u64 },
    /// The process stands still.
    Pause { node: usize, at: u64, lasts: u64 },
    /// The store's clock is put forward or back.
    ClockJump { at: u64, by: i64 },
    /// The sweeper comes by.
    Sweep { at: u64 },
    /// A person comes, decides as soon as there is something to decide, says so after a while, and
    /// perhaps once more.
    Person { key: u8, at: u64, does: Deed, takes: u64, again: Option<u64> },
    /// The processes end, and with them a store that lives in memory.
    Amnesia { at: u64 },
}

/// What a person is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// To settle an outcome that nobody knows.
    Settles,
    /// To have the key forgotten.
    Forgets,
}

/// What becomes of a call of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreFate {
    /// It is certainly not applied.
    NotApplied,
    /// It never arrives; the caller hears that it may have.
    Lost,
    /// It is applied; the caller hears that it may have been.
    AckLost,
    /// The caller hears that it may have been applied, and so it is, this much later.
    Late(u64),
    /// It takes this long.
    Slow(u64),
    /// It is applied a second time, this much later.
    Twice(u64),
    /// It is never applied and never answered.
    Hung,
}

/// What becomes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestFate {
    /// No connection comes about.
    Refused,
    /// It never arrives.
    Lost,
    /// Its answer never arrives.
    AnswerLost,
    /// It arrives this much later; the client has given up by then, perhaps.
    Delayed(u64),
    /// It arrives, and again this much later.
    Twice(u64),
    /// The client hangs up after so long and tries again.
    HangsUp(u64),
}

/// How work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkEnds {
    /// With its effect and an answer.
    Well,
    /// With an answer that says no, which is recorded, and no effect.
    Refused,
    /// Without effect and without an answer to record.
    NotProcessed,
    /// It cannot say; the effect has not happened.
    UnknownBefore,
    /// It cannot say; the effect has happened.
    UnknownAfter,
    /// It panics before its effect.
    PanicBefore,
    /// It panics after its effect.
    PanicAfter,
}

/// The store's lease, in milliseconds.
pub const LEASE: u64 = 2_000;
/// How long answers are kept.
pub const RETENTION: u64 = 120_000;
/// What is added to it for clocks that disagree.
pub const SKEW: u64 = 5_000;

impl Plan {
    /// What the fates of calls, attempts and executions are, in the order of their numbers.
    pub fn store_fate(&self, number: u64) -> Option<StoreFate> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Store { call, fate } if *call == number => Some(*fate),
            _ => None,
        })
    }

    /// What becomes of an attempt of an intent, 1 for the first.
    pub fn request_fate(&self, which: usize, number: u32) -> Option<RequestFate> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Request { intent, attempt, fate } if (*intent, *attempt) == (which, number) => {
                Some(*fate)
            }
            _ => None,
        })
    }

    /// How an execution ends and how long it takes, when that is unusual.
    pub fn work(&self, number: u64) -> Option<(WorkEnds, u64)> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Work { execution, ends, takes } if *execution == number => Some((*ends, *takes)),
            _ => None,
        })
    }
}
