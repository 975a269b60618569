//! Round trips to a database, counted by somebody in between who passes everything on: whenever the
//! client speaks after the server has spoken, it has waited for an answer.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::failure::{Failure, While};

/// More than one answer to one request has here.
const READ_MAX: usize = 64 * 1024;

/// Stands in between until this goes away.
#[derive(Debug)]
pub(crate) struct Trips {
    port: u16,
    count: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
    /// Dropped, it ends.
    here: oneshot::Sender<()>,
}

impl Trips {
    /// In front of the server on this port of the loopback.
    pub(crate) async fn to(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.while_doing("listening in front of a database")?;
        let own = listener.local_addr().while_doing("listening in front of a database")?.port();
        let count = Arc::new(AtomicU64::new(0));
        let (here, gone) = oneshot::channel();
        let accepting = tokio::spawn(accept(listener, port, Arc::clone(&count), gone));
        Ok(Self { port: own, count, accepting, here })
    }

    /// Where to connect instead.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How many there have been so far.
    pub(crate) fn so_far(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Goes away, with all connections: the server sees the end of them.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        drop(self.here);
        self.accepting.await.while_doing("closing what counts round trips")
    }
}

async fn accept(
    listener: TcpListener,
    to: u16,
    count: Arc<AtomicU64>,
    mut gone: oneshot::Receiver<()>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(connections.spawn(pass_on(client, to, Arc::clone(&count)))),
                Err(_) => break,
            },
            _ = &mut gone => break,
        }
    }
    connections.shutdown().await;
}

/// An error ends the connection, which whoever is connected then sees.
async fn pass_on(client: TcpStream, to: u16, count: Arc<AtomicU64>) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, to));
    let Ok(server) = TcpStream::connect(address).await else { return };
    for stream in [&client, &server] {
        if stream.set_nodelay(true).is_err() {
            return;
        }
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // What the client sends next is the first of its question.
    let answered = AtomicBool::new(true);
    let asks = copy(from_client, to_server, || {
        if answered.swap(false, Ordering::Relaxed) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let answers = copy(from_server, to_client, || answered.store(true, Ordering::Relaxed));
    tokio::select! {
        () = asks => {}
        () = answers => {}
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, seen: impl Fn()) {
    let mut buffer = vec![0; READ_MAX];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        seen();
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers three bytes with one.
    async fn server() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while stream.read_exact(&mut [0; 3]).await.is_ok() {
                        stream.write_all(b"a").await.expect("a client");
                    }
                });
            }
        });
        port
    }

    #[tokio::test]
    async fn a_question_counts_once_however_it_is_sent() {
        let trips = Trips::to(server().await).await.unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, trips.port())).await.unwrap();
        for asked in 1..=3 {
            for part in ["q", "ue"] {
                client.write_all(part.as_bytes()).await.unwrap();
            }
            client.read_exact(&mut [0]).await.unwrap();
            assert_eq!(trips.so_far(), asked);
        }
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, trips.port())).await.unwrap();
        other.write_all(b"que").await.unwrap();
        other.read_exact(&mut [0]).await.unwrap();
        assert_eq!(trips.so_far(), 4);
        // Nobody is left who would keep the server's connections open.
        trips.end().await.unwrap();
        assert_eq!(other.read(&mut [0]).await.unwrap_or_default(), 0);
    }
}
