//! What lies between client and service, and loses answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A relay that passes every request on, waits for its answer, and loses every second one: it closes
/// the connection instead. What a client asks with `GET` is never lost.
pub(crate) struct Relay {
    pub(crate) url: String,
    lost: Arc<AtomicUsize>,
}

impl Relay {
    pub(crate) async fn to(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let (answers, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&lost);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.expect("a connection");
                let (answers, lost) = (Arc::clone(&answers), Arc::clone(&counted));
                tokio::spawn(async move {
                    // A client that is killed ends its connection wherever it is.
                    let _ = pass(client, service, &answers, &lost).await;
                });
            }
        });
        Self { url, lost }
    }

    /// How many answers were lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.lost.load(Ordering::SeqCst)
    }
}

async fn pass(
    mut client: TcpStream,
    service: SocketAddr,
    answers: &AtomicUsize,
    lost: &AtomicUsize,
) -> std::io::Result<()> {
    let mut upstream = TcpStream::connect(service).await?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    while let Some(request) = message(&mut client, &mut asked).await? {
        upstream.write_all(&request).await?;
        let Some(answer) = message(&mut upstream, &mut told).await? else { return Ok(()) };
        if request.starts_with(b"POST") && answers.fetch_add(1, Ordering::SeqCst).is_multiple_of(2)
        {
            lost.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        client.write_all(&answer).await?;
    }
    Ok(())
}

/// One message with a `Content-Length`, whole; `None` where the stream ends before it.
async fn message(stream: &mut TcpStream, unread: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    let head = loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    };
    let text = String::from_utf8_lossy(&unread[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().expect("a number"));
    while unread.len() < head + length {
        if stream.read_buf(unread).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(unread.drain(..head + length).collect()))
}
