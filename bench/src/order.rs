//! An order as the order service takes and answers it, without its second shape: what the baseline
//! answers and what the filler records.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use seiriken::clock::{Clock, SystemClock, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a client sends: the order of every request of a run.
pub(crate) const REQUEST: &str = r#"{"itemId":"cake-001","qty":1}"#;

/// The type of it, and of the answer.
pub(crate) const JSON: &str = "application/json";

const QTY_MAX: u64 = 1000;
const ID_CHARACTERS_MAX: usize = 64;

/// What a client asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewOrder {
    item_id: String,
    qty: u64,
}

/// An order that exists, and the JSON that says so.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) id: Uuid,
    pub(crate) json: String,
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
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let order: Self = serde_json::from_slice(body).ok()?;
        let id_fits = (1..=ID_CHARACTERS_MAX).contains(&order.item_id.chars().count());
        (id_fits && (1..=QTY_MAX).contains(&order.qty)).then_some(order)
    }

    /// Gives it its id and its time.
    pub(crate) fn place(self) -> Result<Placed, serde_json::Error> {
        let now = SystemClock.now();
        let id = order_id(now);
        let order = Order { id, content: self, created_at: rfc3339(now) };
        Ok(Placed { id, json: serde_json::to_string(&order)? })
    }
}

impl Placed {
    /// Where the order can be read, for the field `Location`.
    pub(crate) fn location(&self) -> String {
        format!("/orders/{}", self.id)
    }

    /// The answer to whoever ordered.
    pub(crate) fn created(self) -> Response {
        let fields = [(LOCATION, self.location()), (CONTENT_TYPE, JSON.to_owned())];
        (StatusCode::CREATED, fields, self.json).into_response()
    }
}

/// A UUIDv7, made as the order service makes it.
fn order_id(now: Timestamp) -> Uuid {
    let mut random = [0; 10];
    random.copy_from_slice(&Uuid::new_v4().as_bytes()[..10]);
    uuid::Builder::from_unix_timestamp_millis(now.as_millis(), &random).into_uuid()
}

fn rfc3339(time: Timestamp) -> jiff::Timestamp {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX)
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
