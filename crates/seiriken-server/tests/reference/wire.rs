//! One request on a connection of its own, and what its answer says.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::schedule::{Key, Request, What, Who};

/// What a request was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// The order was made now.
    Ordered(Order),
    /// The order was made earlier.
    Replayed(Order),
    /// This cannot be ordered; the key is free.
    Invalid,
    InProgress,
    OtherRequest,
    OtherCaller,
}

/// An order as it was answered or listed, to the byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) key: Key,
    pub(crate) what: What,
    json: String,
}

/// What an order says of itself.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    order_id: String,
    item_id: String,
    qty: u64,
}

#[derive(Deserialize)]
struct List<'l> {
    #[serde(borrow)]
    orders: Vec<&'l RawValue>,
    total: usize,
}

/// An answer that came whole.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

/// The bytes of `POST /orders`. The item is the key's own; everything else is the same for all, so
/// that nothing but the caller tells Alice's request from Bob's.
pub(crate) fn posting(request: Request) -> Vec<u8> {
    let (item, qty) = (format!("{ITEM}{}", request.key), request.what.quantity());
    let body = if request.members_swapped {
        format!("{{ \"qty\": {qty}, \"itemId\": \"{item}\" }}")
    } else {
        format!("{{\"itemId\":\"{item}\",\"qty\":{qty}}}")
    };
    let body = format!("{body}{:SPACES$}", "");
    let credential = match request.who {
        Who::Alice => "Authorization: Bearer alice",
        Who::Bob => "X-Api-Key: bob",
    };
    let (key, length) = (request.key, body.len());
    format!(
        "POST /orders HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n{credential}\r\n\
         Idempotency-Key: key-{key}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// So many end each body: a request that breaks off within them looks like a whole order.
pub(crate) const SPACES: usize = 40;

const ITEM: &str = "cake-";

/// The bytes of `GET /orders` for all of them.
pub(crate) fn listing() -> Vec<u8> {
    b"GET /orders?limit=1000 HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".to_vec()
}

/// Sends a request and reads its answer; `None` when the other side goes away before its end.
pub(crate) async fn exchange(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(request).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    Answer::read(std::str::from_utf8(&answer).ok()?)
}

/// Sends these bytes, and gives back the connection to be dropped. `None` when it is gone already.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(bytes).await.ok()?;
    Some(stream)
}

impl Answer {
    fn read(answer: &str) -> Option<Self> {
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let head = head.to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let answer = Self { status, head, body: body.to_owned() };
        let length: usize = answer.field("content-length")?.parse().ok()?;
        (answer.body.len() == length).then_some(answer)
    }

    fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// What it says; `None` if that is nothing that may be said at all.
    pub(crate) fn told(&self) -> Option<Told> {
        let problem = serde_json::from_str::<serde_json::Value>(&self.body).ok()?;
        let problem = problem["type"].as_str().and_then(|kind| kind.split('#').nth(1));
        match (self.status, self.field("idempotent-replayed"), problem) {
            (201, Some("false"), None) => Some(Told::Ordered(self.order()?)),
            (201, Some("true"), None) => Some(Told::Replayed(self.order()?)),
            (400, Some("false"), Some("order-invalid")) => Some(Told::Invalid),
            (409, None, Some("request-in-progress")) => Some(Told::InProgress),
            (422, None, Some("key-reused")) => Some(Told::OtherRequest),
            (422, None, Some("credential-changed")) => Some(Told::OtherCaller),
            _ => None,
        }
    }

    fn order(&self) -> Option<Order> {
        let content: Content = serde_json::from_str(&self.body).ok()?;
        let located = self.field("location")? == format!("/orders/{}", content.order_id);
        let typed = self.field("content-type")? == "application/json";
        (located && typed).then(|| Order::read(&self.body))?
    }

    /// The orders that it lists, if it lists all.
    pub(crate) fn orders(&self) -> Option<Vec<Order>> {
        let list: List<'_> = serde_json::from_str(&self.body).ok()?;
        let all = self.status == 200 && list.orders.len() == list.total;
        all.then(|| list.orders.iter().map(|json| Order::read(json.get())).collect())?
    }
}

impl Order {
    fn read(json: &str) -> Option<Self> {
        let content: Content = serde_json::from_str(json).ok()?;
        let key = content.item_id.strip_prefix(ITEM)?.parse().ok()?;
        let what = What::ALL.into_iter().find(|what| what.quantity() == content.qty)?;
        Some(Self { key, what, json: json.to_owned() })
    }
}
