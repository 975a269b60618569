//! Tokens: a sequence over the whole store, set aside in the file before it is used.

use rusqlite::Connection;

use super::error::OpenError;
use super::schema::meta;
use crate::record::Token;
use crate::sync::atomic::{AtomicI64, Ordering};

/// Gives out each number once, over all starts, also when rows are deleted and the process dies.
#[derive(Debug)]
pub(super) struct Tokens {
    next: AtomicI64,
    /// Where the next start begins.
    end: i64,
}

/// How many numbers one start sets aside: a million starts, a trillion operations each.
const RESERVED: i64 = 1 << 40;

impl Tokens {
    /// Sets the numbers of this start aside, durably, before the first is given out.
    pub(super) fn reserve(connection: &Connection) -> Result<Self, OpenError> {
        let start: i64 = meta(connection, "next_token")?.unwrap_or(1);
        let end = start
            .checked_add(RESERVED)
            .filter(|_| start > 0)
            .ok_or(OpenError::NotAStore { what: "the next token is out of range" })?;
        connection.execute(
            "INSERT INTO seiriken_meta (name, value) VALUES ('next_token', ?1)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            [end],
        )?;
        Ok(Self { next: AtomicI64::new(start), end })
    }

    /// A number that was never given out before.
    pub(super) fn fresh(&self) -> Token {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        assert!(number < self.end, "a start gives out the numbers that it set aside, and no more");
        Token::from_u128(u128::try_from(number).expect("tokens begin at 1 and only grow"))
    }
}

/// The last number of the start that this one belongs to.
pub(super) fn last_of_its_start(token: i64) -> i64 {
    (token.saturating_sub(1) | (RESERVED - 1)).saturating_add(1)
}

/// The row that belongs to a token: its number is the token's.
pub(super) fn row_of(token: Token) -> i64 {
    i64::try_from(token.as_u128()).expect("this store gives out 63-bit tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_ends_where_the_next_one_begins() {
        for (token, last) in
            [(1, RESERVED), (2, RESERVED), (RESERVED, RESERVED), (RESERVED + 1, 2 * RESERVED)]
        {
            assert_eq!(last_of_its_start(token), last, "{token}");
        }
    }
}
