//! Orders in the PostgreSQL database that holds their keys.

use seiriken::store::StoreError;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{Book, OrderJson, Page};

/// Orders in a table of the database. (Ids go to and from it as text: sqlx's own support for UUIDs
/// brings its SQLite, which cannot be linked beside the one of the SQLite store.)
#[derive(Debug, Clone)]
pub(in crate::orders) struct PostgresBook {
    pool: PgPool,
}

/// Two processes that start at once would both find that there is no table yet: the lock lets one of
/// them make it.
const TABLE: &str = "
    BEGIN;
    SELECT pg_advisory_xact_lock(hashtext('seiriken orders'));
    CREATE TABLE IF NOT EXISTS orders (
        number   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        order_id uuid NOT NULL UNIQUE,
        content  text NOT NULL
    );
    COMMIT";

impl PostgresBook {
    pub(in crate::orders) async fn open(pool: PgPool) -> Result<Self, StoreError> {
        sqlx::raw_sql(TABLE).execute(&pool).await.map_err(failed)?;
        Ok(Self { pool })
    }

    /// Writes an order, in the transaction that also records its answer.
    pub(in crate::orders) async fn insert(
        transaction: &mut PgConnection,
        id: Uuid,
        order: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT INTO orders (order_id, content) VALUES ($1::uuid, $2)")
            .bind(id.to_string())
            .bind(order)
            .execute(transaction)
            .await
            .map(drop)
    }

    async fn number_of(&self, id: Uuid) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar("SELECT number FROM orders WHERE order_id = $1::uuid")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
    }

    /// The newest orders below a number, one more than are wanted: it tells whether older ones follow.
    async fn below(
        &self,
        number: i64,
        limit: usize,
    ) -> Result<Vec<(Uuid, OrderJson)>, sqlx::Error> {
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let rows: Vec<(String, OrderJson)> = sqlx::query_as(
            "SELECT order_id::text, content FROM orders
              WHERE number < $1 ORDER BY number DESC LIMIT $2",
        )
        .bind(number)
        .bind(one_more)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.into_iter().filter_map(|(id, order)| Some((id.parse().ok()?, order))).collect())
    }
}

impl Book for PostgresBook {
    async fn page(&self, limit: usize, after: Option<Uuid>) -> Result<Option<Page>, StoreError> {
        let number = match after {
            None => i64::MAX,
            Some(id) => match self.number_of(id).await.map_err(failed)? {
                Some(number) => number,
                None => return Ok(None),
            },
        };
        let total: i64 = sqlx::query_scalar("SELECT count(*) FROM orders")
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        let mut orders = self.below(number, limit).await.map_err(failed)?;
        let more = orders.len() > limit;
        orders.truncate(limit);
        Ok(Some(Page { orders, total: u64::try_from(total).unwrap_or_default(), more }))
    }

    async fn order(&self, id: Uuid) -> Result<Option<OrderJson>, StoreError> {
        sqlx::query_scalar("SELECT content FROM orders WHERE order_id = $1::uuid")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)
    }
}

fn failed(error: sqlx::Error) -> StoreError {
    StoreError::NotApplied { store: "PostgreSQL", source: error.into() }
}
