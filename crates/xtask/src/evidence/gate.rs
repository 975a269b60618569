//! The gates, as `--only` and `campaign` name them.

use clap::ValueEnum;

/// In the order in which they run: what a change breaks first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Gate {
    /// Every state that a key's record can come to, by the shipped transition function
    Model,
    /// What a fuzzer has found, and what is near it
    Corpora,
    /// What is shared between threads, under schedules that are chosen
    Schedules,
}

impl Gate {
    pub(super) fn all() -> &'static [Self] {
        Self::value_variants()
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
