//! A server that does what its script says, request by request, and remembers what it was sent.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is done with one request, after it was read whole and written into the ledger.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// These bytes, then the end of the connection.
    Say(String),
    /// These bytes, and the connection stays open for the next request.
    SayAndStay(String),
    /// The end of the connection, without a byte.
    Lose,
    /// A reset.
    Reset,
    /// Nothing, for ever.
    Hang,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    ledger: Arc<Mutex<Vec<Received>>>,
    count: watch::Receiver<usize>,
}

impl Server {
    /// Answers request by request as `script` says; one more than it has is answered 418, which no
    /// test expects.
    pub(crate) async fn start(script: impl IntoIterator<Item = Act>) -> Self {
        let script: Arc<Mutex<VecDeque<Act>>> = Arc::new(Mutex::new(script.into_iter().collect()));
        let ledger = Arc::new(Mutex::new(Vec::new()));
        let (tell, count) = watch::channel(0);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let written = Arc::clone(&ledger);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let (script, ledger) = (Arc::clone(&script), Arc::clone(&written));
                tokio::spawn(serve(stream, script, ledger, tell.clone()));
            }
        });
        Self { address, ledger, count }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.ledger.lock().expect("no panic").clone()
    }

    /// Waits until so many requests have been written into the ledger.
    pub(crate) async fn has_received(&self, count: usize) {
        let mut counted = self.count.clone();
        counted.wait_for(|counted| *counted >= count).await.expect("the server runs");
    }
}

impl Received {
    /// The value of a header field that is there once.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.head.lines().filter_map(|line| {
            let (field, value) = line.split_once(':')?;
            field.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        let value = values.next();
        assert_eq!(values.next(), None, "{name} is there twice");
        value
    }

    pub(crate) fn key(&self) -> &str {
        self.field("idempotency-key").expect("every request carries a key")
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Act>>>,
    ledger: Arc<Mutex<Vec<Received>>>,
    tell: watch::Sender<usize>,
) {
    let mut unread = Vec::new();
    while let Some(received) = read_request(&mut stream, &mut unread).await {
        let teapot = || Act::Say(answer(418, &[], "the script is over"));
        let act = script.lock().expect("no panic").pop_front().unwrap_or_else(teapot);
        ledger.lock().expect("no panic").push(received);
        tell.send_modify(|count| *count += 1);
        match act {
            Act::Say(text) => {
                // The client may be gone already: that is its business.
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            Act::SayAndStay(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
            }
            Act::Lose => return,
            Act::Reset => {
                stream.set_zero_linger().expect("a socket");
                return;
            }
            Act::Hang => std::future::pending::<()>().await,
        }
    }
}

async fn read_request(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Received> {
    let head_end = loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(unread.drain(..head_end).collect()).expect("heads are text");
    let mut received = Received { head, body: Vec::new() };
    let length = received.field("content-length").map_or(0, |text| text.parse().expect("a number"));
    while unread.len() < length {
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    }
    received.body = unread.drain(..length).collect();
    Some(received)
}

/// An answer with these fields and this body.
pub(crate) fn answer(status: u16, fields: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status} Because\r\n");
    for (name, value) in fields {
        text.extend([*name, ": ", value, "\r\n"]);
    }
    if status != 204 {
        text = format!("{text}content-length: {}\r\n", body.len());
    }
    format!("{text}\r\n{body}")
}

/// The ways in which an answer can be lost after its request was read.
pub(crate) fn losses() -> Vec<(&'static str, Act)> {
    let created = "HTTP/1.1 201 Created\r\nidempotent-replayed: false\r\n";
    vec![
        ("closed without a byte", Act::Lose),
        ("reset", Act::Reset),
        ("cut in the head", Act::Say("HTTP/1.1 201 Crea".into())),
        ("cut before the end of the head", Act::Say(created.into())),
        ("less than its length", Act::Say(format!("{created}content-length: 9\r\n\r\n{{\"a\":"))),
        (
            "chunks without an end",
            Act::Say(format!("{created}transfer-encoding: chunked\r\n\r\n5\r\n{{\"a\":\r\n")),
        ),
        ("not HTTP", Act::Say("+OK this is another protocol\r\n\r\n".into())),
    ]
}
