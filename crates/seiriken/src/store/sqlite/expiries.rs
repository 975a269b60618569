//! When to look at which rows for answers whose time is up.
//!
//! Rows are appended, and what is stored together mostly expires together. So a time is kept not
//! for each key but for each block of rows: the earliest at which one of them expires.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::clock::Timestamp;

/// The rows of these tokens: one step of the sweeper looks at all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block(i64);

/// So many tokens share a block.
const BLOCK_BITS: u32 = 8;

/// The earliest expiry of each block that has something stored in it.
#[derive(Debug, Default)]
pub(super) struct Expiries {
    least: BTreeMap<Block, Timestamp>,
    queue: BTreeSet<(Timestamp, Block)>,
}

impl Block {
    pub(super) const ROWS: usize = 1 << BLOCK_BITS;

    pub(super) fn of(token: i64) -> Self {
        Self(token >> BLOCK_BITS)
    }

    pub(super) fn tokens(self) -> RangeInclusive<i64> {
        let first = self.0 << BLOCK_BITS;
        first..=first | ((1 << BLOCK_BITS) - 1)
    }

    pub(super) fn number(self) -> i64 {
        self.0
    }

    pub(super) fn from_number(number: i64) -> Self {
        Self(number)
    }
}

impl Expiries {
    /// Something in this block expires then. The end of time never comes.
    pub(super) fn lower(&mut self, block: Block, at: Timestamp) {
        let before = self.least.get(&block).copied();
        if at < before.unwrap_or(Timestamp::MAX) {
            before.map(|before| self.queue.remove(&(before, block)));
            self.least.insert(block, at);
            self.queue.insert((at, block));
        }
    }

    /// Whether there is a block to look at.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.queue.first().is_some_and(|(at, _)| *at <= now)
    }

    /// Takes the block that has been due for longest. Who takes it looks at all of its rows and
    /// says when the next of them expires, or gives back the time that it had.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Block, Timestamp)> {
        if !self.is_due(now) {
            return None;
        }
        let (at, block) = self.queue.pop_first()?;
        self.least.remove(&block);
        Some((block, at))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Block, Timestamp)> {
        self.least.iter().map(|(block, at)| (*block, *at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn the_earliest_of_a_block_counts_and_the_longest_due_block_comes_first() {
        let mut expiries = Expiries::default();
        let (first, second) = (Block::of(255), Block::of(256));
        for (block, millis) in [(first, 30), (first, 20), (first, 25), (second, 10)] {
            expiries.lower(block, at(millis));
        }
        assert!(!expiries.is_due(at(9)));
        assert_eq!(expiries.take_due(at(9)), None);
        assert_eq!(expiries.take_due(at(20)), Some((second, at(10))));
        assert_eq!(expiries.take_due(at(20)), Some((first, at(20))));
        assert_eq!(expiries.take_due(Timestamp::MAX), None, "taken is taken");
        expiries.lower(first, at(40));
        assert_eq!(expiries.all().collect::<Vec<_>>(), [(first, at(40))]);
    }

    #[test]
    fn what_never_expires_is_never_looked_at() {
        let mut expiries = Expiries::default();
        expiries.lower(Block::of(1), Timestamp::MAX);
        assert!(!expiries.is_due(Timestamp::MAX));
    }

    #[test]
    fn blocks_meet_and_do_not_overlap() {
        for token in [1, 255, 256, 1 << 40, i64::MAX, -1, i64::MIN] {
            let tokens = Block::of(token).tokens();
            assert!(tokens.contains(&token), "{token}");
            assert_eq!(Block::of(*tokens.start()), Block::of(*tokens.end()));
            let after = tokens.end().checked_add(1);
            assert_ne!(after.map(Block::of), Some(Block::of(token)));
        }
    }
}
