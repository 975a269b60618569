//! Connections to the upstream, kept for a moment after each answer.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::connect::Connector;
use super::lane::{Http1, Http2, Lane, Unanswered};
use super::{Address, Failed, Outgoing};
use crate::proxy::paced::BoxError;

/// So long a connection without a request is trusted to be open. Servers close one after 2 to 75
/// seconds, and a request that meets the close on its way has an unknown outcome: a connection
/// that was in use a moment ago is as good as a new one, any other is not worth the risk.
const FRESH: Duration = Duration::from_secs(1);

/// Connections to one upstream.
pub(super) struct Pool {
    address: Address,
    connector: Connector,
    connect_within: Duration,
    /// The one used last stands last.
    idle: Mutex<Vec<Idle>>,
    /// The last connection that was made takes one request at a time.
    unshared: AtomicBool,
    shared: tokio::sync::Mutex<Option<Http2>>,
}

struct Idle {
    sender: Http1,
    since: Instant,
}

impl Pool {
    pub(super) fn new(
        address: Address,
        connector: Connector,
        connect_within: Duration,
    ) -> Arc<Self> {
        let unshared = AtomicBool::new(!connector.may_share());
        let (idle, shared) = (Mutex::default(), tokio::sync::Mutex::default());
        let pool = Self { address, connector, connect_within, idle, unshared, shared };
        let pool = Arc::new(pool);
        tokio::spawn(close_idle(Arc::downgrade(&pool)));
        pool
    }

    /// One that leads there as well, with connections of its own.
    pub(super) fn another(&self) -> Arc<Self> {
        Self::new(self.address.clone(), self.connector.clone(), self.connect_within)
    }

    /// Where its connections lead.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Sends a request, and waits for the head of its answer until the deadline. It is sent on a
    /// second connection only if the first one returned it without having sent a byte of it.
    pub(super) async fn send(
        self: &Arc<Self>,
        mut request: Request<Outgoing>,
        deadline: Instant,
    ) -> Result<Response<Answer>, Failed> {
        loop {
            let (mut lane, kept) = self.lane_in_time().await?;
            let sending = lane.send(&self.address, request);
            match tokio::time::timeout_at(deadline, sending).await {
                Ok(Ok(response)) => return Ok(response.map(|body| self.lent(lane, body))),
                Ok(Err(Unanswered::NotSent(back, _))) if kept => request = *back,
                Ok(Err(Unanswered::NotSent(_, error) | Unanswered::Refused(error))) => {
                    return Err(Failed::NotDelivered(error.into()));
                }
                Ok(Err(Unanswered::Unknown(error))) => return Err(Failed::Unknown(error.into())),
                Err(_) => return Err(Failed::Late),
            }
        }
    }

    /// A connection, or why there is none: then nothing was sent.
    async fn lane_in_time(&self) -> Result<(Lane, bool), Failed> {
        let Ok(lane) = tokio::time::timeout(self.connect_within, self.lane()).await else {
            let why = format!("no connection within {:?}", self.connect_within);
            return Err(Failed::NotDelivered(why.into()));
        };
        lane.map_err(Failed::NotDelivered)
    }

    /// A connection, and whether it has been used before.
    async fn lane(&self) -> Result<(Lane, bool), BoxError> {
        if let Some(sender) = self.take_idle() {
            return Ok((Lane::One(sender), true));
        }
        if self.unshared.load(Ordering::Relaxed) {
            return Ok((self.open().await?, false));
        }
        // One is made for all who wait here.
        let mut shared = self.shared.lock().await;
        if let Some(sender) = shared.as_ref().filter(|sender| sender.is_ready()) {
            return Ok((Lane::Many(sender.clone()), true));
        }
        let lane = self.open().await?;
        *shared = match &lane {
            Lane::Many(sender) => Some(sender.clone()),
            Lane::One(_) => None,
        };
        Ok((lane, false))
    }

    async fn open(&self) -> Result<Lane, BoxError> {
        let lane = Lane::open(self.connector.connect().await?).await?;
        self.unshared.store(matches!(lane, Lane::One(_)), Ordering::Relaxed);
        Ok(lane)
    }

    fn take_idle(&self) -> Option<Http1> {
        let mut idle = self.idle();
        while let Some(Idle { sender, since }) = idle.pop() {
            if sender.is_ready() && since.elapsed() < FRESH {
                return Some(sender);
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // A list is never left half-changed.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lent(self: &Arc<Self>, lane: Lane, body: Incoming) -> Answer {
        let lent = match lane {
            Lane::One(sender) => Some(Lent { pool: Arc::clone(self), sender }),
            Lane::Many(_) => None,
        };
        Answer { body, lent }
    }
}

/// Closes what nobody has used for long enough, until nobody has the pool any more.
async fn close_idle(pool: Weak<Pool>) {
    let mut ticks = tokio::time::interval(FRESH);
    loop {
        ticks.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        pool.idle().retain(|idle| idle.since.elapsed() < FRESH && !idle.sender.is_closed());
    }
}

/// The body of an answer. Once it has been read to its end, its connection is free for another
/// request; given up before that, the connection is closed.
pub(in crate::proxy) struct Answer {
    body: Incoming,
    lent: Option<Lent>,
}

struct Lent {
    pool: Arc<Pool>,
    sender: Http1,
}

impl Lent {
    fn give_back(mut self) {
        tokio::spawn(async move {
            // It is ready as soon as the end of the answer has been taken note of.
            if let Ok(Ok(())) = tokio::time::timeout(FRESH, self.sender.ready()).await {
                self.pool.idle().push(Idle { sender: self.sender, since: Instant::now() });
            }
        });
    }
}

impl Answer {
    fn ended(&mut self) {
        if let Some(lent) = self.lent.take() {
            lent.give_back();
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.ended(),
            Some(Err(_)) => self.lent = None,
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    /// Whoever knows that nothing more comes need not ask.
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            self.ended();
        }
    }
}
