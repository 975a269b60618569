//! How the store is opened.

use std::sync::Arc;
use std::time::Duration;

use super::address::Address;
use super::check::Allowed;
use super::durability::Persistence;
use super::error::OpenError;
use super::link::Patience;
use super::{RedisStore, look};
use crate::clock::Clock;

/// Options of a [`RedisStore`]; [`RedisStore::connect`] has the usual ones.
#[derive(Debug, Clone)]
#[must_use]
pub struct RedisOptions {
    pub(super) prefix: String,
    pub(super) grace: Duration,
    pub(super) watched_every: Duration,
    pub(super) patience: Patience,
    pub(super) allowed: Allowed,
    pub(super) trusted: Option<Vec<u8>>,
    pub(super) clock: Option<Arc<dyn Clock>>,
}

impl Default for RedisOptions {
    fn default() -> Self {
        Self {
            prefix: "seiriken".to_owned(),
            grace: Duration::from_hours(1),
            watched_every: Duration::from_secs(5),
            patience: Patience {
                connect: Duration::from_secs(2),
                answer: Duration::from_secs(5),
                replicas: 0,
            },
            allowed: Allowed::default(),
            trusted: None,
            clock: None,
        }
    }
}

impl RedisOptions {
    /// The usual ones.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the names of all keys begin with, `seiriken` if not said. Stores of one prefix on one
    /// server are one store.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Allows servers that forget keys when their memory is full, by this `maxmemory-policy` alone.
    /// A key that is forgotten early is new: its work runs again.
    pub fn allow_eviction(mut self, policy: impl Into<String>) -> Self {
        self.allowed.eviction = Some(policy.into());
        self
    }

    /// States what the servers write to their disks, where they do not let it be asked (`CONFIG
    /// GET`), as managed services do not. What they say themselves is believed first.
    pub fn persistence(mut self, persistence: Persistence) -> Self {
        self.allowed.persistence = Some(persistence);
        self
    }

    /// Acknowledges a record when so many replicas have it (`WAIT`). With fewer, a verb answers
    /// that it cannot say whether it was applied. It makes a failover that forgets less likely, and
    /// not impossible.
    pub fn confirmed_by_replicas(mut self, replicas: u32) -> Self {
        self.patience.replicas = replicas;
        self
    }

    /// How long a server is waited for, 5 seconds if not said. Replicas are waited for half as long.
    pub fn answered_within(mut self, limit: Duration) -> Self {
        self.patience.answer = limit;
        self
    }

    /// How much longer than needed the server keeps a record, an hour if not said: more than clocks
    /// of servers may differ after a failover.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// How often the servers are asked whether they were restarted or emptied, every 5 seconds if
    /// not said. A dated key that is about to be called new is checked at that moment in any case.
    pub fn watched_every(mut self, pause: Duration) -> Self {
        self.watched_every = pause;
        self
    }

    /// Trusts these certificates (PEM) rather than those of the operating system, with `rediss://`.
    #[cfg(feature = "redis-tls")]
    pub fn trust(mut self, certificates: impl Into<Vec<u8>>) -> Self {
        self.trusted = Some(certificates.into());
        self
    }

    /// Decides by this clock and not by the server's. For tests: it has to be the same one for
    /// everybody.
    #[doc(hidden)]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Opens the store at an address:
    ///
    /// ```text
    /// redis://[user:password@]host[:port][/db]                      rediss:// with TLS
    /// redis-sentinel://[user:password@]host:port,…/master[/db]      rediss-sentinel://
    /// redis-cluster://[user:password@]host:port,…                   rediss-cluster://
    /// ```
    ///
    /// # Errors
    /// When the servers cannot be asked, or when they cannot keep the promise.
    ///
    /// # Panics
    /// Outside a Tokio runtime. The store's connections live on the runtime that it is opened on.
    pub async fn connect(self, address: &str) -> Result<RedisStore, OpenError> {
        let unfit = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '{' | '}');
        if self.prefix.is_empty() || self.prefix.contains(unfit) {
            return Err(OpenError::Prefix { prefix: self.prefix });
        }
        let address = Address::parse(address)?.trusting(self.trusted.as_deref())?;
        look::open(address, self).await
    }
}
