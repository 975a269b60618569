//! Redis: one server, a cluster of six, or a master with a replica and three sentinels.

mod cli;
mod cluster;
mod sentinel;
mod tls;

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub use cluster::RedisCluster;
pub use sentinel::RedisSentinels;
pub use tls::Tls;

use crate::process::{Process, until};
use crate::program::find;
use crate::{ServerError, port};

const PACKAGE: &str = "redis-server";

/// What is written to the disk, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    /// Every write, before it is answered.
    #[default]
    Always,
    /// About once a second.
    EverySecond,
    /// Nothing at all.
    Nothing,
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct RedisSettings {
    persistence: Persistence,
    tls: Option<Tls>,
    /// Where its folder is to be, unless among temporary ones.
    above: Option<PathBuf>,
    /// Names of redis.conf and their values.
    more: Vec<(String, String)>,
}

impl RedisSettings {
    /// Writes every write to the disk, forgets nothing to make room.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is written to the disk, and when.
    #[must_use]
    pub fn persistence(mut self, persistence: Persistence) -> Self {
        self.persistence = persistence;
        self
    }

    /// Speaks TLS too, on a port of its own.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Keeps its files in a folder of its own below this one, for whoever cares on which disk they
    /// are.
    #[must_use]
    pub fn below(mut self, above: &Path) -> Self {
        self.above = Some(above.to_owned());
        self
    }

    /// Anything else of redis.conf: `maxmemory-policy`, `requirepass`, `save`.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.more.push((name.to_owned(), value.to_owned()));
        self
    }

    fn folder(&self) -> Result<TempDir, ServerError> {
        let folder = match &self.above {
            None => TempDir::new(),
            Some(above) => TempDir::new_in(above),
        };
        folder.map_err(ServerError::system("a folder for Redis"))
    }
}

/// A server with a folder of its own.
#[derive(Debug)]
pub struct RedisServer {
    settings: RedisSettings,
    folder: TempDir,
    port: u16,
    tls_port: Option<u16>,
    /// `None` after it was killed.
    process: Option<Process>,
}

/// Somebody else may take a free port first.
const PORTS_TRIED: usize = 5;

impl RedisServer {
    /// Starts one, and waits until it answers.
    pub fn start(settings: RedisSettings) -> Result<Self, ServerError> {
        let folder = settings.folder()?;
        let tls_port = settings.tls.is_some().then(port::free).transpose()?;
        let mut server = Self { settings, folder, port: 0, tls_port, process: None };
        for _ in 1..PORTS_TRIED {
            server.port = port::free()?;
            if server.run().is_ok() {
                return Ok(server);
            }
        }
        server.port = port::free()?;
        server.run().map(|()| server)
    }

    /// `redis://127.0.0.1:…`
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// `rediss://localhost:…`, where it speaks TLS.
    pub fn tls_url(&self) -> Option<String> {
        self.tls_port.map(|port| format!("rediss://localhost:{port}"))
    }

    /// `127.0.0.1:…`
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Kills it (SIGKILL): no write is finished, no connection closed in order.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Ends it in order.
    pub fn stop(&mut self) {
        // It answers by closing the connection.
        let _ = self.cli(&["SHUTDOWN"]);
        if let Some(process) = self.process.take() {
            process.wait();
        }
    }

    /// Starts it again, on the same port and what is on its disk; kills it before, if it runs.
    pub fn restart(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.run()
    }

    /// Starts it again, on the same port and nothing on its disk.
    pub fn restart_empty(&mut self) -> Result<(), ServerError> {
        self.kill();
        self.folder = self.settings.folder()?;
        self.run()
    }

    /// What `redis-cli` prints for a command.
    pub fn cli(&self, command: &[&str]) -> Result<String, ServerError> {
        cli::ask(self.port, command)
    }

    fn run(&mut self) -> Result<(), ServerError> {
        let mut command = Command::new(find("redis-server", PACKAGE)?);
        let port = self.port.to_string();
        command.current_dir(self.folder.path());
        let mut set = |name: &str, value: &str| {
            command.arg(format!("--{name}")).arg(value);
        };
        set("port", &port);
        set("bind", "127.0.0.1");
        set("daemonize", "no");
        set("save", "");
        set("logfile", "log");
        match self.settings.persistence {
            Persistence::Always => {
                set("appendonly", "yes");
                set("appendfsync", "always");
            }
            Persistence::EverySecond => {
                set("appendonly", "yes");
                set("appendfsync", "everysec");
            }
            Persistence::Nothing => set("appendonly", "no"),
        }
        if let (Some(tls), Some(port)) = (&self.settings.tls, self.tls_port) {
            tls.set(port, &mut set);
        }
        for (name, value) in &self.settings.more {
            set(name, value);
        }
        let mut process =
            Process::start(&mut command).map_err(ServerError::system("redis-server"))?;
        let mut ended = false;
        let ready = until(|| {
            ended = process.has_ended();
            ended || cli::answers(self.port, process.id())
        });
        if !ready || ended {
            return Err(self.no_answer("redis-server does not answer"));
        }
        self.process = Some(process);
        Ok(())
    }

    fn no_answer(&self, what: &'static str) -> ServerError {
        ServerError::NoAnswer { what, log: self.folder().join("log") }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }
}
