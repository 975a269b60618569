//! A database that forgets. Redis may (a restart without its file, a failover to a replica that lags):
//! what was lost is told as unknown, never as new.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use seiriken::clock::{Clock, SystemClock};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::clients::Clients;
use super::database::{Database, Kind};
use super::node::Node;
use super::tally::Tally;
use crate::witness::history::{Client, History};
use crate::witness::operation::{self, Operation};
use crate::witness::told::Told;

/// So many orders are lost.
const LOST: usize = 100;

pub(super) async fn run(built: &Path) -> io::Result<Tally> {
    let mut tally = Tally::default();
    let mut database = Database::start(Kind::Redis)?;
    let store = Kind::Redis.url(database.address());
    let node = Node::start(built, &store, None, &["--keys=dated"]).await?;
    let history = Arc::<History>::default();
    let (progress, _seen) = mpsc::unbounded_channel();
    let nodes: Vec<SocketAddr> = vec![node.address];
    let clients = Clients { nodes, history: Arc::clone(&history), orders: LOST, progress };
    let operations: Vec<Operation> = (0..LOST).map(|_| dated(&history)).collect();
    for operation in &operations {
        let told = clients.ask(operation, node.address).await;
        if !matches!(told, Told::Success { replayed: false, .. }) {
            tally.find(format!("an order under a dated key is told {told:?}"));
        }
    }
    database.forget()?;
    for operation in &operations {
        match asked_until_it_is_back(&clients, operation, node.address).await {
            Told::OutcomeUnknown => tally.losses_told += 1,
            told => tally.find(format!("I3: an order that was lost is told {told:?}")),
        }
    }
    tally.hear(node.kill().await?);
    Ok(tally)
}

async fn asked_until_it_is_back(
    clients: &Clients,
    operation: &Operation,
    node: SocketAddr,
) -> Told {
    const TRIES: usize = 200;
    for _ in 0..TRIES {
        match clients.ask(operation, node).await {
            Told::Unavailable => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            told => return told,
        }
    }
    Told::Unavailable
}

fn dated(history: &History) -> Operation {
    let operation = history.operation(operation::Kind::SharedOrder, Client::Raw);
    let random = Uuid::new_v4().into_bytes();
    let now = SystemClock.now().as_millis();
    let (ten, _) = random.split_first_chunk().expect("ten of sixteen bytes");
    let key = uuid::Builder::from_unix_timestamp_millis(now, ten).into_uuid().to_string();
    history.set_key(operation.number, &key);
    Operation { key, ..operation }
}
