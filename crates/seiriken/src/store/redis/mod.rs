//! The store on Redis or Valkey: several nodes share one server, one that sentinels watch, or a
//! cluster. For effects that are keyed or opaque; none can commit together with its record.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use seiriken::store::redis::RedisStore;
//!
//! let store = RedisStore::connect("redis://localhost").await?;
//! println!("{}", store.durability());
//! # Ok(())
//! # }
//! ```
//!
//! # How it works
//!
//! - A record is one value under one key (`layout.rs`), so it is on one node of a cluster. A new
//!   claim, an answer that an owner records in its lease, a replay and "it is running" are one call
//!   of one script each, decided in one step by the server's clock. Anything rarer (takeovers, late
//!   owners, releases, renewals) is decided by [`transition`](crate::record::transition) on what
//!   stands, and put in its place if that still stands.
//! - Tokens are 128 random bits, so they never repeat.
//! - The server removes a record by itself, a grace after it expired. How soon that may be is kept in
//!   the state (`PREFIX:state`), so that a dated key whose record may be gone is expired, never new.
//! - A server that was restarted, emptied or promoted may have forgotten what it had acknowledged
//!   (`look.rs`). Dated keys made before that and not found are answered
//!   [`Indeterminate`](crate::record::transition::ClaimOutcome::Indeterminate). Keys without a date
//!   are new then: who cannot have that takes dated keys alone, or another store.
//! - A master that was replaced and has not heard of it yet still grants keys, of which its successor
//!   knows nothing. `min-replicas-to-write` bounds how long that can last, and
//!   [`RedisOptions::confirmed_by_replicas`] refuses what no replica has.
//! - Quotas are counted on the server, for claims that have one, where it has all keys; a cluster has
//!   them on many nodes, and keeps no quotas.
//!
//! What the servers promise is asked when the store is opened ([`RedisStore::durability`]); those that
//! forget keys when their memory is full are refused, unless that is allowed by name. Redis 7.0 and
//! Valkey 7.2 are the oldest that have what the scripts use.

mod address;
mod check;
mod claim;
mod cluster;
mod durability;
mod error;
mod layout;
mod link;
mod look;
mod operate;
mod options;
mod script;
mod servers;
mod settle;
mod state;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

pub use durability::{Durability, Persistence};
pub use error::OpenError;
pub use options::RedisOptions;

use self::error::{AnotherSecret, not_applied};
use self::layout::millis;
use self::servers::Servers;
use self::state::State;
use crate::issuing::IssuingSecrets;
use crate::record::transition::{
    Claim, ClaimOutcome, CompleteOutcome, Ended, ReleaseOutcome, RenewOutcome,
};
use crate::record::{EffectClass, Record, RecordedResponse, Token};
use crate::scope::RecordId;
use crate::secret::StoreSecret;
use crate::store::{Store, StoreError};

/// Key records on Redis. Carries [`EffectClass::Opaque`] and [`EffectClass::Keyed`].
#[derive(Debug)]
pub struct RedisStore {
    shared: Arc<Shared>,
    _watcher: Watcher,
}

#[derive(Debug)]
struct Shared {
    servers: Servers,
    options: RedisOptions,
    state_key: String,
    /// Whether all keys are on one server: then the state and the counts of quotas are beside them.
    counts: bool,
    durability: RwLock<Durability>,
    secret: StoreSecret,
    issuing: IssuingSecrets,
    state: RwLock<Arc<State>>,
    /// How long this node has dated records kept.
    retentions: Mutex<BTreeSet<Duration>>,
    /// Another secret stands where ours did.
    replaced: AtomicBool,
}

/// Ends with the store.
#[derive(Debug)]
struct Watcher(tokio::task::JoinHandle<()>);

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What comes in the place of what stands.
enum Put {
    Record(Record),
    Nothing,
}

/// How often what stands may change between a look and a step. Each time somebody else has got
/// further, so this is never reached while a record comes to its end.
const TRIES: usize = 64;
/// A hundred years in milliseconds: what is to be kept longer is kept so long.
const LONGEST: u64 = 100 * 366 * 24 * 60 * 60 * 1_000;

impl RedisStore {
    /// Opens the store at an address, with the usual options ([`RedisOptions::connect`] names the forms
    /// of addresses).
    ///
    /// # Errors
    /// When the servers cannot be asked, or when they cannot keep the promise.
    ///
    /// # Panics
    /// Outside a Tokio runtime. The store's connections live on the runtime that it is opened on.
    pub async fn connect(address: &str) -> Result<Self, OpenError> {
        RedisOptions::new().connect(address).await
    }

    /// What the servers promise of acknowledged records, as they said when they were last looked at.
    pub fn durability(&self) -> Durability {
        self.shared.durability.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Signs the keys that are issued from now on with a new secret. Keys of the secret before
    /// it are still taken until the next rotation, older ones no longer: let at least the time
    /// that an issued key is good for pass between two. Other nodes notice when they next look
    /// ([`RedisOptions::watched_every`]), and take no keys of the new one before.
    pub async fn rotate_issuing_secret(&self) -> Result<(), StoreError> {
        self.shared.rotate().await
    }

    /// Looks at the servers now: whether they were restarted, emptied or replaced. Done by itself every
    /// few seconds ([`RedisOptions::watched_every`]).
    pub async fn look(&self) -> Result<(), StoreError> {
        self.shared.look().await.map(drop)
    }
}

impl Shared {
    fn key(&self, id: RecordId) -> String {
        let mut key = String::with_capacity(self.options.prefix.len() + 33);
        key.push_str(&self.options.prefix);
        key.push(':');
        for byte in id.as_bytes() {
            let _ = write!(key, "{byte:02x}");
        }
        key
    }

    fn usage_prefix(&self) -> String {
        format!("{}:scope:", self.options.prefix)
    }

    /// For the scripts: the time that a test has set, else nothing.
    fn time(&self) -> String {
        let clock = self.options.clock.as_ref();
        clock.map(|clock| clock.now().as_millis().to_string()).unwrap_or_default()
    }

    fn time_to_live(&self, kept: Duration) -> u64 {
        millis(kept.saturating_add(self.options.grace)).clamp(1, LONGEST)
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the servers know already that records of this retention are made; from now on this
    /// node says so.
    fn uses(&self, kept: Duration) -> bool {
        !self.retentions.lock().unwrap_or_else(PoisonError::into_inner).insert(kept)
    }

    fn check_own(&self) -> Result<(), StoreError> {
        if self.replaced.load(Ordering::Acquire) { Err(not_applied(AnotherSecret)) } else { Ok(()) }
    }
}

impl Store for RedisStore {
    fn secret(&self) -> &StoreSecret {
        &self.shared.secret
    }

    fn issuing_secrets(&self) -> &IssuingSecrets {
        &self.shared.issuing
    }

    fn carries(&self, class: EffectClass) -> bool {
        class != EffectClass::Transactional
    }

    fn keeps_quotas(&self) -> bool {
        self.shared.counts
    }

    fn promise(&self) -> Option<String> {
        Some(self.durability().to_string())
    }

    async fn claim(&self, id: RecordId, claim: Claim) -> Result<ClaimOutcome, StoreError> {
        self.shared.claim(id, claim).await
    }

    async fn renew(
        &self,
        id: RecordId,
        token: Token,
        lease: Duration,
    ) -> Result<RenewOutcome, StoreError> {
        self.shared.renew(id, token, lease).await
    }

    async fn complete(
        &self,
        id: RecordId,
        token: Token,
        response: RecordedResponse,
    ) -> Result<CompleteOutcome, StoreError> {
        self.shared.complete(id, token, response).await
    }

    async fn release(
        &self,
        id: RecordId,
        token: Token,
        ended: Ended,
    ) -> Result<ReleaseOutcome, StoreError> {
        self.shared.release(id, token, ended).await
    }
}
