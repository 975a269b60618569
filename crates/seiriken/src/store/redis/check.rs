//! What a server says of itself: which history its data has, and what it promises.

use redis::{ErrorKind, ServerErrorKind};

use super::durability::{Durability, Persistence};
use super::error::OpenError;
use super::link::{Failed, Link};

/// What one server said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    /// Changes when the server is restarted, and when it takes its master's place.
    pub(super) history: String,
    pub(super) replicas: u32,
    pub(super) least_replicas: u32,
    /// How often it was told to forget everything, since it was started.
    pub(super) flushed: u64,
    /// `None` where its configuration may not be read.
    pub(super) persistence: Option<Persistence>,
    /// The policy, where it is one that forgets.
    pub(super) evicts: Option<String>,
}

/// What the options say that the server may not.
#[derive(Debug, Clone, Default)]
pub(super) struct Allowed {
    pub(super) eviction: Option<String>,
    pub(super) persistence: Option<Persistence>,
}

impl Said {
    pub(super) async fn by(link: &Link) -> Result<Self, Failed> {
        let replication = info(link, "replication").await?;
        let memory = info(link, "memory").await?;
        let commands = info(link, "commandstats").await?;
        let policy = field(&memory, "maxmemory_policy").unwrap_or_default();
        let number = |text: &str| text.parse().ok();
        let (persistence, least_replicas) = configured(link).await?;
        Ok(Self {
            history: field(&replication, "master_replid").unwrap_or_default().to_owned(),
            replicas: field(&replication, "connected_slaves").and_then(number).unwrap_or(0),
            least_replicas,
            flushed: ["cmdstat_flushall", "cmdstat_flushdb"]
                .iter()
                .filter_map(|command| field(&commands, command)?.strip_prefix("calls="))
                .filter_map(|calls| calls.split(',').next()?.parse::<u64>().ok())
                .sum(),
            persistence,
            evicts: (policy != "noeviction").then(|| policy.to_owned()),
        })
    }

    /// Whether a server that came back with another history may have forgotten something.
    ///
    /// A replica in its master's place has another history too, so with replicas there is no
    /// telling the two apart: the state remembers whether there ever were any.
    pub(super) fn may_forget(&self, allowed: &Allowed) -> bool {
        self.persistence.or(allowed.persistence) != Some(Persistence::EveryWrite)
    }
}

/// Refuses a server that forgets keys by a policy which is not allowed by name.
pub(super) fn eviction(said: &[Said], allowed: &Allowed) -> Result<(), OpenError> {
    let mut policies = said.iter().filter_map(|server| server.evicts.as_ref());
    match policies.find(|policy| allowed.eviction.as_ref() != Some(policy)) {
        Some(policy) => Err(OpenError::Evicts { policy: policy.clone() }),
        None => Ok(()),
    }
}

/// What they promise together.
pub(super) fn durability(
    said: &[Said],
    allowed: &Allowed,
    confirmed_by: u32,
) -> Result<Durability, OpenError> {
    let mut together = Durability {
        persistence: Persistence::EveryWrite,
        replicas: u32::MAX,
        least_replicas: u32::MAX,
        confirmed_by,
        evicts: None,
    };
    for server in said {
        together.evicts = together.evicts.or_else(|| server.evicts.clone());
        let persistence =
            server.persistence.or(allowed.persistence).ok_or(OpenError::PersistenceUnknown)?;
        together.persistence = together.persistence.min(persistence);
        together.replicas = together.replicas.min(server.replicas);
        together.least_replicas = together.least_replicas.min(server.least_replicas);
    }
    Ok(together)
}

async fn info(link: &Link, section: &str) -> Result<String, Failed> {
    let mut ask = redis::cmd("INFO");
    ask.arg(section);
    redis::from_redis_value(link.ask(&ask).await?).map_err(|error| Failed::Command(error.into()))
}

/// What it writes to its disk, if it says so, and with how many replicas at least.
async fn configured(link: &Link) -> Result<(Option<Persistence>, u32), Failed> {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("appendonly").arg("appendfsync").arg("save").arg("min-replicas-to-write");
    let answer = match link.ask(&ask).await {
        Ok(answer) => answer,
        // Not allowed to us, or not there at all: as managed services have it.
        Err(Failed::Command(error)) if is_refused(&error) => return Ok((None, 0)),
        Err(error) => return Err(error),
    };
    let settings: Vec<(String, String)> =
        redis::from_redis_value(answer).map_err(|error| Failed::Command(error.into()))?;
    let of = |name: &str| {
        settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    let persistence = match (of("appendonly"), of("appendfsync"), of("save")) {
        (Some("yes"), Some("always"), _) => Some(Persistence::EveryWrite),
        (Some("yes"), Some(_), _) => Some(Persistence::EverySecond),
        (Some("no"), _, Some("")) => Some(Persistence::Nothing),
        (Some("no"), _, Some(_)) => Some(Persistence::Snapshots),
        _ => None,
    };
    let least = of("min-replicas-to-write").and_then(|least| least.parse().ok());
    Ok((persistence, least.unwrap_or(0)))
}

fn is_refused(error: &redis::RedisError) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Extension
            | ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError)
    )
}

/// A line `name:value` of INFO.
fn field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}
