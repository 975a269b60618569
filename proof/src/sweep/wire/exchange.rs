//! Requests and answers over TCP: whole ones, and ones that are cut.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::message::{self, Form, Message, Seen};

/// So long the other side may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Both directions are closed (FIN).
    Closed,
    /// It is reset (RST).
    Reset,
    /// Only the client's direction is closed; what comes is read to its end.
    HalfClosed,
    /// The HTTP/2 stream is reset; the connection is closed after that, in order.
    StreamReset,
}

/// An answer that came whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `Idempotent-Replayed`.
    pub(super) marker: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: String,
}

#[derive(Deserialize)]
struct Page<'p> {
    #[serde(borrow)]
    orders: Vec<&'p RawValue>,
    total: usize,
    next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Content {
    item_id: String,
}

/// Sends so many bytes of the request, and ends the connection.
pub(super) async fn send_cut(
    address: SocketAddr,
    message: &Message,
    bytes: usize,
    ending: Ending,
) -> Result<(), String> {
    let mut stream = connect(address).await?;
    stream.write_all(&message.bytes[..bytes]).await.map_err(text)?;
    end(stream, ending).await
}

/// Sends the request, reads so many bytes of its answer, or all if there are fewer, and ends the
/// connection. What was seen.
pub(super) async fn read_cut(
    address: SocketAddr,
    message: &Message,
    form: Form,
    bytes: usize,
    ending: Ending,
) -> Result<Seen, String> {
    let mut stream = connect(address).await?;
    stream.write_all(&message.bytes).await.map_err(text)?;
    let mut read = Vec::new();
    while read.len() < bytes && !message::seen(form, &read).whole {
        let mut left = (&mut stream).take((bytes - read.len()) as u64);
        let come = timeout(PATIENCE, left.read_buf(&mut read)).await;
        if come.map_err(text)?.map_err(text)? == 0 {
            break;
        }
    }
    end(stream, ending).await?;
    Ok(message::seen(form, &read))
}

/// Sends the order and reads its answer.
pub(super) async fn order(address: SocketAddr, key: &str) -> Result<Answer, String> {
    exchange(address, &message::order(Form::Length, key).bytes).await
}

/// All orders, by their item. `Err` also where one item was ordered twice.
pub(super) async fn orders(address: SocketAddr) -> Result<HashMap<String, String>, String> {
    let mut all = HashMap::new();
    let mut after = String::new();
    loop {
        let get = format!(
            "GET /orders?limit=1000{after} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"
        );
        let answer = exchange(address, get.as_bytes()).await?;
        let page: Page<'_> = serde_json::from_str(&answer.body).map_err(text)?;
        for order in page.orders {
            let content: Content = serde_json::from_str(order.get()).map_err(text)?;
            let twice = all.insert(content.item_id, order.get().to_owned());
            if let Some(first) = twice {
                return Err(format!("two orders under one key: {first} and {}", order.get()));
            }
        }
        match page.next {
            Some(next) => after = format!("&after={next}"),
            None if all.len() == page.total => return Ok(all),
            None => return Err(format!("{} orders are listed of {}", all.len(), page.total)),
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address).await.map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    Ok(stream)
}

async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer, String> {
    let mut stream = connect(address).await?;
    stream.write_all(request).await.map_err(text)?;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer)).await.map_err(text)?.map_err(text)?;
    let answer = String::from_utf8(answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer was cut short")?;
    let fields: HashMap<String, &str> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let field = |name: &str| fields.get(name).map(|value| (*value).to_owned());
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(Answer {
        status: status.ok_or("an answer without a status")?,
        marker: field("idempotent-replayed"),
        location: field("location"),
        body: body.to_owned(),
    })
}

async fn end(mut stream: TcpStream, ending: Ending) -> Result<(), String> {
    match ending {
        Ending::Closed => Ok(()),
        Ending::Reset => stream.set_zero_linger().map_err(text),
        Ending::HalfClosed => read_to_the_end(stream).await,
        Ending::StreamReset => {
            stream.write_all(&message::cancel()).await.map_err(text)?;
            read_to_the_end(stream).await
        }
    }
}

/// Says that nothing more will be sent, and waits for the other side to close.
async fn read_to_the_end(mut stream: TcpStream) -> Result<(), String> {
    // The other side may have closed it by now, or reset it.
    let _ = stream.shutdown().await;
    let mut rest = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.map_err(text)?;
    Ok(())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
