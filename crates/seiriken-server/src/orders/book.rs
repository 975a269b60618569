//! Where orders are kept: beside their keys, in the same place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use seiriken::store::StoreError;
use seiriken::store::sqlite::rusqlite::{self, Connection, OptionalExtension, params};
use seiriken::store::sqlite::{SqliteStore, SqliteTx};
use uuid::Uuid;

/// An order as it is kept: its JSON, as it was answered.
pub(super) type OrderJson = String;

/// A part of the list, newest first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) orders: Vec<(Uuid, OrderJson)>,
    pub(super) total: u64,
    /// Whether older ones follow.
    pub(super) more: bool,
}

/// Reading orders.
pub(super) trait Book: Clone + Send + Sync + 'static {
    /// The newest orders before `after`. `None` when there is no such order to start from.
    fn page(
        &self,
        limit: usize,
        after: Option<Uuid>,
    ) -> impl Future<Output = Result<Option<Page>, StoreError>> + Send;

    /// One order.
    fn order(&self, id: Uuid)
    -> impl Future<Output = Result<Option<OrderJson>, StoreError>> + Send;
}

/// Orders in the SQLite file that holds their keys.
#[derive(Debug, Clone)]
pub(super) struct SqliteBook {
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
    pub(super) async fn open(store: SqliteStore) -> Result<Self, StoreError> {
        let made = store.write(|tx| tx.execute_batch(TABLE)).await?;
        made.map_err(failed)?;
        Ok(Self { store })
    }

    /// Writes an order, in the transaction that also records its answer.
    pub(super) fn insert(tx: &SqliteTx<'_>, id: Uuid, order: &str) -> Result<(), rusqlite::Error> {
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

/// Orders in the memory of this process.
#[derive(Debug, Clone, Default)]
pub(super) struct MemoryBook {
    orders: Arc<Mutex<Orders>>,
}

#[derive(Debug, Default)]
struct Orders {
    /// Oldest first.
    all: Vec<(Uuid, OrderJson)>,
    places: HashMap<Uuid, usize>,
}

impl MemoryBook {
    pub(super) fn insert(&self, id: Uuid, order: OrderJson) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let place = orders.all.len();
        orders.places.insert(id, place);
        orders.all.push((id, order));
    }
}

impl Book for MemoryBook {
    async fn page(&self, limit: usize, after: Option<Uuid>) -> Result<Option<Page>, StoreError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let end = match after {
            None => orders.all.len(),
            Some(id) => match orders.places.get(&id) {
                Some(place) => *place,
                None => return Ok(None),
            },
        };
        let start = end.saturating_sub(limit);
        let page = orders.all[start..end].iter().rev().cloned().collect();
        Ok(Some(Page { orders: page, total: orders.all.len() as u64, more: start > 0 }))
    }

    async fn order(&self, id: Uuid) -> Result<Option<OrderJson>, StoreError> {
        let orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(orders.places.get(&id).map(|place| orders.all[*place].1.clone()))
    }
}
