//! The index as it is kept at a clean stop, so that the next start need not read every row.
//!
//! It lies in the same file (`seiriken_index`) and is believed only where the row `index` of
//! `seiriken_meta` vouches for it. That row is written in one transaction with it, and removed in
//! the one in which a start sets its tokens aside, before anything else is written. Whoever changes
//! the rows of keys in between, by hand or with a version that knows nothing of this, removes it
//! through triggers that are there for just as long. So a snapshot is of the rows as they are, or
//! there is none, and the rows are read.

mod parts;
mod voucher;

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use self::parts::{Parts, fixed, number};
pub(super) use self::voucher::Voucher;
use super::compact::Entry;
use super::expiries::Block;
use super::index::Index;
use super::schema::meta;
use super::{rows, scan};
use crate::clock::Timestamp;
use crate::record::transition::Usage;
use crate::scope::{RecordId, ScopeDigest};

/// What a part holds. Every item of a kind has the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A stored key: its id and the number of its row.
    Key = 1,
    /// A scope: its digest, and the keys and bytes that are used.
    Scope = 2,
    /// The number of a row that is unsettled.
    Unsettled = 3,
    /// A block of rows, and when the first of them expires.
    Expiry = 4,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Key, Self::Scope, Self::Unsettled, Self::Expiry];

    const fn item_bytes(self) -> usize {
        match self {
            Self::Key | Self::Scope => 24,
            Self::Unsettled => 8,
            Self::Expiry => 16,
        }
    }
}

/// As long as these are there, who changes a row of a key withdraws the voucher.
const TRIGGERS: [(&str, &str); 3] = [
    ("seiriken_index_insert", "INSERT"),
    ("seiriken_index_update", "UPDATE"),
    ("seiriken_index_delete", "DELETE"),
];

/// Keeps the index in the file. Nobody writes any more.
pub(super) fn write(connection: &Connection, index: &Index) -> Result<(), rusqlite::Error> {
    let behavior = TransactionBehavior::Immediate;
    let transaction = Transaction::new_unchecked(connection, behavior)?;
    let mut parts = Parts::begin(connection)?;
    let kept = index.keep(|entries| {
        entries.iter().try_for_each(|entry| {
            parts.add(Kind::Key, &[entry.id.as_bytes(), &entry.token.to_le_bytes()])
        })
    })?;
    for (scope, used) in kept.used {
        let (keys, bytes) = (used.keys.to_le_bytes(), used.bytes.to_le_bytes());
        parts.add(Kind::Scope, &[scope.as_bytes(), &keys, &bytes])?;
    }
    for token in kept.unsettled {
        parts.add(Kind::Unsettled, &[&token.to_le_bytes()])?;
    }
    for (block, at) in kept.expiries {
        let at = at.as_millis().to_le_bytes();
        parts.add(Kind::Expiry, &[&block.number().to_le_bytes(), &at])?;
    }
    let (counts, checksum) = parts.end()?;
    let next_token = meta(connection, "next_token")?.unwrap_or_default();
    let voucher = Voucher { next_token, counts, checksum };
    connection.execute(
        "INSERT OR REPLACE INTO main.seiriken_meta (name, value) VALUES ('index', ?1)",
        params![voucher.encode()],
    )?;
    for (name, change) in TRIGGERS {
        connection.execute_batch(&format!(
            "CREATE TRIGGER IF NOT EXISTS main.{name} AFTER {change} ON idempotency_records
             BEGIN DELETE FROM seiriken_meta WHERE name = 'index'; END",
        ))?;
    }
    transaction.commit()
}

/// Takes the voucher out of the file, in the transaction in which a start sets its tokens aside and
/// before it does. From then on nobody believes the snapshot but who holds this.
pub(super) fn take(connection: &Connection) -> Result<Option<Voucher>, rusqlite::Error> {
    let vouching: Option<Value> = meta(connection, "index")?;
    connection.execute("DELETE FROM seiriken_meta WHERE name = 'index'", [])?;
    for (name, _) in TRIGGERS {
        connection.execute_batch(&format!("DROP TRIGGER IF EXISTS main.{name}"))?;
    }
    let Some(Value::Blob(bytes)) = vouching else { return Ok(None) };
    let next_token = meta(connection, "next_token")?;
    Ok(Voucher::decode(&bytes).filter(|voucher| Some(voucher.next_token) == next_token))
}

/// Fills the index with what was kept. `false` says that it is not what the voucher says: what has
/// been filled in by then is of no use.
pub(super) fn read(path: &Path, voucher: &Voucher, index: &Index) -> Result<bool, rusqlite::Error> {
    let connection = scan::reading(path)?;
    // As many as there are, and not as are said to be: a damaged number has no limit.
    let sum = "SELECT coalesce(sum(length(content)), 0) FROM seiriken_index WHERE kind = 1";
    let bytes = connection.query_row(sum, [], |row| row.get::<_, i64>(0))?;
    index.expect(usize::try_from(bytes).unwrap_or(0) / Kind::Key.item_bytes());
    let (mut whole, mut unsettled) = (true, Vec::new());
    let (counts, checksum) = parts::each(&connection, |kind, item| match kind {
        Kind::Key => {
            let (id, token) = (RecordId::from_bytes(fixed(item, 0)), number(item, 16));
            whole &= index.load_stored(&[Entry { id, token }]).is_empty();
        }
        Kind::Scope => {
            let [keys, bytes] = [8, 16].map(|at| u64::from_le_bytes(fixed(item, at)));
            index.usage.add(ScopeDigest::from_bytes(fixed(item, 0)), Usage { keys, bytes });
        }
        Kind::Unsettled => unsettled.push(number(item, 0)),
        Kind::Expiry => {
            let at = Timestamp::from_millis(u64::from_le_bytes(fixed(item, 8)));
            index.expiries().lower(Block::from_number(number(item, 0)), at);
        }
    })?;
    whole &= (counts, checksum) == (voucher.counts, voucher.checksum);
    for token in unsettled {
        whole = whole && read_unsettled(&connection, index, token)?;
    }
    index.fit();
    Ok(whole)
}

/// Reads a row that was unsettled. `false` where there is none that says so.
fn read_unsettled(
    connection: &Connection,
    index: &Index,
    token: i64,
) -> Result<bool, rusqlite::Error> {
    let mut get = connection.prepare_cached(
        "SELECT record_id, id_check, record FROM idempotency_records WHERE token = ?1",
    )?;
    let row = get.query_row([token], |row| {
        Ok((row.get(0).map(RecordId::from_bytes)?, row.get::<_, u32>(1)?, row.get(2)?))
    });
    let Some((id, check, record)) = row.optional()? else { return Ok(false) };
    let record = rows::decode(&id, record).ok().filter(|_| check == rows::id_check(&id, token));
    Ok(record.is_some_and(|record| index.load_unsettled(id, record).is_none()))
}
