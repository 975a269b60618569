//! The calls of the order service.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use seiriken::clock::{Clock, SystemClock, Timestamp};
#[cfg(seiriken_proof)]
use seiriken::failpoint::{Point, reached};
use seiriken::http::{IdempotencyLayer, Once, PolicyPage};
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Store};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tower_http::cors::CorsLayer;
use uuid::Uuid;

use super::book::{Book, MemoryBook, SqliteBook};
use super::order::NewOrder;
use super::refusal::{self, Refusal};
use super::{openapi, page, prepare};
use crate::cli::{IdentityOption, OrdersOptions};

/// What the calls share.
#[derive(Debug, Clone)]
pub(super) struct Shop<B> {
    book: B,
    processing_time: Duration,
}

/// The service: `create` is `POST /orders` as the store at hand makes it.
pub(super) fn app<S: Store, B: Book>(
    options: &OrdersOptions,
    layer: &IdempotencyLayer<S>,
    book: B,
    create: MethodRouter<Shop<B>>,
) -> Router {
    let shop = Shop { book, processing_time: options.processing_time };
    let (engine, valid_for) = (layer.engine().clone(), options.retention);
    let issue =
        move || async move { prepare::prepare(engine.store().issuing_secrets(), valid_for) };
    let policy = refusal::described_in(layer.policy_page());
    let page = policy_address(options);
    let description = Bytes::from(openapi::document(&policy, options).to_string());
    let app = Router::new()
        // The idempotency layer has the limit, and answers what is over it.
        .route("/orders", create.layer(DefaultBodyLimit::disable()).get(list::<B>))
        .route("/orders/prepare", post(issue))
        .route("/orders/{id}", get(show::<B>))
        .route(
            "/.well-known/idempotency",
            get(move |headers| async move { publish(&policy, &headers) }),
        )
        .route(
            "/openapi.json",
            get(|| async { ([(CONTENT_TYPE, "application/json")], description) }),
        )
        .route("/healthz", get(|| async { Json(serde_json::json!({ "status": "ok" })) }))
        .route("/", get(page::page))
        .fallback(|| async { Refusal::NotFound })
        .method_not_allowed_fallback(|| async { Refusal::OtherMethod })
        .with_state(shop)
        .layer(map_response(move |response| {
            let rendered = refusal::rendered(response, &page);
            async move { rendered }
        }));
    match &options.cors {
        None => app,
        Some(origin) => app.layer(cors(origin.clone(), &options.identity)),
    }
}

/// Where the policy is published: relative unless the service knows its own address. It is never
/// made from `Host`, which its sender chooses.
pub(super) fn policy_address(options: &OrdersOptions) -> String {
    let base = options.public_url.as_deref().unwrap_or_default();
    format!("{base}/.well-known/idempotency")
}

/// What a page of `origin` may send, and what it may see of an answer. What says whose request it
/// is must be among the former: a browser asks before it sends a field that is not an everyday one,
/// and sends cookies elsewhere, or shows the answer to them, only where that is allowed by name.
fn cors(origin: HeaderValue, identity: &IdentityOption) -> CorsLayer {
    let name = HeaderName::from_static;
    let mut headers = vec![CONTENT_TYPE, AUTHORIZATION, name("x-api-key"), name("idempotency-key")];
    if let IdentityOption::Header(caller) = identity {
        headers.push(caller.clone());
    }
    CorsLayer::new()
        .allow_origin(origin)
        .allow_credentials(matches!(identity, IdentityOption::Cookie(_)))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(headers)
        .expose_headers([RETRY_AFTER, LOCATION, LINK, name("idempotent-replayed")])
}

fn publish(policy: &PolicyPage, headers: &HeaderMap) -> Response {
    policy.respond(headers).map(axum::body::Body::new)
}

/// `POST /orders` where order, key and answer are one SQLite commit: exactly once.
pub(super) fn create_in_sqlite(
    layer: &IdempotencyLayer<SqliteStore>,
) -> MethodRouter<Shop<SqliteBook>> {
    async fn create(
        State(shop): State<Shop<SqliteBook>>,
        once: Once<SqliteStore>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        #[cfg(seiriken_proof)]
        reached(Point::HandlerBegun);
        let placed = shop.place(&headers, &body).await?;
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
    // Not its answer to other methods: there is nothing to guard.
    post(create).route_layer(layer.clone())
}

/// `POST /orders` in memory: order and answer end with the process.
pub(super) fn create_in_memory(
    layer: &IdempotencyLayer<Arc<MemoryStore>>,
) -> MethodRouter<Shop<MemoryBook>> {
    async fn create(
        State(shop): State<Shop<MemoryBook>>,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response, Refusal> {
        let placed = shop.place(&headers, &body).await?;
        shop.book.insert(placed.id, placed.json.clone());
        Ok(placed.created().into_response())
    }
    // Not its answer to other methods: there is nothing to guard.
    post(create).route_layer(layer.clone())
}

/// An order that has its id and its time, and is not written yet.
struct Placed {
    id: Uuid,
    json: String,
}

impl<B> Shop<B> {
    /// Everything before the commit: reading, checking, and the payment that is pretended.
    async fn place(&self, headers: &HeaderMap, body: &[u8]) -> Result<Placed, Refusal> {
        if !is_json(headers) {
            return Err(Refusal::NotJson);
        }
        let order = NewOrder::read(body)?;
        if !self.processing_time.is_zero() {
            tokio::time::sleep(self.processing_time).await;
        }
        let now = SystemClock.now();
        let order = order.place(order_id(now), rfc3339(now));
        Ok(Placed { id: order.id, json: serde_json::to_string(&order)? })
    }
}

impl Placed {
    fn created(self) -> (StatusCode, [(HeaderName, HeaderValue); 2], String) {
        let location = HeaderValue::try_from(format!("/orders/{}", self.id))
            .expect("hex digits and dashes are a field value");
        let json = HeaderValue::from_static("application/json");
        (StatusCode::CREATED, [(LOCATION, location), (CONTENT_TYPE, json)], self.json)
    }
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

pub(super) fn rfc3339(time: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    #[serde(default = "usual_limit")]
    limit: usize,
    after: Option<Uuid>,
}

pub(super) const LIMIT_MAX: usize = 1000;
pub(super) const LIMIT_USUAL: usize = 50;

fn usual_limit() -> usize {
    LIMIT_USUAL
}

#[derive(Debug, Serialize)]
struct List<'l> {
    orders: Vec<&'l RawValue>,
    total: u64,
    next: Option<Uuid>,
}

async fn list<B: Book>(
    State(shop): State<Shop<B>>,
    window: Result<Query<Window>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(window) = window.map_err(|error| Refusal::BadQuery(error.body_text()))?;
    if !(1..=LIMIT_MAX).contains(&window.limit) {
        let detail = format!("limit: must be from 1 to {LIMIT_MAX}");
        return Err(Refusal::BadQuery(detail));
    }
    let Some(page) = shop.book.page(window.limit, window.after).await? else {
        return Err(Refusal::BadQuery("after: there is no such order".into()));
    };
    let orders = page.orders.iter().map(|(_, json)| serde_json::from_str(json));
    let next = page.orders.last().map(|(id, _)| *id).filter(|_| page.more);
    let list = List { orders: orders.collect::<Result<_, _>>()?, total: page.total, next };
    Ok(Json(list).into_response())
}

async fn show<B: Book>(
    State(shop): State<Shop<B>>,
    id: Result<Path<Uuid>, PathRejection>,
) -> Result<Response, Refusal> {
    let Path(id) = id.map_err(|_| Refusal::NotFound)?;
    let order = shop.book.order(id).await?.ok_or(Refusal::NotFound)?;
    Ok(([(CONTENT_TYPE, "application/json")], order).into_response())
}
