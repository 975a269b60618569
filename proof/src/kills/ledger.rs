//! The ledger of effects, outside of the system: a file that lines are appended to, one per
//! effect. A line is written by one call, so it is there in whole or not at all, and it outlives
//! the process that wrote it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

/// The file.
#[derive(Debug, Clone)]
pub struct Ledger {
    path: PathBuf,
}

/// One line: which operation it belongs to, and its own number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The operation, as its request names it.
    pub operation: String,
    /// No two lines have the same.
    pub effect: String,
}

impl Ledger {
    /// In this file, which need not exist.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Has an effect: appends a line.
    pub fn append(&self, line: &Line) -> io::Result<()> {
        let text = format!("{} {}\n", line.operation, line.effect);
        let mut file = File::options().append(true).create(true).open(&self.path)?;
        let written = file.write(text.as_bytes())?;
        if written == text.len() { Ok(()) } else { Err(io::Error::other("half a line")) }
    }

    /// All lines, in the order in which they were appended.
    pub fn lines(&self) -> io::Result<Vec<Line>> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let line = |line: &str| {
            let (operation, effect) = line.split_once(' ')?;
            Some(Line { operation: operation.to_owned(), effect: effect.to_owned() })
        };
        let lines: Option<Vec<Line>> = text.lines().map(line).collect();
        lines.ok_or_else(|| io::Error::other("a line that nobody has written"))
    }

    /// The line that counts to those who take the first of each operation.
    pub fn first_of(&self, operation: &str) -> io::Result<Option<Line>> {
        Ok(self.lines()?.into_iter().find(|line| line.operation == operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_read_in_order_and_the_first_counts() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::at(folder.path().join("ledger"));
        assert_eq!(ledger.lines().unwrap(), []);
        let line = |operation: &str, effect: &str| Line {
            operation: operation.to_owned(),
            effect: effect.to_owned(),
        };
        let lines = [line("op-1", "a"), line("op-2", "b"), line("op-1", "c")];
        for line in &lines {
            ledger.append(line).unwrap();
        }
        assert_eq!(ledger.lines().unwrap(), lines);
        assert_eq!(ledger.first_of("op-1").unwrap(), Some(line("op-1", "a")));
        assert_eq!(ledger.first_of("op-3").unwrap(), None);
    }
}
