//! The bodies as JSON Schemas (2020-12, as OpenAPI 3.1 uses them), with examples.

use serde_json::{Map, Value, json};

use super::super::order::{ID_CHARACTERS_MAX, ITEMS_MAX, QTY_MAX};
use super::super::routes::LIMIT_MAX;

/// Every schema that has a name.
pub(super) fn all() -> Value {
    json!({
        "NewOrder": {
            "description": "What is ordered: one thing, or a cart.",
            "oneOf": [reference("NewSingleOrder"), reference("NewCartOrder")],
        },
        "NewSingleOrder": closed(single()),
        "NewCartOrder": closed(cart()),
        "Item": closed([("sku", id()), ("qty", qty())]),
        "Order": { "oneOf": [reference("SingleOrder"), reference("CartOrder")] },
        "SingleOrder": ordered(single(), &single_order_example()),
        "CartOrder": ordered(cart(), &cart_order_example()),
        "OrderList": object([
            ("orders", json!({
                "type": "array",
                "maxItems": LIMIT_MAX,
                "items": reference("Order"),
            })),
            ("total", json!({ "type": "integer", "minimum": 0 })),
            ("next", json!({
                "type": ["string", "null"],
                "format": "uuid",
                "description": "Where the next part begins; null where there is none.",
            })),
        ]),
        "PreparedKey": object([
            ("idempotencyKey", json!({ "type": "string" })),
            ("expiresAt", time()),
        ]),
        "PolicyPage": {
            "type": "object",
            "required": ["specification", "key", "methods", "retentionSeconds", "problems"],
        },
        "Description": { "type": "object", "required": ["openapi", "info", "paths"] },
        "Health": object([("status", json!({ "const": "ok" }))]),
        "Problem": problem(),
    })
}

pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

pub(super) fn single_example() -> Value {
    json!({ "itemId": "cake-001", "qty": 1 })
}

pub(super) fn cart_example() -> Value {
    json!({ "userId": "u1", "items": [{ "sku": "cake-001", "qty": 2 }] })
}

pub(super) fn single_order_example() -> Value {
    made(single_example())
}

pub(super) fn cart_order_example() -> Value {
    made(cart_example())
}

/// Of an order that exists.
fn made(mut order: Value) -> Value {
    order["orderId"] = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    order["createdAt"] = json!("2026-01-31T10:00:00.123Z");
    order
}

fn single() -> Vec<(&'static str, Value)> {
    vec![("itemId", id()), ("qty", qty())]
}

fn cart() -> Vec<(&'static str, Value)> {
    let items = json!({
        "type": "array",
        "minItems": 1,
        "maxItems": ITEMS_MAX,
        "items": reference("Item"),
    });
    vec![("userId", id()), ("items", items)]
}

/// An order that exists: what was asked for, its id and its time.
fn ordered(content: Vec<(&'static str, Value)>, example: &Value) -> Value {
    let id = json!({ "type": "string", "format": "uuid" });
    let members = content.into_iter().chain([("orderId", id), ("createdAt", time())]);
    let mut order = object(members);
    order["examples"] = json!([example]);
    order
}

/// An object that has all of these members.
fn object(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let members: Map<_, _> =
        members.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    let names: Vec<_> = members.keys().cloned().collect();
    json!({ "type": "object", "required": names, "properties": members })
}

/// An object that has all of these members and no other one.
fn closed(members: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut object = object(members);
    object["additionalProperties"] = json!(false);
    object
}

fn id() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": ID_CHARACTERS_MAX })
}

fn qty() -> Value {
    json!({
        "type": "integer",
        "minimum": 1,
        "maximum": QTY_MAX,
        "description": "Written without a fraction.",
    })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// RFC 9457 section 3.1, with the members that one of the types adds.
fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "instance"],
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "minLength": 1 },
            "instance": { "type": "string", "pattern": "^urn:uuid:[0-9a-f-]{36}$" },
            "recordedStatus": {
                "type": "integer",
                "description": "#response-not-kept: the status that the first caller got.",
            },
            "location": {
                "type": "string",
                "format": "uri-reference",
                "description": "#response-not-kept: the Location that the first caller got.",
            },
        },
    })
}
