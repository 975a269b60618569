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
        let text = |value| {
            redis::from_redis_value::<String>(value).map_err(|error| Failed::Command(error.into()))
        };
        let mut ask = redis::cmd("INFO");
        ask.arg("replication");
        let replication = text(link.ask(&ask).await?)?;
        let mut ask = redis::cmd("INFO");
        ask.arg("memory");
        let memory = text(link.ask(&ask).await?)?;
        let policy = field(&memory, "maxmemory_policy").unwrap_or_default();
        let replicas = field(&replication, "connected_slaves").and_then(|count| count.parse().ok());
        Ok(Self {
            history: field(&replication, "master_replid").unwrap_or_default().to_owned(),
            replicas: replicas.unwrap_or(0),
            persistence: persistence(link).await?,
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

/// What they promise together, if it is enough.
pub(super) fn durability(
    said: &[Said],
    allowed: &Allowed,
    confirmed_by: u32,
) -> Result<Durability, OpenError> {
    let mut together = Durability {
        persistence: Persistence::EveryWrite,
        replicas: u32::MAX,
        confirmed_by,
        evicts: None,
    };
    for server in said {
        if let Some(policy) = &server.evicts {
            if allowed.eviction.as_ref() != Some(policy) {
                return Err(OpenError::Evicts { policy: policy.clone() });
            }
            together.evicts = Some(policy.clone());
        }
        let persistence =
            server.persistence.or(allowed.persistence).ok_or(OpenError::PersistenceUnknown)?;
        together.persistence = together.persistence.min(persistence);
        together.replicas = together.replicas.min(server.replicas);
    }
    Ok(together)
}

async fn persistence(link: &Link) -> Result<Option<Persistence>, Failed> {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("appendonly").arg("appendfsync").arg("save");
    let answer = match link.ask(&ask).await {
        Ok(answer) => answer,
        // Not allowed to us, or not there at all: as managed services have it.
        Err(Failed::Command(error)) if is_refused(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let settings: Vec<(String, String)> =
        redis::from_redis_value(answer).map_err(|error| Failed::Command(error.into()))?;
    let of = |name: &str| {
        settings.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    Ok(match (of("appendonly"), of("appendfsync"), of("save")) {
        (Some("yes"), Some("always"), _) => Some(Persistence::EveryWrite),
        (Some("yes"), Some(_), _) => Some(Persistence::EverySecond),
        (Some("no"), _, Some("")) => Some(Persistence::Nothing),
        (Some("no"), _, Some(_)) => Some(Persistence::Snapshots),
        _ => None,
    })
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
