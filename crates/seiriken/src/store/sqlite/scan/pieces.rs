//! How the rows are shared out among those who read them.

use std::ops::RangeInclusive;

use rusqlite::Connection;

use super::super::tokens::last_of_its_start;

/// A piece has room for at least so many rows.
const PIECE_MIN: u64 = 1 << 14;

/// Of the tokens of each start that has rows, the first and the last.
pub(super) fn extents(
    connection: &Connection,
) -> Result<Vec<RangeInclusive<i64>>, rusqlite::Error> {
    let mut first =
        connection.prepare("SELECT min(token) FROM idempotency_records WHERE token >= ?1")?;
    let mut last =
        connection.prepare("SELECT max(token) FROM idempotency_records WHERE token <= ?1")?;
    let (mut extents, mut from) = (Vec::new(), Some(i64::MIN));
    while let Some(after) = from {
        let Some(begin) = first.query_row([after], |row| row.get(0))? else { break };
        let end: i64 = last.query_row([last_of_its_start(begin)], |row| row.get(0))?;
        extents.push(begin..=end);
        from = end.checked_add(1);
    }
    Ok(extents)
}

/// At most so many rows are in them.
pub(super) fn room_of_all(extents: &[RangeInclusive<i64>]) -> u64 {
    extents.iter().map(room).fold(0, u64::saturating_add)
}

fn room(extent: &RangeInclusive<i64>) -> u64 {
    extent.end().abs_diff(*extent.start()).saturating_add(1)
}

/// Cuts the extents into about so many pieces, with room for as many rows each. A piece ends where
/// its extent ends.
pub(super) fn cut(extents: &[RangeInclusive<i64>], number: usize) -> Vec<RangeInclusive<i64>> {
    let size = (room_of_all(extents) / (number as u64).max(1)).max(PIECE_MIN);
    let mut pieces = Vec::new();
    for extent in extents {
        let mut begin = *extent.start();
        while room(&(begin..=*extent.end())) > size {
            let next = begin.saturating_add_unsigned(size);
            pieces.push(begin..=next - 1);
            begin = next;
        }
        pieces.push(begin..=*extent.end());
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hold_every_token_once_and_are_about_as_many_as_asked_for() {
        let start = 1 << 40;
        let extents = [1..=1, 5..=9_000, start..=start + 999_999, i64::MAX - 70_000..=i64::MAX];
        let pieces = cut(&extents, 16);
        let joined = pieces.iter().fold(Vec::<RangeInclusive<i64>>::new(), |mut joined, piece| {
            match joined.last_mut() {
                Some(last) if last.end().checked_add(1) == Some(*piece.start()) => {
                    *last = *last.start()..=*piece.end();
                }
                _ => joined.push(piece.clone()),
            }
            joined
        });
        assert_eq!(joined, extents);
        assert!((16..=24).contains(&pieces.len()), "{pieces:?}");
        assert_eq!(cut(&[i64::MIN..=i64::MAX], 4).len(), 5);
        assert_eq!(cut(&[], 4), []);
        assert_eq!(
            cut(&[1..=2 << 14], 2),
            [1..=1 << 14, (1 << 14) + 1..=2 << 14],
            "no piece is empty"
        );
    }
}
