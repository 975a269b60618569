//! Redis Cluster: three masters and a replica of each.

use super::{RedisServer, RedisSettings, cli};
use crate::process::until;
use crate::{ServerError, port};

/// Six servers that are one cluster.
#[derive(Debug)]
pub struct RedisCluster {
    servers: Vec<RedisServer>,
}

const SERVERS: usize = 6;

impl RedisCluster {
    /// Starts it, and waits until every slot is served and every replica has its master's data.
    pub fn start(settings: &RedisSettings) -> Result<Self, ServerError> {
        let mut servers = Vec::new();
        for _ in 0..SERVERS {
            let bus = port::free()?.to_string();
            let settings = settings
                .clone()
                .set("cluster-enabled", "yes")
                .set("cluster-port", &bus)
                // How long a master is missed before its replica takes its place.
                .set("cluster-node-timeout", "1500")
                // A replica that is cut off from its master may still take its place.
                .set("cluster-replica-validity-factor", "0")
                .set("repl-diskless-sync-delay", "0");
            servers.push(RedisServer::start(settings)?);
        }
        let addresses: Vec<String> = servers.iter().map(RedisServer::address).collect();
        let mut create = vec!["--cluster", "create"];
        create.extend(addresses.iter().map(String::as_str));
        create.extend(["--cluster-replicas", "1", "--cluster-yes"]);
        cli::ask(0, &create)?;
        let cluster = Self { servers };
        if until(|| cluster.is_whole()) {
            return Ok(cluster);
        }
        Err(cluster.servers[0].no_answer("the cluster does not come together"))
    }

    /// The addresses of all six: `127.0.0.1:…,127.0.0.1:…`.
    pub fn addresses(&self) -> String {
        self.servers.iter().map(RedisServer::address).collect::<Vec<_>>().join(",")
    }

    /// The address of the whole: `redis-cluster://…,…`.
    pub fn url(&self) -> String {
        format!("redis-cluster://{}", self.addresses())
    }

    /// The server that has the key now, if one has.
    pub fn master_of(&mut self, key: &str) -> Option<&mut RedisServer> {
        let slot = self.ask_any(&["CLUSTER", "KEYSLOT", key])?;
        let slot: u32 = slot.parse().ok()?;
        let nodes = self.ask_any(&["CLUSTER", "NODES"])?;
        let line = nodes.lines().find(|line| is_master(line) && has_slot(line, slot))?;
        let port = port_of(line)?;
        self.servers.iter_mut().find(|server| server.port() == port)
    }

    /// A server that has slots, and not this key.
    pub fn master_without(&mut self, key: &str) -> Option<&mut RedisServer> {
        let taken = self.master_of(key)?.port();
        let nodes = self.ask_any(&["CLUSTER", "NODES"])?;
        // A new replica may not have said yet that it is none.
        let lines = nodes.lines().filter(|line| is_master(line) && line.split(' ').count() > 8);
        let mut ports = lines.filter_map(port_of);
        let port = ports.find(|port| *port != taken)?;
        self.servers.iter_mut().find(|server| server.port() == port)
    }

    /// All of its servers.
    pub fn servers(&mut self) -> &mut [RedisServer] {
        &mut self.servers
    }

    /// Waits until every slot is served again, by whichever server.
    pub fn wait_until_served(&self) -> Result<(), ServerError> {
        if until(|| self.running().all(serves)) {
            return Ok(());
        }
        Err(self.servers[0].no_answer("a slot has no master"))
    }

    fn is_whole(&self) -> bool {
        self.servers.iter().all(|server| {
            let replication = cli::info(server.port(), "replication").unwrap_or_default();
            let linked = replication.contains("master_link_status:up")
                || replication.contains("state=online");
            serves(server) && linked
        })
    }

    fn ask_any(&self, command: &[&str]) -> Option<String> {
        self.running().find_map(|server| server.cli(command).ok())
    }

    fn running(&self) -> impl Iterator<Item = &RedisServer> {
        self.servers.iter().filter(|server| server.pid().is_some())
    }
}

fn serves(server: &RedisServer) -> bool {
    server.cli(&["CLUSTER", "INFO"]).is_ok_and(|info| info.contains("cluster_state:ok"))
}

// A line of CLUSTER NODES: id address@bus flags master ping pong epoch link slot…

fn is_master(line: &str) -> bool {
    let flags = line.split(' ').nth(2).unwrap_or_default();
    flags.contains("master") && !flags.contains("fail")
}

fn has_slot(line: &str, slot: u32) -> bool {
    line.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse(), last.parse()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
    })
}

fn port_of(line: &str) -> Option<u16> {
    let address = line.split(' ').nth(1)?.split('@').next()?;
    address.rsplit(':').next()?.parse().ok()
}
