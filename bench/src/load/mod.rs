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

/// As long at most it takes to fill a server with as many keys as anybody will ask for.
const PATIENCE_TO_FILL: Duration = Duration::from_hours(1);

/// Digits to which a latency is kept.
const DIGITS: u8 = 3;

/// An order that has been answered: its key, and the answer that every replay must give again.
#[derive(Debug, Clone)]
pub struct Finished {
    key: Key,
    body: Box<[u8]>,
}

/// Which answers a server marks with the field `Idempotent-Replayed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marks {
    /// None: a server that knows no keys, or one that does not tell.
    Nowhere,
    /// Replays, as `true`.
    Replays,
    /// Replays as `true` and first answers as `false`.
    Everywhere,
}

/// What the requests of a run are.
#[derive(Debug, Clone)]
pub enum Work {
    /// A new order each, under a new key.
    New(Marks),
    /// One of these orders once more each. Each must come with the first bytes.
    Replays(Marks, Arc<[Finished]>),
    /// New orders, and one replay after nine of them.
    Mixed(Marks, Arc<[Finished]>),
}

/// When a connection sends no more.
#[derive(Debug, Clone, Copy)]
enum Limit {
    At(Instant),
    Requests(u64),
}

/// What a run came to.
#[derive(Debug)]
pub struct Answered {
    /// Requests, all of them answered rightly.
    pub requests: u64,
    /// How many of them were new orders.
    pub new_orders: u64,
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
        let until = stopwatch::now() + length;
        self.send(work, |_| Limit::At(until), length + PATIENCE).await
    }

    /// Makes exactly so many new orders, on all connections at once.
    ///
    /// # Errors
    /// The first answer that is wrong or does not come.
    pub async fn fill(&mut self, marks: Marks, orders: u64) -> Result<Answered, Failure> {
        let count = self.connections.len() as u64;
        let share = |number: u64| orders / count + u64::from(number < orders % count);
        self.send(&Work::New(marks), |number| Limit::Requests(share(number)), PATIENCE_TO_FILL)
            .await
    }

    async fn send(
        &mut self,
        work: &Work,
        limit: impl Fn(u64) -> Limit,
        patience: Duration,
    ) -> Result<Answered, Failure> {
        let started = stopwatch::now();
        let count = self.connections.len();
        let mut running = JoinSet::new();
        for (mut connection, number) in self.connections.drain(..).zip(0..) {
            let (work, limit) = (work.clone(), limit(number));
            running.spawn(async move {
                let sent = send_until(&mut connection, &work, count, limit).await;
                sent.map(|sent| (connection, sent))
            });
        }
        let (mut latencies, mut new_orders) = (histogram()?, 0);
        while !running.is_empty() {
            let ended = tokio::time::timeout_at((started + patience).into(), running.join_next());
            let Ok(Some(ended)) = ended.await else {
                return Err(Failure::new(format!("no answer in {patience:?}")));
            };
            let (connection, (own, new)) = ended.while_doing("the generator")??;
            latencies.add(own).while_doing("adding latencies")?;
            new_orders += new;
            self.connections.push(connection);
        }
        let (requests, elapsed) = (latencies.len(), started.elapsed());
        Ok(Answered { requests, new_orders, elapsed, latencies })
    }

    /// Makes so many orders, one after the other, to be replayed later.
    pub async fn finish(
        &mut self,
        marks: Marks,
        orders: usize,
    ) -> Result<Arc<[Finished]>, Failure> {
        let mut finished = Vec::with_capacity(orders);
        let connection = self.first()?;
        for _ in 0..orders {
            let key = connection.fresh_key();
            let answer = connection.order(&key, Expected::FirstTime(marks));
            let answer = tokio::time::timeout(PATIENCE, answer).await;
            let answer = answer.while_doing("waiting for an answer")??;
            finished.push(Finished { key, body: Box::from(connection.body(&answer)) });
        }
        Ok(finished.into())
    }

    /// How many orders the service says there are.
    pub async fn orders_made(&mut self) -> Result<u64, Failure> {
        let connection = self.first()?;
        let page = connection.get("/orders?limit=1").await?;
        let page = connection.body(&page);
        let page: serde_json::Value =
            serde_json::from_slice(page).while_doing("reading the list of orders")?;
        page["total"].as_u64().ok_or_else(|| Failure::new("the list of orders has no total"))
    }

    fn first(&mut self) -> Result<&mut Connection, Failure> {
        self.connections.first_mut().ok_or_else(|| Failure::new("no connection is open"))
    }
}

/// The latencies, and how many new orders there were.
async fn send_until(
    connection: &mut Connection,
    work: &Work,
    connections: usize,
    limit: Limit,
) -> Result<(Histogram<u64>, u64), Failure> {
    let (mut latencies, mut new_orders) = (histogram()?, 0);
    if matches!(limit, Limit::Requests(0)) {
        return Ok((latencies, new_orders));
    }
    let mut asked = stopwatch::now();
    // At least one each: also a run that is over before it began says whether answers are right.
    loop {
        new_orders += u64::from(connection.send(work, connections).await?);
        let answered = stopwatch::now();
        let latency = stopwatch::micros(answered - asked);
        latencies.record(latency).while_doing("recording a latency")?;
        let enough = match limit {
            Limit::At(until) => answered >= until,
            Limit::Requests(requests) => latencies.len() >= requests,
        };
        if enough {
            return Ok((latencies, new_orders));
        }
        asked = answered;
    }
}

/// An empty one, which grows to what it is given.
pub(crate) fn histogram() -> Result<Histogram<u64>, Failure> {
    Histogram::new(DIGITS).while_doing("making a histogram")
}
