//! What befalls the service while it is asked.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::database::Database;
use super::node::{LEASE, Node};
use super::relay::Relay;
use super::tally::Tally;
use crate::random::Random;

/// A database with the processes on it.
#[derive(Debug)]
pub(super) struct Fleet {
    pub(super) built: PathBuf,
    pub(super) database: Database,
    pub(super) relays: Vec<Relay>,
    pub(super) nodes: Vec<Node>,
    pub(super) tally: Tally,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    CommitsCut,
    NodeKilled,
    DatabaseKilled,
    NodeApart,
    NodePaused,
}

const ALL: [Trouble; 5] = [
    Trouble::CommitsCut,
    Trouble::NodeKilled,
    Trouble::DatabaseKilled,
    Trouble::NodeApart,
    Trouble::NodePaused,
];

/// So often each of them.
const ROUNDS: usize = 4;

/// So many commits are cut at a time.
const CUTS: u64 = 12;

/// Longer than a call of the store is waited for at its shortest: some are given up.
const APART: Duration = Duration::from_secs(2);

impl Fleet {
    /// Lets everything go wrong, evenly while so many orders are asked for.
    pub(super) async fn befall(
        &mut self,
        orders: usize,
        progress: &mut mpsc::UnboundedReceiver<()>,
        random: &mut Random,
    ) -> io::Result<()> {
        let every = orders / (ALL.len() * ROUNDS + 1);
        for trouble in ALL.iter().cycle().take(ALL.len() * ROUNDS) {
            for _ in 0..every {
                if progress.recv().await.is_none() {
                    return Ok(());
                }
            }
            self.happens(*trouble, random).await?;
        }
        Ok(())
    }

    async fn happens(&mut self, trouble: Trouble, random: &mut Random) -> io::Result<()> {
        let at = usize::try_from(random.below(self.nodes.len() as u64)).unwrap_or_default();
        match trouble {
            Trouble::CommitsCut => self.relays.iter().for_each(|relay| relay.cut_next(CUTS)),
            Trouble::NodeKilled => self.restart(at).await?,
            Trouble::DatabaseKilled => {
                self.database.crash()?;
                self.tally.databases_killed += 1;
            }
            Trouble::NodeApart => {
                self.relays[at].silence(true);
                sleep(APART).await;
                self.relays[at].silence(false);
                self.tally.partitions += 1;
            }
            Trouble::NodePaused => {
                self.nodes[at].pause(LEASE + LEASE / 2).await?;
                self.tally.pauses += 1;
            }
        }
        Ok(())
    }

    async fn restart(&mut self, at: usize) -> io::Result<()> {
        let node = self.nodes.remove(at);
        let address = node.address;
        let log = node.kill().await?;
        self.tally.hear(log);
        self.tally.nodes_killed += 1;
        let store = self.database.kind().url(self.relays[at].address());
        let node = Node::start(&self.built, &store, Some(address), &[]).await?;
        self.nodes.insert(at, node);
        Ok(())
    }

    /// From now on everything goes well.
    pub(super) fn ends(&mut self) {
        for relay in &self.relays {
            relay.cut_next(0);
            relay.silence(false);
            self.tally.commits_cut += relay.cut();
        }
    }
}
