//! What the servers promise of what was acknowledged, in words for people.

use std::fmt;

/// What a server writes to its disk, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Persistence {
    /// Nothing: `appendonly no`, and no snapshots.
    Nothing,
    /// All of it now and then: `save …`.
    Snapshots,
    /// Writes of about a second together: `appendfsync everysec`, and `no`, where the system
    /// writes when it likes.
    EverySecond,
    /// Every write, before it is answered: `appendfsync always`.
    EveryWrite,
}

/// What becomes of an acknowledged record when a server fails. For a log, for metrics, for the page
/// that says what a service promises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durability {
    /// The weakest of the servers that have records.
    pub persistence: Persistence,
    /// The least number of replicas of one of them.
    pub replicas: u32,
    /// With fewer connected, a server refuses to write (`min-replicas-to-write`).
    pub least_replicas: u32,
    /// How many replicas have a record before it is acknowledged
    /// ([`RedisOptions::confirmed_by_replicas`](super::RedisOptions::confirmed_by_replicas)).
    pub confirmed_by: u32,
    /// The policy by which a server forgets keys when its memory is full, where one does.
    pub evicts: Option<String>,
}

impl Persistence {
    /// A short name, for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Snapshots => "snapshots",
            Self::EverySecond => "every-second",
            Self::EveryWrite => "every-write",
        }
    }

    /// What a restart of the server keeps.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Nothing => "A server that is restarted has forgotten every key.",
            Self::Snapshots => {
                "A server that is restarted has forgotten what came after its last snapshot."
            }
            Self::EverySecond => {
                "A server that loses its power may forget the last second or two; one that is only \
                 killed forgets nothing."
            }
            Self::EveryWrite => {
                "What is acknowledged is on the server's disk: a restart forgets nothing."
            }
        }
    }
}

impl Durability {
    /// What a replica that takes its master's place may lack.
    pub fn of_failover(&self) -> &'static str {
        match (self.replicas, self.confirmed_by) {
            (0, 0) => "There is no replica to take a server's place.",
            (_, 0) => {
                "A replica that takes a server's place may lack the last moments before it: what \
                 was acknowledged then may run again."
            }
            (_, _) => {
                "What is acknowledged is on replicas too; one that takes a server's place lacks it \
                 only if another was chosen."
            }
        }
    }

    /// What happens when a server's memory is full.
    pub fn of_full_memory(&self) -> &'static str {
        if self.evicts.is_some() {
            "When its memory is full, a server forgets keys, and their work may run again."
        } else {
            "When its memory is full, a server refuses new keys and forgets none."
        }
    }
}

/// The three sentences.
impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let restart = self.persistence.sentence();
        write!(f, "{restart} {} {}", self.of_failover(), self.of_full_memory())
    }
}
