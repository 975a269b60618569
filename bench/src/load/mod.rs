//! The load: connections that stay open, each sending its next request when the last one is
//! answered. Every answer is checked, and the first wrong one fails the run.

mod answer;
mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use self::answer::Expected;
use self::connection::Connection;
use crate::failure::{Failure, While};
use crate::stopwatch;

/// An `Idempotency-Key`: a UUID in text.
type Key = [u8; 36];

/// So long past its end a run may wait for answers before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(30);

/// Digits to which a latency is kept.
const DIGITS: u8 = 3;

/// An order that has been answered: its key, and the answer that every replay must give again.
#[derive(Debug, Clone)]
pub struct Finished {
    key: Key,
    body: Box<[u8]>,
}

/// What every request of a run is.
#[derive(Debug, Clone)]
pub enum Work {
    /// A new order under a new key, from a service that must mark it as not replayed.
    FirstTime,
    /// A new order, from a server that knows no keys and marks nothing.
    Unmarked,
    /// One of these orders once more. Each must come marked as replayed, with the first bytes.
    Replay(Arc<[Finished]>),
}

/// What a run came to.
#[derive(Debug)]
pub struct Answered {
    /// Requests, all of them answered rightly.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// From each request to its answer, in microseconds.
    pub latencies: Histogram<u64>,
}

/// Open connections to one server.
#[derive(Debug)]
pub struct Load {
    connections: Vec<Connection>,
}

impl Load {
    /// Opens so many connections.
    pub async fn connect(address: SocketAddr, connections: usize) -> Result<Self, Failure> {
        let mut open = Vec::with_capacity(connections);
        for number in 0..connections {
            open.push(Connection::open(address, number).await?);
        }
        Ok(Self { connections: open })
    }

    /// Sends requests for so long, at least one on each connection. Whatever is under way then is
    /// still answered, and counted.
    ///
    /// # Errors
    /// The first answer that is wrong or does not come.
    pub async fn run(&mut self, work: &Work, length: Duration) -> Result<Answered, Failure> {
        let started = stopwatch::now();
        let until = started + length;
        let count = self.connections.len();
        let mut running = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let work = work.clone();
            running.spawn(async move {
                let sent = send_until(&mut connection, &work, count, until).await;
                sent.map(|latencies| (connection, latencies))
            });
        }
        let mut latencies = histogram()?;
        while !running.is_empty() {
            let ended = tokio::time::timeout_at((until + PATIENCE).into(), running.join_next());
            let Ok(Some(ended)) = ended.await else {
                return Err(Failure::new(format!("no answer for {PATIENCE:?}")));
            };
            let (connection, own) = ended.while_doing("the generator")??;
            latencies.add(own).while_doing("adding latencies")?;
            self.connections.push(connection);
        }
        Ok(Answered { requests: latencies.len(), elapsed: started.elapsed(), latencies })
    }

    /// Makes so many orders, one after the other, to be replayed later.
    pub async fn finish(&mut self, orders: usize) -> Result<Arc<[Finished]>, Failure> {
        let mut finished = Vec::with_capacity(orders);
        let connection = self.first()?;
        for _ in 0..orders {
            let key = connection.fresh_key();
            let answer = connection.order(&key, Expected::FirstTime);
            let answer = tokio::time::timeout(PATIENCE, answer).await;
            let body = answer.while_doing("waiting for an answer")??;
            finished.push(Finished { key, body: Box::from(body) });
        }
        Ok(finished.into())
    }

    /// How many orders the service says there are.
    pub async fn orders_made(&mut self) -> Result<u64, Failure> {
        let page = self.first()?.get("/orders?limit=1").await?;
        let page: serde_json::Value =
            serde_json::from_slice(page).while_doing("reading the list of orders")?;
        page["total"].as_u64().ok_or_else(|| Failure::new("the list of orders has no total"))
    }

    fn first(&mut self) -> Result<&mut Connection, Failure> {
        self.connections.first_mut().ok_or_else(|| Failure::new("no connection is open"))
    }
}

async fn send_until(
    connection: &mut Connection,
    work: &Work,
    connections: usize,
    until: Instant,
) -> Result<Histogram<u64>, Failure> {
    let mut latencies = histogram()?;
    let mut asked = stopwatch::now();
    // At least one each: also a run that is over before it began says whether answers are right.
    loop {
        connection.send(work, connections).await?;
        let answered = stopwatch::now();
        let latency = stopwatch::micros(answered - asked);
        latencies.record(latency).while_doing("recording a latency")?;
        if answered >= until {
            return Ok(latencies);
        }
        asked = answered;
    }
}

/// An empty one, which grows to what it is given.
pub(crate) fn histogram() -> Result<Histogram<u64>, Failure> {
    Histogram::new(DIGITS).while_doing("making a histogram")
}
