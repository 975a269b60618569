//! What cargo-mutants has put down.

use std::{collections::BTreeSet, fs, io, path::Path};

/// Of one pass, or of several together: the mutants by name, with line and column. By name, since
/// `--re` does not hold back those that take a field out of an expression: every pass has them.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) caught: BTreeSet<String>,
    pub(super) unviable: BTreeSet<String>,
    pub(super) timeout: BTreeSet<String>,
    pub(super) missed: BTreeSet<String>,
}

impl Results {
    /// `None` where fewer were tried than were made: it was ended half-way.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let text = |file: &str| fs::read_to_string(folder.join(file));
        let names =
            |file: &str| Ok::<_, io::Error>(text(file)?.lines().map(String::from).collect());
        let made: Vec<serde_json::Value> = serde_json::from_str(&text("mutants.json")?)?;
        let results = Self {
            caught: names("caught.txt")?,
            unviable: names("unviable.txt")?,
            timeout: names("timeout.txt")?,
            missed: names("missed.txt")?,
        };
        Ok((results.tried() == made.len()).then_some(results))
    }

    fn tried(&self) -> usize {
        self.caught.len() + self.unviable.len() + self.timeout.len() + self.missed.len()
    }

    /// What one pass has noticed is noticed.
    pub(super) fn add(&mut self, more: Self) {
        self.caught.extend(more.caught);
        self.unviable.extend(more.unviable);
        self.timeout.extend(more.timeout);
        self.missed.extend(more.missed);
        self.missed
            .retain(|mutant| !self.caught.contains(mutant) && !self.timeout.contains(mutant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> BTreeSet<String> {
        BTreeSet::from([name.to_owned()])
    }

    #[test]
    fn what_one_pass_misses_another_may_notice() {
        let mut results = Results { missed: named("a"), ..Results::default() };
        results.add(Results { missed: named("b"), ..Results::default() });
        results.add(Results { caught: named("a"), ..Results::default() });
        assert_eq!((results.missed, results.caught), (named("b"), named("a")));
    }
}
