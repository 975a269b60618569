//! What cargo-mutants has put down.

use std::{fs, io, path::Path};

/// Of one pass, or of several together.
#[derive(Debug, Default)]
pub(super) struct Results {
    pub(super) caught: usize,
    pub(super) unviable: usize,
    pub(super) timeout: usize,
    /// As cargo-mutants names them, with line and column.
    pub(super) missed: Vec<String>,
}

impl Results {
    /// `None` where fewer were tried than were made: it was ended half-way.
    pub(super) fn read(folder: &Path) -> io::Result<Option<Self>> {
        let text = |file: &str| fs::read_to_string(folder.join(file));
        let lines = |file: &str| Ok::<_, io::Error>(text(file)?.lines().count());
        let made: Vec<serde_json::Value> = serde_json::from_str(&text("mutants.json")?)?;
        let results = Self {
            caught: lines("caught.txt")?,
            unviable: lines("unviable.txt")?,
            timeout: lines("timeout.txt")?,
            missed: text("missed.txt")?.lines().map(String::from).collect(),
        };
        Ok((results.tried() == made.len()).then_some(results))
    }

    fn tried(&self) -> usize {
        self.caught + self.unviable + self.timeout + self.missed.len()
    }

    pub(super) fn add(&mut self, more: Self) {
        self.caught += more.caught;
        self.unviable += more.unviable;
        self.timeout += more.timeout;
        self.missed.extend(more.missed);
    }
}
