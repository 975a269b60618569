//! The calls of the order service.

use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use seiriken::clock::Timestamp;
use seiriken::http::IdempotencyLayer;
use seiriken::store::Store;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tower_http::cors::CorsLayer;
use uuid::Uuid;

use super::book::Book;
use super::refusal::{self, Refusal};
use super::{openapi, page, prepare};
use crate::cli::OrdersOptions;
use crate::identity::IdentityOption;
use crate::traces;

/// What the calls share.
#[derive(Debug, Clone)]
pub(super) struct Shop<B> {
    pub(super) book: B,
    pub(super) processing_time: Duration,
}

/// The service: `create` is `POST /orders` as the store at hand makes it.
pub(super) fn app<S: Store, B: Book>(
    options: &OrdersOptions,
    layer: &IdempotencyLayer<S>,
    book: B,
    create: MethodRouter<Shop<B>>,
) -> Router {
    let shop = Shop { book, processing_time: options.processing_time };
    let (engine, valid_for) = (layer.engine().clone(), options.serving.retention);
    let issue =
        move || async move { prepare::prepare(engine.store().issuing_secrets(), valid_for) };
    let policy = refusal::described_in(layer.policy_page());
    let page = policy_address(options);
    let description = Bytes::from(openapi::document(&policy, options).to_string());
    let guard = layer.clone();
    let app = Router::new()
        // The idempotency layer has the limit, and answers what is over it.
        .route("/orders", create.layer(DefaultBodyLimit::disable()).get(list::<B>))
        .route("/orders/prepare", post(issue))
        .route("/orders/{id}", get(show::<B>))
        .route(
            "/.well-known/idempotency",
            get(move |headers| async move { publish(&guard, &headers) }),
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
    let app = match &options.cors {
        None => app,
        Some(origin) => app.layer(cors(origin.clone(), &options.identity)),
    };
    traces::each_request(app)
}

/// Where the policy is published: relative unless the service knows its own address. It is never
/// made from `Host`, which its sender chooses.
pub(super) fn policy_address(options: &OrdersOptions) -> String {
    let base = options.serving.public_url.as_deref().unwrap_or_default();
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

/// Made anew each time, since what the store promises may have changed.
fn publish<S: Store>(layer: &IdempotencyLayer<S>, headers: &HeaderMap) -> Response {
    let policy = refusal::described_in(layer.policy_page());
    policy.respond(headers).map(axum::body::Body::new)
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
