//! A connection on which every byte is the test's own.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::service::PATIENCE;

/// One HTTP/1.1 connection.
pub(crate) struct Wire {
    stream: TcpStream,
    /// What was read and belongs to the next answer.
    ahead: Vec<u8>,
}

/// The head and the body of an answer, as they stand on the wire.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the service listens");
        Self { stream, ahead: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the service reads");
    }

    /// The next answer.
    pub(crate) async fn answer(&mut self) -> RawAnswer {
        let end = loop {
            if let Some(end) = self.ahead.windows(4).position(|end| end == b"\r\n\r\n") {
                break end + 4;
            }
            assert!(self.read().await, "the connection was closed instead of an answer");
        };
        let body = self.ahead.split_off(end);
        let head = String::from_utf8(std::mem::replace(&mut self.ahead, body)).expect("text");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head
            .to_ascii_lowercase()
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap_or(0);
        while self.ahead.len() < length {
            assert!(self.read().await, "the answer was cut short");
        }
        let rest = self.ahead.split_off(length);
        let body = std::mem::replace(&mut self.ahead, rest);
        RawAnswer { status: status.expect("a status"), head, body }
    }

    /// Leaves without a word: the other side gets a RST.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().expect("an option of TCP");
    }

    /// Reads some; `false` at the end.
    async fn read(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.ahead)).await;
        read.expect("the service answers").expect("the service writes") > 0
    }
}

impl RawAnswer {
    pub(crate) fn has_field(&self, name: &str) -> bool {
        let start = format!("{}:", name.to_ascii_lowercase());
        self.head.to_ascii_lowercase().lines().any(|line| line.starts_with(&start))
    }

    pub(crate) fn problem_type(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).expect("a problem");
        problem["type"].as_str().expect("a type").to_owned()
    }
}

/// `POST /orders` with these further field lines (each with its `\r\n`) and this body.
pub(crate) fn post_orders(field_lines: &[u8], body: &str) -> Vec<u8> {
    let head = "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n";
    let length = format!("Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), field_lines, length.as_bytes(), body.as_bytes()].concat()
}
