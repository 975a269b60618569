//! `GET /openapi.json`: the calls as OpenAPI 3.1, for programs that make clients, tests and pages
//! of it.
//!
//! Made at the start from what is enforced: the policy page has the rules of the layer, and the
//! limits are the constants that orders are checked with. It is written out as JSON rather than
//! derived from the types: their bounds are checked by hand, so a derived schema would have to
//! repeat them. The tests hold every call and every bound of it against the running service.

mod answers;
mod key;
mod schemas;

use axum::http::StatusCode;
use seiriken::http::PolicyPage;
use serde_json::{Value, json};

use self::answers::Answers;
use super::routes::{LIMIT_MAX, LIMIT_USUAL, policy_address};
use crate::cli::OrdersOptions;
use crate::identity::IdentityOption;

/// The whole description.
pub(super) fn document(policy: &PolicyPage, options: &OrdersOptions) -> Value {
    let policy = Policy(json!(policy));
    let answers = Answers::new(&policy, &policy_address(options));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Seiriken order service",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Takes orders, each at most once.",
            "description": description(&policy),
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": options.serving.public_url.as_deref().unwrap_or("/") }],
        "paths": {
            "/orders": {
                "post": create(&policy, &options.identity, &answers),
                "get": list(&answers),
            },
            "/orders/prepare": { "post": prepare() },
            "/orders/{id}": { "get": show(&answers) },
            "/.well-known/idempotency": { "get": publish() },
            "/openapi.json": { "get": describe() },
            "/healthz": { "get": health() },
            "/": { "get": page() },
        },
        "components": {
            "schemas": schemas::all(),
            "headers": answers.headers(),
            "securitySchemes": security_schemes(&options.identity),
        },
    })
}

/// The policy page as programs get it.
struct Policy(Value);

impl Policy {
    /// A name of a header field as people write it: they arrive in lower case.
    fn field_name(&self, pointer: &str) -> String {
        let name = self.0.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let words = name.split('-').map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        });
        words.collect::<Vec<_>>().join("-")
    }

    fn key_field(&self) -> String {
        self.field_name("/key/field")
    }

    fn marker(&self) -> String {
        self.field_name("/replayMarker")
    }
}

fn description(policy: &Policy) -> String {
    let Policy(rules) = policy;
    format!(
        "A client that saw a timeout sends its order again with the same {key}: it is ordered \
         once, and every retry gets the first answer, marked `{marker}: true`. A request is the \
         same one when method, path, query, content type and body are ({fingerprint}), and when \
         the caller is. Answers are kept for {retention} s. While the first request runs, a second \
         one is told 409{wait}. The rules are published at /.well-known/idempotency. They follow \
         {specification}, an Internet-Draft that has expired.",
        key = policy.key_field(),
        marker = policy.marker(),
        fingerprint = rules["fingerprint"].as_str().unwrap_or_default(),
        retention = rules["retentionSeconds"],
        wait = match rules["waitSecondsMax"].as_u64() {
            None => String::new(),
            Some(seconds) => format!(", after waiting up to {seconds} s for the answer"),
        },
        specification = rules["specification"].as_str().unwrap_or_default(),
    )
}

fn create(policy: &Policy, identity: &IdentityOption, answers: &Answers) -> Value {
    let mut responses = answers.to_guarded_call();
    responses.insert("201".to_owned(), answers.created());
    json!({
        "operationId": "createOrder",
        "summary": "Orders, once",
        "security": security(identity),
        "parameters": [{
            "name": policy.key_field(),
            "in": "header",
            "required": policy.0["key"]["required"],
            "description": format!(
                "{}, one per operation, before the first try, and repeated on every retry. Quoted \
                 or not, it is the same key; parameters after the quoted form are ignored.",
                key::made_by(&policy.0["key"])
            ),
            "schema": key::schema(&policy.0["key"]),
            "examples": key::examples(&policy.0["key"]),
        }],
        "requestBody": {
            "required": true,
            "description": format!("At most {} bytes.", policy.0["requestBodyBytesMax"]),
            "content": { "application/json": {
                "schema": schemas::reference("NewOrder"),
                "examples": {
                    "single": { "value": schemas::single_example() },
                    "cart": { "value": schemas::cart_example() },
                },
            } },
        },
        "responses": responses,
    })
}

fn list(answers: &Answers) -> Value {
    json!({
        "operationId": "listOrders",
        "summary": "The orders, newest first",
        "parameters": [
            {
                "name": "limit",
                "in": "query",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": LIMIT_MAX,
                    "default": LIMIT_USUAL,
                },
            },
            {
                "name": "after",
                "in": "query",
                "description": "`next` of the part before.",
                "schema": { "type": "string", "format": "uuid" },
            },
        ],
        "responses": {
            "200": answers::json("A part of the list.", "OrderList"),
            "400": answers.plain(StatusCode::BAD_REQUEST),
            "500": answers.plain(StatusCode::INTERNAL_SERVER_ERROR),
        },
    })
}

fn show(answers: &Answers) -> Value {
    json!({
        "operationId": "showOrder",
        "summary": "One order",
        "parameters": [{
            "name": "id",
            "in": "path",
            "required": true,
            "schema": { "type": "string", "format": "uuid" },
        }],
        "responses": {
            "200": answers::json("The order, as it was answered when it was made.", "Order"),
            "404": answers.plain(StatusCode::NOT_FOUND),
            "500": answers.plain(StatusCode::INTERNAL_SERVER_ERROR),
        },
    })
}

fn prepare() -> Value {
    let mut made = answers::json("A key for one order. Nothing is kept of it yet.", "PreparedKey");
    made["headers"] = json!({ "Cache-Control": {
        "required": true,
        "schema": { "const": "no-store" },
    } });
    json!({
        "operationId": "prepareOrder",
        "summary": "Makes a key, for clients that cannot make a good one",
        "responses": { "201": made },
    })
}

fn publish() -> Value {
    let mut page = answers::json("The rules: JSON, or HTML where that is accepted.", "PolicyPage");
    page["content"]["text/html"] = json!({ "schema": { "type": "string" } });
    json!({
        "operationId": "showPolicy",
        "summary": "What is enforced, and what each problem type means",
        "responses": { "200": page },
    })
}

fn describe() -> Value {
    json!({
        "operationId": "describe",
        "summary": "This description",
        "responses": { "200": answers::json("OpenAPI 3.1.", "Description") },
    })
}

fn health() -> Value {
    json!({
        "operationId": "checkHealth",
        "summary": "Whether the service answers",
        "responses": { "200": answers::json("It does.", "Health") },
    })
}

fn page() -> Value {
    json!({
        "operationId": "showPage",
        "summary": "A page for who opens the address in a browser",
        "responses": {
            "200": {
                "description": "The page.",
                "content": { "text/html": { "schema": { "type": "string" } } },
            },
        },
    })
}

/// What says whose order it is, as the service was told.
fn security_schemes(identity: &IdentityOption) -> Value {
    let scheme = |place: &str, name: &str| json!({ "type": "apiKey", "in": place, "name": name });
    match identity {
        IdentityOption::Credentials => json!({
            "authorization": scheme("header", "Authorization"),
            "apiKey": scheme("header", "X-Api-Key"),
        }),
        IdentityOption::Header(name) => json!({ "caller": scheme("header", name.as_str()) }),
        IdentityOption::Cookie(name) => json!({ "caller": scheme("cookie", name) }),
        IdentityOption::Anonymous => json!({}),
    }
}

/// Credentials are looked at where there are some; a named field has to be there.
fn security(identity: &IdentityOption) -> Value {
    match identity {
        IdentityOption::Credentials => json!([
            {},
            { "authorization": [] },
            { "apiKey": [] },
            { "authorization": [], "apiKey": [] },
        ]),
        IdentityOption::Header(_) | IdentityOption::Cookie(_) => json!([{ "caller": [] }]),
        IdentityOption::Anonymous => json!([]),
    }
}
