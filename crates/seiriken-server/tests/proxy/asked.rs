//! A service that is asked what became of a key, and answers what the test says, when it says so.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::process::PATIENCE;

/// A service that can be asked.
pub(crate) struct Service {
    authority: String,
    asked: mpsc::UnboundedReceiver<Asked>,
}

/// Somebody waits for an answer.
pub(crate) struct Asked {
    pub(crate) head: String,
    stream: TcpStream,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let authority = listener.local_addr().expect("an address").to_string();
        let (tell, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(read(stream, tell.clone()));
            }
        });
        Self { authority, asked }
    }

    /// Where it is asked.
    pub(crate) fn at(&self, target: &str) -> String {
        format!("http://{}{target}", self.authority)
    }

    /// The next one that asks.
    pub(crate) async fn asked(&mut self) -> Asked {
        let asked = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        asked.expect("it is asked").expect("it listens")
    }

    #[track_caller]
    pub(crate) fn assert_not_asked(&mut self) {
        if let Ok(asked) = self.asked.try_recv() {
            panic!("it was asked: {}", asked.head);
        }
    }
}

async fn read(mut stream: TcpStream, tell: mpsc::UnboundedSender<Asked>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            // A connection without a request.
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).expect("text");
    // The test may be at its end.
    drop(tell.send(Asked { head, stream }));
}

impl Asked {
    /// Answers `200`.
    pub(crate) async fn answer(self, body: &str) {
        self.answer_with("200 OK", body).await;
    }

    pub(crate) async fn answer_with(self, status: &str, body: &str) {
        let length = body.len();
        self.send(&format!(
            "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ))
        .await;
    }

    /// Sends these bytes and closes the connection.
    pub(crate) async fn send(mut self, bytes: &str) {
        // Who asked may have gone.
        drop(self.stream.write_all(bytes.as_bytes()).await);
    }
}
