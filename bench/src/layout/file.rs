//! A file in one of the two layouts, and commits of orders into it.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use seiriken::clock::{Clock, SystemClock};
use seiriken::store::sqlite::rusqlite::{self, Connection, params};
use uuid::Uuid;

use crate::failure::{Failure, While};
use crate::random::Random;
use seiriken_bench_baseline::order::{NewOrder, REQUEST};

/// Where a key's row goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// The key's hash is the primary key; order ids are random (`UUIDv4`).
    ByHash,
    /// Rows are appended, the hashes are in memory; order ids grow with time (UUIDv7).
    Appended,
}

/// An order with its key, not written yet.
#[derive(Debug)]
pub(super) struct Order {
    key_hash: [u8; 16],
    id: Uuid,
}

/// An open file in one of the layouts.
#[derive(Debug)]
pub(super) struct OrdersFile {
    layout: Layout,
    connection: Connection,
    /// Where each key's row is, where the file does not say it.
    index: HashMap<[u8; 16], i64>,
    random: Random,
    content: String,
}

/// So many bytes the order service stores for an order of this kind.
const RECORD: [u8; 285] = [7; 285];

/// Orders of one commit while a file is filled.
const FILLED_AT_ONCE: u32 = 10_000;

/// As the store has them (`store/sqlite/schema.rs`).
const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;";

/// Filling is not measured, so it need not survive a crash either.
const PRAGMAS_OF_FILLING: &str = "PRAGMA synchronous = OFF; PRAGMA cache_size = -1048576;";

const ORDERS: &str = "CREATE TABLE orders (
        number INTEGER PRIMARY KEY, order_id BLOB NOT NULL UNIQUE, content TEXT NOT NULL
    ) STRICT;";

const KEYS_BY_HASH: &str = "CREATE TABLE keys (
        record_id BLOB PRIMARY KEY, state INTEGER NOT NULL, expires_ms INTEGER NOT NULL,
        record BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;";

const KEYS_APPENDED: &str = "CREATE TABLE keys (
        token INTEGER PRIMARY KEY, record_id BLOB NOT NULL, state INTEGER NOT NULL,
        expires_ms INTEGER NOT NULL, record BLOB NOT NULL
    ) STRICT;";

const INSERT_KEY: &str =
    "INSERT INTO keys (record_id, state, expires_ms, record) VALUES (?1, 3, ?2, ?3)";

const INSERT_ORDER: &str = "INSERT INTO orders (order_id, content) VALUES (?1, ?2)";

impl Layout {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ByHash => "hash as primary key, UUIDv4",
            Self::Appended => "rows appended, UUIDv7",
        }
    }

    pub(super) fn file(self) -> &'static str {
        match self {
            Self::ByHash => "by-hash.db",
            Self::Appended => "appended.db",
        }
    }

    fn keys_table(self) -> &'static str {
        match self {
            Self::ByHash => KEYS_BY_HASH,
            Self::Appended => KEYS_APPENDED,
        }
    }
}

impl OrdersFile {
    /// Makes a file with so many keys and orders, all of it on the disk.
    pub(super) fn filled(path: &Path, layout: Layout, keys: u64) -> Result<Self, Failure> {
        let order = NewOrder::read(REQUEST.as_bytes()).ok_or_else(|| Failure::new("no order"))?;
        let content = order.place().while_doing("placing an order")?.json;
        let connection = Connection::open(path).while_doing("opening a file")?;
        let tables = [PRAGMAS, PRAGMAS_OF_FILLING, ORDERS, layout.keys_table()].join("\n");
        connection.execute_batch(&tables).while_doing("making tables")?;
        let index = HashMap::new();
        let mut file = Self { layout, connection, index, random: Random::new(), content };
        let mut left = keys;
        while left > 0 {
            let orders = file.draw(u32::try_from(left).unwrap_or(u32::MAX).min(FILLED_AT_ONCE));
            file.commit(&orders).while_doing("filling a file")?;
            left -= orders.len() as u64;
        }
        file.settled(path)
    }

    /// Opens it anew as the store does: what lies in caches of filling is not there to help.
    fn settled(mut self, path: &Path) -> Result<Self, Failure> {
        let connection = Connection::open(path).while_doing("opening a file")?;
        std::mem::replace(&mut self.connection, connection)
            .close()
            .map_err(|(_, error)| error)
            .while_doing("closing a file")?;
        File::open(path).and_then(|file| file.sync_all()).while_doing("syncing a file")?;
        self.connection.execute_batch(PRAGMAS).while_doing("setting up a file")?;
        Ok(self)
    }

    /// Orders to commit next.
    pub(super) fn draw(&mut self, count: u32) -> Vec<Order> {
        let draw = |_| Order { key_hash: self.random.bytes(), id: self.order_id() };
        (0..count).map(draw).collect()
    }

    fn order_id(&mut self) -> Uuid {
        match self.layout {
            Layout::ByHash => self.random.uuid_v4(),
            Layout::Appended => {
                let mut random = [0; 10];
                random.copy_from_slice(&self.random.bytes()[..10]);
                let millis = SystemClock.now().as_millis();
                uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
            }
        }
    }

    /// Writes orders with their keys in one commit.
    pub(super) fn commit(&mut self, orders: &[Order]) -> Result<(), rusqlite::Error> {
        let expires_ms = i64::try_from(SystemClock.now().as_millis()).unwrap_or(i64::MAX);
        let transaction = self.connection.unchecked_transaction()?;
        for order in orders {
            // Each layout finds out in its own way that the key is not in use.
            if self.layout == Layout::Appended && self.index.contains_key(&order.key_hash) {
                return Err(rusqlite::Error::QueryReturnedMoreThanOneRow);
            }
            transaction.prepare_cached(INSERT_KEY)?.execute(params![
                order.key_hash,
                expires_ms,
                RECORD
            ])?;
            if self.layout == Layout::Appended {
                self.index.insert(order.key_hash, transaction.last_insert_rowid());
            }
            let id = order.id.as_bytes().as_slice();
            transaction.prepare_cached(INSERT_ORDER)?.execute(params![id, self.content])?;
        }
        transaction.commit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_what_was_filled_and_committed() {
        for layout in [Layout::ByHash, Layout::Appended] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(layout.file());
            let mut file = OrdersFile::filled(&path, layout, 5).unwrap();
            let orders = file.draw(3);
            file.commit(&orders).unwrap();
            for table in ["keys", "orders"] {
                let count = format!("SELECT count(*) FROM {table}");
                let count: i64 = file.connection.query_row(&count, [], |row| row.get(0)).unwrap();
                assert_eq!(count, 8, "{table} of {layout:?}");
            }
            let synchronous = file.connection.query_row("PRAGMA synchronous", [], |row| row.get(0));
            assert_eq!(synchronous, Ok(2), "FULL");
            assert!(file.commit(&orders).is_err(), "a key is in use once");
        }
    }
}
