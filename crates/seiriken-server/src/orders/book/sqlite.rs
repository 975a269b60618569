//! Orders in the SQLite file that holds their keys.

use seiriken::store::StoreError;
use seiriken::store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};
use seiriken::store::sqlite::{SqliteStore, SqliteTx};
use uuid::Uuid;

use super::{Book, OrderJson, Page};

/// Orders in the SQLite file that holds their keys.
#[derive(Debug, Clone)]
pub(in crate::orders) struct SqliteBook {
    store: SqliteStore,
}

/// Rows are appended, and ids grow with time (UUIDv7), so their index is appended to as well.
/// Orders are never deleted: the last number is how many there are.
const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS orders (
        number   INTEGER PRIMARY KEY,
        order_id BLOB NOT NULL UNIQUE,
        content  TEXT NOT NULL
    ) STRICT";

impl SqliteBook {
    pub(in crate::orders) async fn open(store: SqliteStore) -> Result<Self, StoreError> {
        let made = store.write(|tx| tx.execute_batch(TABLE)).await?;
        made.map_err(failed)?;
        Ok(Self { store })
    }

    /// Writes an order, in the transaction that also records its answer.
    pub(in crate::orders) fn insert(
        tx: &SqliteTx<'_>,
        id: Uuid,
        order: &str,
    ) -> Result<(), rusqlite::Error> {
        tx.prepare_cached("INSERT INTO orders (order_id, content) VALUES (?1, ?2)")?
            .execute(params![id.as_bytes().as_slice(), order])
            .map(drop)
    }
}

impl Book for SqliteBook {
    async fn page(&self, limit: usize, after: Option<Uuid>) -> Result<Option<Page>, StoreError> {
        self.store.read(move |db| page(db, limit, after)).await?.map_err(failed)
    }

    async fn order(&self, id: Uuid) -> Result<Option<OrderJson>, StoreError> {
        let get = move |db: &Connection| {
            db.prepare_cached("SELECT content FROM orders WHERE order_id = ?1")?
                .query_row([id.as_bytes().as_slice()], |row| row.get(0))
                .optional()
        };
        self.store.read(get).await?.map_err(failed)
    }
}

fn page(
    db: &Connection,
    limit: usize,
    after: Option<Uuid>,
) -> Result<Option<Page>, rusqlite::Error> {
    let total: i64 = db
        .prepare_cached("SELECT coalesce(max(number), 0) FROM orders")?
        .query_row([], |row| row.get(0))?;
    let before: i64 = match after {
        None => total + 1,
        Some(id) => {
            let number = db
                .prepare_cached("SELECT number FROM orders WHERE order_id = ?1")?
                .query_row([id.as_bytes().as_slice()], |row| row.get(0))
                .optional()?;
            let Some(number) = number else { return Ok(None) };
            number
        }
    };
    let sql = "SELECT order_id, content, number FROM orders
                WHERE number < ?1 ORDER BY number DESC LIMIT ?2";
    let mut orders = Vec::new();
    let mut oldest = 1;
    let mut rows = db.prepare_cached(sql)?;
    let mut rows = rows.query(params![before, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    while let Some(row) = rows.next()? {
        orders.push((Uuid::from_bytes(row.get(0)?), row.get(1)?));
        oldest = row.get(2)?;
    }
    let more = !orders.is_empty() && oldest > 1;
    Ok(Some(Page { orders, total: u64::try_from(total).unwrap_or_default(), more }))
}

fn failed(error: rusqlite::Error) -> StoreError {
    StoreError::NotApplied { store: "SQLite", source: error.into() }
}
