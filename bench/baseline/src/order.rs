//! An order as the order service takes and answers it, without its second shape: what the baseline
//! answers and what the filler records.

use std::time::{Duration, SystemTime};

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a client sends: the order of every request of a run.
pub const REQUEST: &str = r#"{"itemId":"cake-001","qty":1}"#;

/// The type of it, and of the answer.
pub const JSON: &str = "application/json";

const QTY_MAX: u64 = 1000;
const ID_CHARACTERS_MAX: usize = 64;

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewOrder {
    item_id: String,
    qty: u64,
}

/// An order that exists, and the JSON that says so.
#[derive(Debug)]
pub struct Placed {
    /// Its id, also in the JSON.
    pub id: Uuid,
    /// What is answered, and what is stored.
    pub json: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[serde(rename = "orderId")]
    id: Uuid,
    #[serde(flatten)]
    content: NewOrder,
    created_at: jiff::Timestamp,
}

impl NewOrder {
    /// Reads an order, and refuses what the order service refuses.
    pub fn read(body: &[u8]) -> Option<Self> {
        let order: Self = serde_json::from_slice(body).ok()?;
        let id_fits = (1..=ID_CHARACTERS_MAX).contains(&order.item_id.chars().count());
        (id_fits && (1..=QTY_MAX).contains(&order.qty)).then_some(order)
    }

    /// Gives it its id and its time.
    pub fn place(self) -> Result<Placed, serde_json::Error> {
        let now = since_1970();
        let id = order_id(now);
        let order = Order { id, content: self, created_at: rfc3339(now) };
        Ok(Placed { id, json: serde_json::to_string(&order)? })
    }
}

impl Placed {
    /// Where the order can be read, for the field `Location`.
    pub fn location(&self) -> String {
        format!("/orders/{}", self.id)
    }

    /// The answer to whoever ordered.
    pub fn created(self) -> Response {
        let fields = [(LOCATION, self.location()), (CONTENT_TYPE, JSON.to_owned())];
        (StatusCode::CREATED, fields, self.json).into_response()
    }
}

/// The bytes of the answer's body to the order of a run. They vary with the digits of the time.
pub fn answer_bytes() -> u64 {
    let placed = NewOrder::read(REQUEST.as_bytes()).and_then(|order| order.place().ok());
    placed.map_or(0, |placed| placed.json.len() as u64)
}

/// A UUIDv7, made as the order service makes it.
fn order_id(now: Duration) -> Uuid {
    let mut random = [0; 10];
    random.copy_from_slice(&Uuid::new_v4().as_bytes()[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis(now), &random).into_uuid()
}

fn rfc3339(now: Duration) -> jiff::Timestamp {
    let millis = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "what an order says of itself; nothing is decided by it"
)]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_a_run_is_one_that_is_taken() {
        let placed = NewOrder::read(REQUEST.as_bytes()).unwrap().place().unwrap();
        let order: serde_json::Value = serde_json::from_str(&placed.json).unwrap();
        assert_eq!(order["orderId"], placed.id.to_string());
        assert_eq!((&order["itemId"], &order["qty"]), (&"cake-001".into(), &1.into()));
        assert_eq!(placed.id.get_version_num(), 7);
    }

    #[test]
    fn what_the_order_service_refuses_is_refused_here() {
        for body in
            ["", "{}", r#"{"itemId":"","qty":1}"#, r#"{"itemId":"c","qty":0}"#, r#"{"qty":1}"#]
        {
            assert!(NewOrder::read(body.as_bytes()).is_none(), "{body}");
        }
    }
}
