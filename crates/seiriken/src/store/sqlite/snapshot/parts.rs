//! A snapshot in rows of about a mebibyte: more would have to be in memory at once.

use rusqlite::{Connection, Statement, params};

use super::Kind;

/// A multiple of the length of every item.
const PART_BYTES: usize = 48 * 21_845;

/// How many items there are of each kind, and the checksum of all parts.
type Sum = ([u64; Kind::ALL.len()], u32);

/// The parts as they are written, in place of those of the last time.
pub(super) struct Parts<'c> {
    connection: &'c Connection,
    put: Statement<'c>,
    /// The part that is being filled: its number, its kind, its content.
    part: i64,
    kind: Kind,
    content: Vec<u8>,
    counts: [u64; Kind::ALL.len()],
    hasher: crc32fast::Hasher,
}

impl<'c> Parts<'c> {
    pub(super) fn begin(connection: &'c Connection) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            connection,
            put: connection.prepare(
                "INSERT OR REPLACE INTO main.seiriken_index (part, kind, content)
                 VALUES (?1, ?2, ?3)",
            )?,
            part: 0,
            kind: Kind::Key,
            content: Vec::with_capacity(PART_BYTES),
            counts: [0; Kind::ALL.len()],
            hasher: crc32fast::Hasher::new(),
        })
    }

    /// Adds an item, given in pieces.
    pub(super) fn add(&mut self, kind: Kind, item: &[&[u8]]) -> Result<(), rusqlite::Error> {
        if kind != self.kind || self.content.len() + kind.item_bytes() > PART_BYTES {
            self.flush()?;
            self.kind = kind;
        }
        for piece in item {
            self.content.extend_from_slice(piece);
        }
        self.counts[kind as usize - 1] += 1;
        Ok(())
    }

    pub(super) fn end(mut self) -> Result<Sum, rusqlite::Error> {
        self.flush()?;
        let rest = "DELETE FROM main.seiriken_index WHERE part > ?1";
        self.connection.execute(rest, [self.part])?;
        Ok((self.counts, self.hasher.finalize()))
    }

    fn flush(&mut self) -> Result<(), rusqlite::Error> {
        if self.content.is_empty() {
            return Ok(());
        }
        self.part += 1;
        self.put.execute(params![self.part, self.kind as i64, self.content])?;
        add_to(&mut self.hasher, self.kind, &self.content);
        self.content.clear();
        Ok(())
    }
}

/// Goes through all items that are there, and says what they come to.
pub(super) fn each(
    connection: &Connection,
    mut item: impl FnMut(Kind, &[u8]),
) -> Result<Sum, rusqlite::Error> {
    let mut select =
        connection.prepare("SELECT kind, content FROM seiriken_index ORDER BY part")?;
    let mut rows = select.query([])?;
    let (mut counts, mut hasher) = ([0; Kind::ALL.len()], crc32fast::Hasher::new());
    while let Some(row) = rows.next()? {
        let number: i64 = row.get(0)?;
        let Some(kind) = Kind::ALL.into_iter().find(|kind| *kind as i64 == number) else {
            // Nothing vouches for such a part: the sum is another one.
            counts[0] = u64::MAX;
            break;
        };
        let content = row.get_ref(1)?.as_blob()?;
        add_to(&mut hasher, kind, content);
        let items = content.chunks_exact(kind.item_bytes());
        counts[kind as usize - 1] += items.len() as u64;
        items.for_each(|bytes| item(kind, bytes));
    }
    Ok((counts, hasher.finalize()))
}

fn add_to(hasher: &mut crc32fast::Hasher, kind: Kind, content: &[u8]) {
    hasher.update(&[kind as u8]);
    hasher.update(content);
}

/// So many bytes of an item, from there on.
pub(super) fn fixed<const N: usize>(item: &[u8], at: usize) -> [u8; N] {
    item[at..].first_chunk().copied().expect("an item has the length of its kind")
}

pub(super) fn number(item: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(fixed(item, at))
}

#[cfg(all(test, not(seiriken_shuttle)))]
mod tests {
    use super::super::super::schema;
    use super::*;

    #[test]
    fn a_part_is_as_full_as_it_can_be_and_holds_one_kind() {
        let connection = Connection::open_in_memory().expect("a database");
        connection.execute_batch(schema::TABLES).expect("the tables are made");
        let mut parts = Parts::begin(&connection).expect("begun");
        for key in 0..100_000_u128 {
            parts.add(Kind::Key, &[&key.to_le_bytes(), &[0; 8]]).expect("added");
        }
        for token in 0..3_i64 {
            parts.add(Kind::Unsettled, &[&token.to_le_bytes()]).expect("added");
        }
        let written = parts.end().expect("ended");
        assert_eq!(written.0, [100_000, 0, 3, 0]);
        let read = || each(&connection, |_, _| {}).expect("read");
        assert_eq!(read(), written);
        let lengths = "SELECT kind, length(content) FROM seiriken_index ORDER BY part";
        let mut lengths = connection.prepare(lengths).expect("it is SQL");
        let lengths = lengths.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let lengths: Result<Vec<(u8, u32)>, _> = lengths.expect("asked").collect();
        let full = 1_048_560;
        let rest = 100_000 * 24 - 2 * full;
        assert_eq!(lengths.expect("read"), [(1, full), (1, full), (1, rest), (3, 24)]);
        let damage = "UPDATE seiriken_index SET content = zeroblob(length(content)) WHERE part = 2";
        assert_eq!(connection.execute(damage, []), Ok(1));
        assert_ne!(read(), written, "as many of them, and not the same");
    }
}
