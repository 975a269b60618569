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
