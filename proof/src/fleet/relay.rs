//! Between one process and the database: what goes through can be cut at a COMMIT, or held up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::database::Kind;
use super::wire::Wire;

/// A relay. It ends with its owner.
#[derive(Debug)]
pub(super) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    kind: Kind,
    database: SocketAddr,
    /// So many of the next commits are cut.
    to_cut: AtomicU64,
    cut: AtomicU64,
    /// Whether nothing goes through.
    silent: watch::Sender<bool>,
}

impl Relay {
    pub(super) async fn start(kind: Kind, database: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let silent = watch::Sender::new(false);
        let (to_cut, cut) = (AtomicU64::new(0), AtomicU64::new(0));
        let shared = Arc::new(Shared { kind, database, to_cut, cut, silent });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connections of the next commits: the request goes on to the database, its answer does
    /// not come back.
    pub(super) fn cut_next(&self, commits: u64) {
        self.shared.to_cut.store(commits, Ordering::SeqCst);
    }

    /// How many were cut.
    pub(super) fn cut(&self) -> u64 {
        self.shared.cut.load(Ordering::SeqCst)
    }

    /// Lets nothing through any more, or all again. What was sent meanwhile comes late.
    pub(super) fn silence(&self, silent: bool) {
        self.shared.silent.send_replace(silent);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((from, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // A database that is down refuses; then the connection to it ends as well.
            if let Ok(to) = TcpStream::connect(shared.database).await {
                shared.relay(from, to).await;
            }
        });
    }
}

impl Shared {
    async fn relay(&self, from: TcpStream, to: TcpStream) {
        // Small messages are not to be kept waiting for more.
        if from.set_nodelay(true).and_then(|()| to.set_nodelay(true)).is_err() {
            return;
        }
        let ((process, answers), (replies, database)) = (from.into_split(), to.into_split());
        let mute = AtomicBool::new(false);
        tokio::select! {
            () = self.requests(process, database, &mute) => {}
            () = self.answers(replies, answers, &mute) => {}
        }
    }

    async fn requests(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mute: &AtomicBool) {
        let mut wire = Wire::new(self.kind);
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            self.may_pass().await;
            let cut = wire.commits(&bytes[..count]) && self.take_one_to_cut();
            // First nothing comes back any more, then it goes out.
            mute.store(cut || mute.load(Ordering::SeqCst), Ordering::SeqCst);
            if to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
            // Every other one is cut at once, while the database is still at it; the rest when
            // it has answered.
            if cut && self.cut.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                return;
            }
        }
    }

    async fn answers(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mute: &AtomicBool) {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            self.may_pass().await;
            if mute.load(Ordering::SeqCst) || to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }

    async fn may_pass(&self) {
        let mut silent = self.silent.subscribe();
        // An error would mean that the sender is gone, which is here.
        let _ = silent.wait_for(|silent| !silent).await;
    }

    fn take_one_to_cut(&self) -> bool {
        let less = |left: u64| left.checked_sub(1);
        self.to_cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
    }
}
