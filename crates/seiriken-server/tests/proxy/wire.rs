//! A connection on which every byte is the test's own.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::PATIENCE;

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
}

impl Wire {
    pub(crate) async fn connect(authority: &str) -> Self {
        Self { stream: TcpStream::connect(authority).await.expect("the proxy listens") }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("the proxy reads");
    }

    /// All that comes until the other end closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut told = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_to_end(&mut told)).await;
        // A reset is an end as well.
        drop(read.expect("the proxy closes the connection"));
        String::from_utf8_lossy(&told).into_owned()
    }
}

/// The statuses of all answers that stand there, one after the other.
pub(crate) fn statuses(told: &str) -> Vec<u16> {
    let lines = told.lines().filter_map(|line| {
        let at = line.find("HTTP/1.1 ")?;
        line.get(at + 9..at + 12)?.parse().ok()
    });
    lines.collect()
}
