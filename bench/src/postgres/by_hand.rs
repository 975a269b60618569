//! The statements of pgbench in a service: axum and sqlx, and what somebody would write there who takes
//! no library. A retry of it is told that the key is taken, and gets no answer again.
//!
//! It is no floor: the driver's own round trips around a transaction and after each statement are in it, and
//! whoever goes to the trouble saves some of them, as ours does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use seiriken::store::postgres::sqlx::postgres::PgPoolOptions;
use seiriken::store::postgres::sqlx::{self, PgPool};
use seiriken_bench_baseline::order::{NewOrder, Placed};

use super::TABLES;
use crate::failure::{Failure, While};

/// What it does with a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Effect {
    /// Key and order, two inserts in one transaction.
    InOneTransaction,
    /// The key as pending, committed; then its answer, committed.
    Elsewhere,
}

/// A connection for each of those that the load has unless it is told otherwise.
const CONNECTIONS_MAX: u32 = 32;

const FINGERPRINT: &[u8] = &[0x11; 16];

#[derive(Clone)]
struct Service {
    pool: PgPool,
    effect: Effect,
    made: Arc<AtomicU64>,
}

/// The calls of the baseline, on this database.
pub async fn app(effect: Effect, url: &str) -> Result<Router, Failure> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).test_before_acquire(false);
    let pool = pool.connect(url).await.while_doing("connecting to PostgreSQL")?;
    for table in TABLES {
        sqlx::raw_sql(table).execute(&pool).await.while_doing("making a table")?;
    }
    let service = Service { pool, effect, made: Arc::default() };
    Ok(Router::new().route("/orders", post(create).get(count)).with_state(service))
}

async fn create(State(service): State<Service>, headers: HeaderMap, body: Bytes) -> Response {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    let Some(key) = key.map(|key| key.trim_matches('"')) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let Some(Ok(placed)) = NewOrder::read(&body).map(NewOrder::place) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let done = match service.effect {
        Effect::InOneTransaction => in_one_transaction(&service.pool, key, &placed).await,
        Effect::Elsewhere => pending_and_answer(&service.pool, key, &placed).await,
    };
    match done {
        Ok(()) => {
            service.made.fetch_add(1, Ordering::Relaxed);
            placed.created()
        }
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
            StatusCode::CONFLICT.into_response()
        }
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn in_one_transaction(pool: &PgPool, key: &str, placed: &Placed) -> Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query(
        "INSERT INTO idempotency_keys (key, state, fingerprint, status, answer) \
         VALUES ($1::text::uuid, 2, $2, 201, $3)",
    )
    .bind(key)
    .bind(FINGERPRINT)
    .bind(&placed.json)
    .execute(&mut *transaction)
    .await?;
    sqlx::query("INSERT INTO orders (order_id, content) VALUES ($1::text::uuid, $2)")
        .bind(placed.id.to_string())
        .bind(&placed.json)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

async fn pending_and_answer(pool: &PgPool, key: &str, placed: &Placed) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO idempotency_keys (key, state, fingerprint) VALUES ($1::text::uuid, 1, $2)",
    )
    .bind(key)
    .bind(FINGERPRINT)
    .execute(pool)
    .await?;
    sqlx::query(
        "UPDATE idempotency_keys SET state = 2, status = 201, answer = $2 \
         WHERE key = $1::text::uuid",
    )
    .bind(key)
    .bind(&placed.json)
    .execute(pool)
    .await
    .map(drop)
}

async fn count(State(service): State<Service>) -> Json<serde_json::Value> {
    Json(serde_json::json!({ "total": service.made.load(Ordering::Relaxed) }))
}
