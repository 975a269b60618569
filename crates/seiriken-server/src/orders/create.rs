//! `POST /orders`, on each store.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use seiriken::RecordId;
use seiriken::clock::{Clock, SystemClock, Timestamp};
#[cfg(seiriken_proof)]
use seiriken::failpoint::{Point, reached};
use seiriken::http::{IdempotencyLayer, Once};
use seiriken::store::MemoryStore;
use seiriken::store::postgres::PostgresStore;
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use uuid::Uuid;

use super::book::{MemoryBook, PostgresBook, RedisBook, SqliteBook};
use super::order::NewOrder;
use super::refusal::Refusal;
use super::routes::{Shop, rfc3339};

/// In memory: order and answer end with the process.
pub(super) fn in_memory(
    layer: &IdempotencyLayer<Arc<MemoryStore>>,
) -> MethodRouter<Shop<MemoryBook>> {
    async fn create(
        State(shop): State<Shop<MemoryBook>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        let order = read(&headers, &body)?;
        shop.payment().await;
        let placed = Placed::now(order)?;
        shop.book.insert(placed.id, placed.json.clone());
        Ok(placed.created().into_response())
    }
    // Not its answer to other methods: there is nothing to guard.
    post(create).route_layer(layer.clone())
}

/// On SQLite order, key and answer are one commit: exactly once.
pub(super) fn in_sqlite(layer: &IdempotencyLayer<SqliteStore>) -> MethodRouter<Shop<SqliteBook>> {
    async fn create(
        State(shop): State<Shop<SqliteBook>>,
        once: Once<SqliteStore>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        #[cfg(seiriken_proof)]
        reached(Point::HandlerBegun);
        let order = read(&headers, &body)?;
        shop.payment().await;
        let placed = Placed::now(order)?;
        let answer = once.commit(move |tx| {
            SqliteBook::insert(tx, placed.id, &placed.json)?;
            #[cfg(seiriken_proof)]
            reached(Point::HandlerEffect);
            Ok(placed.created())
        });
        let answer = answer.await;
        #[cfg(seiriken_proof)]
        reached(Point::HandlerEnds);
        answer
    }
    post(create).route_layer(layer.clone())
}

/// On PostgreSQL as well: exactly once, also where several processes share the database.
pub(super) fn in_postgres(
    layer: &IdempotencyLayer<PostgresStore>,
) -> MethodRouter<Shop<PostgresBook>> {
    async fn create(
        State(shop): State<Shop<PostgresBook>>,
        once: Once<PostgresStore>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        // A refused order takes no connection.
        let order = read(&headers, &body)?;
        let mut transaction = once.begin().await?;
        shop.payment().await;
        let placed = Placed::now(order)?;
        PostgresBook::insert(&mut transaction, placed.id, &placed.json).await?;
        Ok(transaction.commit(placed.created()).await?)
    }
    post(create).route_layer(layer.clone())
}

/// On Redis there is no transaction around order and answer. So the order's id is made from the key:
/// whoever runs it again, after an owner that vanished, finds the order that is there.
pub(super) fn in_redis(layer: &IdempotencyLayer<Arc<RedisStore>>) -> MethodRouter<Shop<RedisBook>> {
    async fn create(
        State(shop): State<Shop<RedisBook>>,
        once: Once<Arc<RedisStore>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        let order = read(&headers, &body)?;
        shop.payment().await;
        let id = id_of_key(once.execution().id());
        let placed = Placed::at(order, id, SystemClock.now())?;
        let json = shop.book.insert_once(id, &placed.json).await?;
        Ok(Placed { id, json }.created().into_response())
    }
    post(create).route_layer(layer.clone())
}

/// An order that has its id and its time, and is not written yet.
struct Placed {
    id: Uuid,
    json: String,
}

impl Placed {
    fn now(order: NewOrder) -> Result<Self, Refusal> {
        let now = SystemClock.now();
        Self::at(order, order_id(now), now)
    }

    fn at(order: NewOrder, id: Uuid, now: Timestamp) -> Result<Self, Refusal> {
        let order = order.place(id, rfc3339(now));
        Ok(Self { id, json: serde_json::to_string(&order)? })
    }

    fn created(self) -> (StatusCode, [(HeaderName, HeaderValue); 2], String) {
        let location = HeaderValue::try_from(format!("/orders/{}", self.id))
            .expect("hex digits and dashes are a field value");
        let json = HeaderValue::from_static("application/json");
        (StatusCode::CREATED, [(LOCATION, location), (CONTENT_TYPE, json)], self.json)
    }
}

impl<B> Shop<B> {
    /// Pretends that the payment takes its time.
    async fn payment(&self) {
        if !self.processing_time.is_zero() {
            tokio::time::sleep(self.processing_time).await;
        }
    }
}

fn read(headers: &HeaderMap, body: &[u8]) -> Result<NewOrder, Refusal> {
    if !is_json(headers) {
        return Err(Refusal::NotJson);
    }
    Ok(NewOrder::read(body)?)
}

/// `application/json`, with or without parameters.
fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

/// Ids grow with time (UUIDv7), so that the index of orders is appended to as well.
fn order_id(now: Timestamp) -> Uuid {
    let mut random = [0; 10];
    random.copy_from_slice(&Uuid::new_v4().as_bytes()[..10]);
    uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random).into_uuid()
}

/// The same for every execution of a key (`UUIDv8`: made by a rule of our own). The record's id is a keyed
/// hash, so nobody learns the key from it.
fn id_of_key(key: RecordId) -> Uuid {
    uuid::Builder::from_custom_bytes(*key.as_bytes()).into_uuid()
}
