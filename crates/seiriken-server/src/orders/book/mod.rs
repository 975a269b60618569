//! Where orders are kept: beside their keys, in the same place.

mod memory;
mod postgres;
mod redis;
mod sqlite;

use seiriken::store::StoreError;
use uuid::Uuid;

pub(super) use self::memory::MemoryBook;
pub(super) use self::postgres::PostgresBook;
pub(super) use self::redis::RedisBook;
pub(super) use self::sqlite::SqliteBook;

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
