//! One course of a fleet: asked while everything fails, settled, and looked at.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::ORDERS;
use super::clients::Clients;
use super::database::{Database, Kind};
use super::node::Node;
use super::relay::Relay;
use super::tally::Tally;
use super::trouble::Fleet;
use crate::random::Random;
use crate::witness::check::check;
use crate::witness::effects::{Effects, Orders};
use crate::witness::history::History;

/// So many processes are one service.
const NODES: usize = 2;

pub(super) async fn run(kind: Kind, built: &Path, mut random: Random) -> io::Result<Tally> {
    let mut fleet = start(kind, built).await?;
    let (progress, mut seen) = mpsc::unbounded_channel();
    let nodes = fleet.nodes.iter().map(|node| node.address).collect();
    let history = Arc::<History>::default();
    let clients = Clients { nodes, history: Arc::clone(&history), orders: ORDERS, progress };
    let clients = Arc::new(clients);
    let asking = tokio::spawn(Arc::clone(&clients).run(Random::from_seed(random.bits())));
    fleet.befall(ORDERS, &mut seen, &mut random).await?;
    asking.await.map_err(io::Error::other)?;
    fleet.ends();
    clients.settle(random).await;
    let orders = listed(&fleet).await?;
    looked_at(&mut fleet.tally, &history, &orders.effects());
    for node in fleet.nodes.drain(..) {
        let log = node.kill().await?;
        fleet.tally.hear(log);
    }
    Ok(fleet.tally)
}

async fn start(kind: Kind, built: &Path) -> io::Result<Fleet> {
    let database = Database::start(kind)?;
    let (mut relays, mut nodes) = (Vec::new(), Vec::new());
    for _ in 0..NODES {
        let relay = Relay::start(kind, database.address()).await?;
        nodes.push(Node::start(built, &kind.url(relay.address()), None, &[]).await?);
        relays.push(relay);
    }
    Ok(Fleet { built: built.to_owned(), database, relays, nodes, tally: Tally::default() })
}

/// The orders, which both processes list alike.
async fn listed(fleet: &Fleet) -> io::Result<Orders> {
    let mut lists = Vec::new();
    for node in &fleet.nodes {
        let list = Orders::read(node.address).await;
        let list = list.ok_or_else(|| io::Error::other("a process does not list its orders"))?;
        lists.push(list.map_err(io::Error::other)?);
    }
    if lists.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err(io::Error::other("two processes do not list the same orders"));
    }
    lists.pop().ok_or_else(|| io::Error::other("there is no process"))
}

fn looked_at(tally: &mut Tally, history: &History, effects: &Effects) {
    for course in history.courses() {
        let none = Vec::new();
        let done = effects.get(&course.operation.number).unwrap_or(&none);
        for finding in check(&course, done) {
            tally.find(finding);
        }
        tally.see(&course);
    }
}
