//! The servers behind the store: one (by itself, or as sentinels name it) or a cluster.

use std::sync::Arc;

use redis::{Cmd, RedisError, Value};

use super::address::Address;
use super::cluster::Cluster;
use super::link::{Failed, Link, Patience, Whom};
use super::script::Script;
use crate::store::StoreError;

#[derive(Debug)]
pub(super) enum Servers {
    One(Arc<Link>),
    Cluster(Cluster),
}

impl Servers {
    pub(super) fn new(address: Address, patience: Patience) -> Self {
        let link = |whom| Link::new(whom, patience);
        match address {
            Address::One(info) => Self::One(Arc::new(link(Whom::This(info)))),
            Address::Sentinel { sentinels, master: name, server } => {
                Self::One(Arc::new(link(Whom::Master { sentinels, name, server })))
            }
            Address::Cluster(seeds) => {
                let seeds = seeds.into_iter().map(|info| link(Whom::This(info)));
                Self::Cluster(Cluster::new(seeds.collect()))
            }
        }
    }

    /// Runs a script whose first key is `key`. Where the connection has ended meanwhile (which nobody
    /// notices before it is used), and once more is no harm, runs it once more on a new one.
    pub(super) async fn run(
        &self,
        key: &str,
        script: &Script,
        command: &Cmd,
    ) -> Result<Value, StoreError> {
        match self.run_once(key, script, command).await {
            Err(error) if script.repeatable && was_cut(&error) => {
                match self.run_once(key, script, command).await {
                    // The second time, and perhaps not the first.
                    Err(StoreError::NotApplied { .. }) => Err(error),
                    told => told,
                }
            }
            told => told,
        }
    }

    async fn run_once(
        &self,
        key: &str,
        script: &Script,
        command: &Cmd,
    ) -> Result<Value, StoreError> {
        match self {
            Self::One(link) => {
                link.run(script, command, false).await.map_err(Failed::into_store_error)
            }
            Self::Cluster(cluster) => cluster.run(key, script, command).await,
        }
    }

    pub(super) fn are_many(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Every server that has records now.
    pub(super) async fn masters(&self) -> Result<Vec<Arc<Link>>, StoreError> {
        match self {
            Self::One(link) => Ok(vec![Arc::clone(link)]),
            Self::Cluster(cluster) => cluster.masters().await,
        }
    }
}

fn was_cut(error: &StoreError) -> bool {
    let StoreError::InDoubt { source, .. } = error else { return false };
    source.downcast_ref::<RedisError>().is_some_and(RedisError::is_connection_dropped)
}
