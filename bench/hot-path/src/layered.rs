//! A service on axum as it is called for each request, without the layer and with it.
//!
//! The requests are those that `cargo xtask bench orders` sends, and the layer is set as the order
//! service sets it. What every operation has besides the layer: a key and a request are made, the
//! router finds the handler, the answer is read.

use std::hint::black_box;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use seiriken::http::{Idempotency, Identity};
use seiriken_bench_baseline::order;
use tower_service::Service;

use crate::inputs::{self, FINISHED, FixedStore, Keys};
use crate::{Operation, at_once};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const MARKER: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The order without the layer: the key is there, and nobody reads it.
pub(crate) fn bare_post() -> Operation {
    let (mut service, mut keys) = (served(router()), Keys::default());
    Box::new(move || order(&mut service, keys.fresh(), None))
}

/// The order under a new key.
pub(crate) fn new_key() -> anyhow::Result<Operation> {
    let (mut service, mut keys) = (guarded()?, Keys::default());
    Ok(Box::new(move || order(&mut service, keys.fresh(), Some("false"))))
}

/// The order again; some keys in turn, whose answers stand.
pub(crate) fn replay() -> anyhow::Result<Operation> {
    let (mut service, mut keys) = (guarded()?, Keys::default());
    let finished: Vec<String> = (0..FINISHED).map(|_| keys.fresh()).collect();
    for key in &finished {
        order(&mut service, key.clone(), Some("false"));
    }
    let mut turns = 0;
    Ok(Box::new(move || {
        let key = finished[turns % finished.len()].clone();
        turns += 1;
        order(&mut service, key, Some("true"));
    }))
}

/// Reading, without the layer.
pub(crate) fn bare_get() -> Operation {
    let mut service = router();
    Box::new(move || read(&mut service))
}

/// What is not guarded passes the layer.
pub(crate) fn unguarded_get() -> anyhow::Result<Operation> {
    let mut service = guarded()?;
    Ok(Box::new(move || read(&mut service)))
}

fn guarded() -> anyhow::Result<Router> {
    let store = Arc::new(FixedStore::new()?);
    let idempotency =
        Idempotency::new(store, Identity::credentials()).require_key().canonical_json();
    Ok(served(router().layer(idempotency.try_layer().context("making the layer")?)))
}

fn router() -> Router {
    let created = async |body: Bytes| {
        let status =
            if body == order::REQUEST { StatusCode::CREATED } else { StatusCode::IM_A_TEAPOT };
        let fields = [(LOCATION, inputs::LOCATION), (CONTENT_TYPE, order::JSON)];
        (status, fields, inputs::ANSWER).into_response()
    };
    let list = async || inputs::ANSWER;
    Router::new().route("/orders", post(created).get(list))
}

/// As `axum::serve` has it: without this, routes are made anew for each request.
fn served(router: Router) -> Router {
    router.with_state(())
}

fn order(service: &mut Router, key: String, marked: Option<&str>) {
    let mut request = request(Method::POST, Body::from(order::REQUEST));
    let key = HeaderValue::try_from(key).expect("a key is printable ASCII");
    request.headers_mut().insert(KEY, key);
    answered(service, request, StatusCode::CREATED, marked);
}

fn read(service: &mut Router) {
    let mut request = request(Method::GET, Body::empty());
    request.headers_mut().remove(CONTENT_TYPE);
    answered(service, request, StatusCode::OK, None);
}

fn request(method: Method, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = axum::http::Uri::from_static("/orders");
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(order::JSON));
    fields.insert(CONTENT_LENGTH, HeaderValue::from_static("29"));
    request
}

fn answered(
    service: &mut Router,
    request: Request<Body>,
    status: StatusCode,
    marked: Option<&str>,
) {
    let Ok(answer) = at_once(service.call(black_box(request)));
    assert_eq!(answer.status(), status);
    let says = answer.headers().get(MARKER).map(HeaderValue::as_bytes);
    assert_eq!(says, marked.map(str::as_bytes), "executed and replayed answers are marked");
    let body = at_once(axum::body::to_bytes(answer.into_body(), usize::MAX));
    assert!(body.is_ok_and(|body| body == inputs::ANSWER), "the answer is whole");
}
