//! Those who ask: raw clients with few keys and many retries, for as long as a life lasts.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::dice::Dice;
use crate::witness::exchange::exchange;
use crate::witness::history::{Client, History};
use crate::witness::operation::{Kind, Operation};
use crate::witness::told::Told;

/// So many ask at a time.
const CLIENTS: u64 = 4;

/// Everybody who asks in one life.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) address: SocketAddr,
    pub(super) history: Arc<History>,
    pub(super) life: u32,
    /// What is asked for, each as often as it stands here.
    pub(super) kinds: &'static [Kind],
    pub(super) over: AtomicBool,
    /// The first operation of this life.
    pub(super) first: usize,
}

impl Load {
    /// Asks, and keeps what was told.
    pub(super) async fn ask(&self, operation: &Operation) -> Told {
        let id = self.history.begin(operation.number, self.life);
        let answer = exchange(self.address, &operation.bytes()).await;
        let told = answer.map_or(Told::Nothing, |answer| answer.told(operation.kind));
        self.history.end(id, told.clone());
        told
    }

    /// Asks for each once, nobody else asking for it: what an earlier process left must be settled
    /// by the first who asks.
    pub(super) async fn settle(self: &Arc<Self>, operations: Vec<Operation>) {
        let mut asking = JoinSet::new();
        for operation in operations {
            if asking.len() == 32 {
                asking.join_next().await;
            }
            let load = Arc::clone(self);
            asking.spawn(async move { load.ask(&operation).await });
        }
        asking.join_all().await;
    }

    /// Settles what is left, and asks until it is over.
    pub(super) async fn run(self: Arc<Self>, left: Vec<Operation>, mut dice: Dice) {
        self.settle(left).await;
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(Arc::clone(&self).keep_asking(dice.split()));
        }
        clients.join_all().await;
    }

    pub(super) fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    async fn keep_asking(self: Arc<Self>, mut dice: Dice) {
        while !self.over.load(Ordering::SeqCst) {
            match dice.below(100) {
                0..30 => self.ask_anew(&mut dice).await,
                // Somebody may be asking for it at this moment.
                30..75 => self.ask_again(self.first, &mut dice).await,
                75..85 => self.ask_again(0, &mut dice).await,
                85..95 => self.ask_twice(&mut dice).await,
                _ => self.ask_and_leave(&mut dice).await,
            }
        }
    }

    fn new_operation(&self, dice: &mut Dice) -> Operation {
        let kind = dice.one_of(self.kinds).unwrap_or(Kind::Order);
        self.history.operation(kind, Client::Raw)
    }

    async fn ask_anew(&self, dice: &mut Dice) {
        self.ask(&self.new_operation(dice)).await;
    }

    async fn ask_again(&self, first: usize, dice: &mut Dice) {
        let throw = dice.split();
        let chosen = self.history.one_since(first, |count| throw.clone().below(count));
        match chosen {
            Some(operation) => drop(self.ask(&operation).await),
            None => self.ask_anew(dice).await,
        }
    }

    async fn ask_twice(&self, dice: &mut Dice) {
        let operation = self.new_operation(dice);
        tokio::join!(self.ask(&operation), self.ask(&operation));
    }

    async fn ask_and_leave(&self, dice: &mut Dice) {
        let operation = self.new_operation(dice);
        let id = self.history.begin(operation.number, self.life);
        if let Ok(mut stream) = TcpStream::connect(self.address).await {
            // Whether it arrives is the server's to know.
            drop(stream.write_all(&operation.bytes()).await);
        }
        self.history.end(id, Told::Nothing);
    }
}
