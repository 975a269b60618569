//! What is asked for, and what is measured unless something else is asked for.

use std::path::PathBuf;
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Size {
    /// As much as the documents show.
    #[default]
    Full,
    /// For every day: about a minute.
    Quick,
    /// Next to nothing: whether all of it runs, and is answered rightly.
    Smoke,
}

/// What is asked for, where something is.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// How much.
    pub size: Size,
    /// Live keys, where many are needed.
    pub keys: Option<u64>,
    /// How long each load of each round is measured.
    pub length: Option<Duration>,
    /// How many rounds there are.
    pub rounds: Option<usize>,
    /// Connections of the generator.
    pub connections: Option<usize>,
    /// Where the files lie while it runs.
    pub dir: PathBuf,
}

impl Asked {
    /// As one would type it, each with a space before it.
    pub(crate) fn words(&self) -> String {
        let size = match self.size {
            Size::Full => "",
            Size::Quick => " --quick",
            Size::Smoke => " --smoke",
        };
        let option = |name: &str, value: Option<u64>| {
            value.map(|value| format!(" --{name} {value}")).unwrap_or_default()
        };
        let count = |count: Option<usize>| count.map(|count| count as u64);
        [
            size.to_owned(),
            option("keys", self.keys),
            option("seconds", self.length.map(|length| length.as_secs())),
            option("rounds", count(self.rounds)),
            option("connections", count(self.connections)),
        ]
        .concat()
    }
}

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) size: Size,
    pub(crate) keys: u64,
    pub(crate) length: Duration,
    pub(crate) rounds: usize,
    pub(crate) connections: usize,
    pub(crate) dir: PathBuf,
}

impl Options {
    /// What is asked for; else what the size has, with so many connections, and so many keys in a
    /// quick run, as this benchmark has.
    pub(crate) fn new(asked: &Asked, connections: usize, quick_keys: u64) -> Self {
        let (keys, length, rounds) = match asked.size {
            Size::Full => (1_000_000, Duration::from_secs(3), 8),
            Size::Quick => (quick_keys, Duration::from_secs(1), 3),
            Size::Smoke => (1000, Duration::from_millis(100), 1),
        };
        Self {
            size: asked.size,
            keys: asked.keys.unwrap_or(keys),
            length: asked.length.unwrap_or(length),
            rounds: asked.rounds.unwrap_or(rounds),
            connections: asked.connections.unwrap_or(connections),
            dir: asked.dir.clone(),
        }
    }

    /// Peers come from package registries, which takes a network, and their time.
    pub(crate) fn with_peers(&self) -> bool {
        self.size != Size::Smoke
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_goes_before_what_the_size_has() {
        let asked = Asked { size: Size::Quick, rounds: Some(5), ..Asked::default() };
        let options = Options::new(&asked, 64, 100_000);
        assert_eq!((options.rounds, options.keys, options.connections), (5, 100_000, 64));
        let options = Options::new(&Asked { connections: Some(1), ..Asked::default() }, 64, 9);
        assert_eq!((options.rounds, options.keys, options.connections), (8, 1_000_000, 1));
        assert!(options.with_peers());
        assert_eq!(asked.words(), " --quick --rounds 5");
    }
}
