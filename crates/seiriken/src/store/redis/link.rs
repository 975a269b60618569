//! The connection to one server, made anew when it has ended.
//!
//! All verbs share it. A verb whose caller goes away gives up its place in the queue of answers,
//! no more: what was sent is answered to nobody, and the next answer still goes to whom it
//! belongs. The driver sends nothing twice.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, Pipeline, RedisError, Value};
use tokio::time::Instant;

use super::address::{at, host_and_port};
use super::error::{TooFewReplicas, in_doubt, is_elsewhere, not_applied, of_command};
use super::script::Script;
use crate::store::StoreError;

/// How long a server is waited for, and how many replicas have to have what is acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    pub(super) connect: Duration,
    pub(super) answer: Duration,
    pub(super) replicas: u32,
}

/// Which server it is.
#[derive(Debug)]
pub(super) enum Whom {
    This(ConnectionInfo),
    /// Whichever the sentinels call the master.
    Master {
        sentinels: Vec<ConnectionInfo>,
        name: String,
        server: ConnectionInfo,
    },
}

#[derive(Debug)]
pub(super) struct Link {
    whom: Whom,
    patience: Patience,
    current: RwLock<Option<Numbered>>,
    connecting: tokio::sync::Mutex<Connecting>,
}

/// What came of connecting so far.
#[derive(Debug, Default)]
struct Connecting {
    made: u64,
    failed: Option<(Instant, RedisError)>,
}

#[derive(Debug, Clone)]
struct Numbered {
    number: u64,
    connection: MultiplexedConnection,
}

/// Why a command has no answer.
pub(super) enum Failed {
    /// Nothing was sent.
    NotConnected(RedisError),
    /// The server answered an error, or nothing.
    Command(RedisError),
    /// It was done, and too few replicas have it.
    TooFew(TooFewReplicas),
}

impl Failed {
    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::NotConnected(error) => not_applied(error),
            Self::Command(error) => of_command(error),
            Self::TooFew(few) => in_doubt(few),
        }
    }
}

impl Link {
    pub(super) fn new(whom: Whom, patience: Patience) -> Self {
        Self {
            whom,
            patience,
            current: RwLock::default(),
            connecting: tokio::sync::Mutex::default(),
        }
    }

    /// Runs a script, which the server may have to be told first. After `asking` a server takes a
    /// key that is just moving to it.
    pub(super) async fn run(
        &self,
        script: &Script,
        command: &Cmd,
        asking: bool,
    ) -> Result<Value, Failed> {
        match self.send(command, asking, self.patience.replicas).await {
            Err(Failed::Command(error)) if error.code() == Some("NOSCRIPT") => {
                self.ask(&script.load()).await?;
                self.send(command, asking, self.patience.replicas).await
            }
            told => told,
        }
    }

    /// A question, which may be asked twice: where the connection has ended meanwhile, it is.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, Failed> {
        match self.send(command, false, 0).await {
            Err(Failed::Command(error)) if error.is_connection_dropped() => {
                self.send(command, false, 0).await
            }
            told => told,
        }
    }

    async fn send(&self, command: &Cmd, asking: bool, replicas: u32) -> Result<Value, Failed> {
        let mut commands = Pipeline::with_capacity(3);
        if asking {
            commands.cmd("ASKING");
        }
        commands.add_command(command.clone());
        if replicas > 0 {
            // On the same connection: WAIT is for what that connection has seen.
            let at_most = u64::try_from(self.patience.answer.as_millis() / 2).unwrap_or(1).max(1);
            commands.cmd("WAIT").arg(replicas).arg(at_most);
        }
        let mut link = self.connected().await.map_err(Failed::NotConnected)?;
        let count = commands.len();
        let answers = link.connection.send_packed_commands(&commands, 0, count).await;
        let mut answers = answers.inspect_err(|error| {
            if error.is_unrecoverable_error() || error.is_timeout() {
                self.forget(link.number);
            }
        });
        let reached = match &mut answers {
            Ok(answers) if replicas > 0 => answers.pop(),
            _ => None,
        };
        let answer = answers
            .and_then(|mut answers| answers.pop().unwrap_or_default().extract_error())
            .inspect_err(|error| {
                // Made a replica: the next verb asks the sentinels who is the master now.
                if is_elsewhere(error) {
                    self.forget(link.number);
                }
            })
            .map_err(Failed::Command)?;
        match reached {
            None => Ok(answer),
            Some(Value::Int(reached)) if reached >= i64::from(replicas) => Ok(answer),
            Some(Value::Int(reached)) => {
                Err(Failed::TooFew(TooFewReplicas { reached, wanted: replicas }))
            }
            Some(_) => Err(Failed::TooFew(TooFewReplicas { reached: 0, wanted: replicas })),
        }
    }

    async fn connected(&self) -> Result<Numbered, RedisError> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let asked = Instant::now();
        let mut connecting = self.connecting.lock().await;
        if let Some(link) = self.current() {
            return Ok(link);
        }
        // It was tried while this one waited: else each of many would wait for a dead server in turn.
        if let Some((at, error)) = &connecting.failed
            && *at > asked
        {
            return Err(error.clone());
        }
        match self.connect_to_whom().await {
            Ok(connection) => {
                connecting.made += 1;
                let link = Numbered { number: connecting.made, connection };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(link.clone());
                Ok(link)
            }
            Err(error) => {
                connecting.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn connect_to_whom(&self) -> Result<MultiplexedConnection, RedisError> {
        match &self.whom {
            Whom::This(info) => self.connect(info).await,
            Whom::Master { sentinels, name, server } => {
                self.connect_to_master(sentinels, name, server).await
            }
        }
    }

    fn current(&self) -> Option<Numbered> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Not a later one: somebody else may have connected since.
    fn forget(&self, number: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.take_if(|link| link.number == number);
    }

    async fn connect(&self, info: &ConnectionInfo) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.patience.connect))
            .set_response_timeout(Some(self.patience.answer));
        let client = Client::open(info.clone())?;
        client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// The first sentinel that answers is believed: a server that is no master says so itself, when
    /// it is written to.
    async fn connect_to_master(
        &self,
        sentinels: &[ConnectionInfo],
        name: &str,
        server: &ConnectionInfo,
    ) -> Result<MultiplexedConnection, RedisError> {
        let mut last = None;
        for sentinel in sentinels {
            match self.master_by(sentinel, name).await {
                Ok(Some((host, port))) => match self.connect(&at(server, &host, port)).await {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = Some(error),
                },
                Ok(None) => {}
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| {
            let unknown = "no sentinel knows a master of this name";
            (redis::ErrorKind::MasterNameNotFoundBySentinel, unknown).into()
        }))
    }

    async fn master_by(
        &self,
        sentinel: &ConnectionInfo,
        name: &str,
    ) -> Result<Option<(String, u16)>, RedisError> {
        let mut connection = self.connect(sentinel).await?;
        let mut command = redis::cmd("SENTINEL");
        command.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
        let address: Option<(String, u16)> = command.query_async(&mut connection).await?;
        Ok(address)
    }

    /// The way to speak to it, for the nodes that it names.
    pub(super) fn info(&self) -> &ConnectionInfo {
        match &self.whom {
            Whom::This(info) => info,
            Whom::Master { server, .. } => server,
        }
    }

    /// Another node, spoken to in the same way.
    pub(super) fn to(&self, address: &str) -> Option<Self> {
        let (host, port) = host_and_port(address)?;
        Some(Self::new(Whom::This(at(self.info(), host, port)), self.patience))
    }
}
