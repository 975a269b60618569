//! Redis Sentinel: a master, a replica, and three sentinels that agree on which is which.

use std::process::Command;

use tempfile::TempDir;

use super::{PACKAGE, RedisServer, RedisSettings, cli};
use crate::process::{Process, until};
use crate::program::find;
use crate::{ServerError, port};

/// A master with its replica, and the sentinels that watch them.
#[derive(Debug)]
pub struct RedisSentinels {
    servers: [RedisServer; 2],
    sentinels: Vec<Sentinel>,
}

#[derive(Debug)]
struct Sentinel {
    port: u16,
    /// Both end with it.
    _process: Process,
    _folder: TempDir,
}

/// What the sentinels call the master.
const MASTER: &str = "keys";

impl RedisSentinels {
    /// Starts them, and waits until all sentinels know each other and the replica.
    pub fn start(settings: &RedisSettings) -> Result<Self, ServerError> {
        let settings = settings.clone().set("repl-diskless-sync-delay", "0");
        let master = RedisServer::start(settings.clone())?;
        let of = format!("127.0.0.1 {}", master.port());
        let replica = RedisServer::start(settings.set("replicaof", &of))?;
        let mut sentinels = Vec::new();
        for _ in 0..3 {
            sentinels.push(Sentinel::start(master.port())?);
        }
        let group = Self { servers: [master, replica], sentinels };
        if until(|| group.is_whole()) {
            return Ok(group);
        }
        Err(group.servers[0].no_answer("the sentinels do not find each other"))
    }

    /// `redis-sentinel://…,…,…/keys`
    pub fn url(&self) -> String {
        let addresses: Vec<String> =
            self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
        format!("redis-sentinel://{}/{MASTER}", addresses.join(","))
    }

    /// The two servers; the first one was started as the master.
    pub fn servers(&mut self) -> &mut [RedisServer; 2] {
        &mut self.servers
    }

    /// Lets the two servers change places, while both run.
    pub fn change_places(&self) -> Result<(), ServerError> {
        cli::ask(self.sentinels[0].port, &["SENTINEL", "FAILOVER", MASTER]).map(drop)
    }

    /// Waits until all sentinels name this server as the master, and it is the only one.
    pub fn wait_until_master(&self, server: usize) -> Result<(), ServerError> {
        let port = self.servers[server].port();
        let named = |sentinel: &Sentinel| {
            let command = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER];
            let address = cli::ask(sentinel.port, &command).unwrap_or_default();
            address.lines().nth(1) == Some(&port.to_string())
        };
        let running = || self.servers.iter().filter(|server| server.pid().is_some());
        let in_its_place = |server: &RedisServer| {
            let role = if server.port() == port { "role:master" } else { "role:slave" };
            cli::info(server.port(), "replication").is_some_and(|info| info.contains(role))
        };
        if until(|| running().all(in_its_place) && self.sentinels.iter().all(named)) {
            return Ok(());
        }
        Err(self.servers[server].no_answer("it is not made the master"))
    }

    fn is_whole(&self) -> bool {
        self.sentinels.iter().all(|sentinel| {
            let info = cli::info(sentinel.port, "sentinel").unwrap_or_default();
            info.contains("status=ok") && info.contains("slaves=1,sentinels=3")
        })
    }
}

impl Sentinel {
    fn start(master: u16) -> Result<Self, ServerError> {
        let folder = TempDir::new().map_err(ServerError::system("a temporary folder"))?;
        let port = port::free()?;
        // Sentinels write what they learn into their own configuration.
        let settings = format!(
            "port {port}\nbind 127.0.0.1\ndir {dir}\nlogfile log\n\
             sentinel monitor {MASTER} 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds {MASTER} 1000\n\
             sentinel failover-timeout {MASTER} 5000\n",
            dir = folder.path().display(),
        );
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, settings).map_err(ServerError::system("sentinel.conf"))?;
        let mut command = Command::new(find("redis-server", PACKAGE)?);
        command.arg(&file).arg("--sentinel").current_dir(folder.path());
        let process =
            Process::start(&mut command).map_err(ServerError::system("redis-server --sentinel"))?;
        if until(|| cli::answers(port, process.id())) {
            return Ok(Self { port, _process: process, _folder: folder });
        }
        let log = folder.path().join("log");
        Err(ServerError::NoAnswer { what: "a sentinel does not answer", log })
    }
}
