//! The gates, as `--only` and `campaign` name them.

use clap::ValueEnum;

/// In the order in which they run: what a change breaks first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gate {
    /// Every state that a key's record can come to, by the shipped transition function
    Model,
    /// The engine, the store and the client, simulated: everything goes wrong, and is decided by a seed
    Histories,
    /// Mistakes that others have made, planted one at a time: each is found
    Mistakes,
    /// Every store call at fault, every poll the last one, every frame of HTTP cut
    Sweep,
    /// Real processes, killed and stopped past their lease at every point and at random
    Kills,
    /// Several processes on one PostgreSQL, on one Redis: databases, processes and connections fail
    Fleet,
    /// What is on the disk after a loss of power, from recorded writes
    Power,
    /// Disks that are full or fail at any call, and limits of the system
    Disk,
    /// What a fuzzer has found, and what is near it
    Corpora,
    /// What is shared between threads, under schedules that are chosen
    Schedules,
}

impl Gate {
    pub(super) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Whether it follows processes with `strace`.
    pub(super) fn traces(self) -> bool {
        matches!(self, Self::Power | Self::Disk)
    }

    /// Whether it starts databases.
    pub(super) fn shares_databases(self) -> bool {
        matches!(self, Self::Fleet | Self::Sweep)
    }

    pub(super) fn name(self) -> String {
        self.describe(|value| value.get_name().to_owned())
    }

    pub(super) fn purpose(self) -> String {
        self.describe(|value| value.get_help().map(ToString::to_string).unwrap_or_default())
    }

    fn describe(self, part: impl Fn(&clap::builder::PossibleValue) -> String) -> String {
        self.to_possible_value().as_ref().map(part).unwrap_or_default()
    }
}
