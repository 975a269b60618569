//! Those who ask: every order at both processes, several times, often at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::random::Random;
use crate::witness::exchange::exchange;
use crate::witness::history::{Client, History};
use crate::witness::operation::{Kind, Operation};
use crate::witness::told::Told;

/// So many ask at a time.
const CLIENTS: u64 = 12;

/// So long one waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// So soon everything is settled when nothing fails any more.
const SETTLED_WITHIN: Duration = Duration::from_mins(1);

/// What they share.
#[derive(Debug)]
pub(super) struct Clients {
    pub(super) nodes: Vec<SocketAddr>,
    pub(super) history: Arc<History>,
    pub(super) orders: usize,
    /// Told of each new order.
    pub(super) progress: mpsc::UnboundedSender<()>,
}

impl Clients {
    /// Asks until there are as many orders as wanted.
    pub(super) async fn run(self: Arc<Self>, mut random: Random) {
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let random = Random::from_seed(random.bits());
            clients.spawn(Arc::clone(&self).keep_asking(random));
        }
        clients.join_all().await;
    }

    async fn keep_asking(self: Arc<Self>, mut random: Random) {
        while self.history.len() < self.orders {
            let operation = self.history.operation(Kind::SharedOrder, Client::Raw);
            // Nobody listens once all is over.
            let _ = self.progress.send(());
            let first = self.node(&mut random);
            if random.percent(40) {
                let second = self.node(&mut random);
                tokio::join!(self.ask(&operation, first), self.ask(&operation, second));
            } else {
                self.ask(&operation, first).await;
            }
            let again = self.node(&mut random);
            self.ask(&operation, again).await;
            if random.percent(20) {
                let throw = random.bits();
                let earlier =
                    self.history.one_since(0, |count| throw.checked_rem(count).unwrap_or(0));
                if let Some(earlier) = earlier {
                    self.ask(&earlier, first).await;
                }
            }
        }
    }

    fn node(&self, random: &mut Random) -> SocketAddr {
        random.pick(&self.nodes)
    }

    /// Asks, and keeps what was told.
    pub(super) async fn ask(&self, operation: &Operation, node: SocketAddr) -> Told {
        let id = self.history.begin(operation.number, 1);
        let answer = timeout(PATIENCE, exchange(node, &operation.bytes())).await.ok().flatten();
        let told = answer.map_or(Told::Nothing, |answer| answer.told(operation.kind));
        self.history.end(id, told.clone());
        told
    }

    /// Nothing fails any more: asks for everything until it is settled.
    pub(super) async fn settle(self: &Arc<Self>, mut random: Random) {
        let mut asking = JoinSet::new();
        for operation in self.history.sent() {
            if asking.len() == 32 {
                asking.join_next().await;
            }
            let (clients, node) = (Arc::clone(self), self.node(&mut random));
            asking.spawn(async move { clients.settle_one(&operation, node).await });
        }
        asking.join_all().await;
    }

    async fn settle_one(&self, operation: &Operation, node: SocketAddr) {
        let until = Instant::now() + SETTLED_WITHIN;
        while !self.ask(operation, node).await.settles() && Instant::now() < until {
            sleep(Duration::from_millis(50)).await;
        }
    }
}
