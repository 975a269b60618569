//! The servers behind the store: one (by itself, or as sentinels name it) or a cluster.

use std::sync::Arc;

use redis::{Cmd, Value};

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

    /// Runs a script whose first key is `key`.
    pub(super) async fn run(
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

    /// Every server that has records now.
    pub(super) async fn masters(&self) -> Result<Vec<Arc<Link>>, StoreError> {
        match self {
            Self::One(link) => Ok(vec![Arc::clone(link)]),
            Self::Cluster(cluster) => cluster.masters().await,
        }
    }
}
