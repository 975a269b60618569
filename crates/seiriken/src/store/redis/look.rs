//! Looking at the servers: when the store is opened, when a script meets a history that is not
//! known, and every few seconds.
//!
//! A server that was restarted, emptied, or that took its master's place may have forgotten what it
//! had acknowledged. It then has another *history* (`master_replid`), or lacks the state. The
//! moment at which that is found is kept in the state: dated keys made before it, of which nothing
//! is found, have an outcome that nobody knows.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use redis::Value;

use super::address::Address;
use super::check::{self, Said};
use super::durability::{Durability, Persistence};
use super::error::{AnotherSecret, OpenError, corrupt, not_applied};
use super::link::Failed;
use super::options::RedisOptions;
use super::script::{EXAMINE, ROTATE};
use super::servers::Servers;
use super::state::State;
use super::{RedisStore, Shared, Watcher};
use crate::issuing::{IssuingSecrets, Numbered};
use crate::secret::StoreSecret;
use crate::store::StoreError;

/// Opens the store.
pub(super) async fn open(address: Address, options: RedisOptions) -> Result<RedisStore, OpenError> {
    let counts = !address.is_cluster();
    let servers = Servers::new(address, options.patience);
    let said = ask(&servers).await?;
    check::eviction(&said, &options.allowed)?;
    let durability = check::durability(&said, &options.allowed, options.patience.replicas)?;
    let state_key = format!("{}:state", options.prefix);
    let new_secret = StoreSecret::random()?;
    let first = Numbered { number: 1, secret: StoreSecret::random()? };
    let new = (&new_secret, &IssuingSecrets::new(first, None));
    let state = examine(&servers, &options, &state_key, new, &said, &[]).await?;
    tell(&durability);
    let shared = Arc::new(Shared {
        servers,
        state_key,
        counts,
        durability: std::sync::RwLock::new(durability),
        secret: state.secret.clone(),
        issuing: state.issuing(),
        state: std::sync::RwLock::new(Arc::new(state)),
        retentions: std::sync::Mutex::default(),
        replaced: std::sync::atomic::AtomicBool::new(false),
        options,
    });
    let every = shared.options.watched_every;
    let watcher = Watcher(tokio::spawn(watch(Arc::downgrade(&shared), every)));
    Ok(RedisStore { shared, _watcher: watcher })
}

impl Shared {
    /// Looks at the servers, and brings what is known of them up to date.
    pub(super) async fn look(&self) -> Result<Arc<State>, StoreError> {
        let said = ask(&self.servers).await.map_err(store_error)?;
        let retentions: Vec<Duration> = {
            let used = self.retentions.lock().unwrap_or_else(PoisonError::into_inner);
            used.iter().copied().collect()
        };
        let (options, key) = (&self.options, &self.state_key);
        // Where they are lost, ours are put back: keys are known by them.
        let ours = (&self.secret, &self.issuing);
        let state = examine(&self.servers, options, key, ours, &said, &retentions).await;
        let state = state.map_err(store_error)?;
        if state.secret.as_bytes() != self.secret.as_bytes() {
            self.replaced.store(true, Ordering::Release);
            tracing::error!("{AnotherSecret}");
            return Err(not_applied(AnotherSecret));
        }
        // It was fit when the store was opened. Whatever it is now is told, and served on.
        if let Err(unfit) = check::eviction(&said, &options.allowed) {
            tracing::error!("{unfit}");
        }
        match check::durability(&said, &options.allowed, options.patience.replicas) {
            Ok(durability) => {
                let mut known = self.durability.write().unwrap_or_else(PoisonError::into_inner);
                if *known != durability {
                    tell(&durability);
                    *known = durability;
                }
            }
            Err(unknown) => tracing::error!("{unknown}"),
        }
        Ok(self.learn(state))
    }

    fn learn(&self, state: State) -> Arc<State> {
        let ours = self.issuing.current().number;
        // Another node may have rotated them twice since.
        for next in state.previous.iter().chain([&state.current]).filter(|next| next.number > ours)
        {
            self.issuing.rotate(next.clone());
        }
        let state = Arc::new(state);
        let mut known = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if state.forgotten > known.forgotten {
            let since = state.forgotten.as_millis();
            tracing::warn!(
                since,
                "a Redis server was restarted, emptied or replaced, and may have forgotten keys; dated \
                 ones from before that are not found have an unknown outcome"
            );
        }
        *known = Arc::clone(&state);
        state
    }

    /// Signs issued keys with another secret.
    pub(super) async fn rotate(&self) -> Result<(), StoreError> {
        let secret = StoreSecret::random().map_err(not_applied)?;
        let mut command = ROTATE.on(&[&self.state_key]);
        command.arg(self.time()).arg(secret.as_bytes().as_slice());
        let answer = self.servers.run(&self.state_key, &ROTATE, &command).await?;
        let state = State::read(&self.state_key, answer).map_err(store_error)?;
        self.learn(state);
        Ok(())
    }
}

/// What every server that has records says of itself. One that does not answer is left out: it
/// cannot grant anything either.
async fn ask(servers: &Servers) -> Result<Vec<Said>, OpenError> {
    let mut all = Vec::new();
    let mut last = None;
    for link in servers.masters().await? {
        match Said::by(&link).await {
            Ok(said) => all.push(said),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(Failed::NotConnected(error) | Failed::Command(error)) if all.is_empty() => {
            Err(error.into())
        }
        _ => Ok(all),
    }
}

async fn examine(
    servers: &Servers,
    options: &RedisOptions,
    key: &str,
    (secret, issuing): (&StoreSecret, &IssuingSecrets),
    said: &[Said],
    retentions: &[Duration],
) -> Result<State, OpenError> {
    let mut epoch = [0; 16];
    getrandom::fill(&mut epoch)?;
    let (current, previous) = (issuing.current(), issuing.previous());
    let time = options.clock.as_ref().map(|clock| clock.now().as_millis().to_string());
    let mut command = EXAMINE.on(&[key]);
    command
        .arg(time.unwrap_or_default())
        .arg(secret.as_bytes().as_slice())
        .arg(current.secret.as_bytes().as_slice())
        .arg(current.number)
        .arg(previous.map(|previous| previous.secret.as_bytes().to_vec()).unwrap_or_default())
        .arg(format!("{:032x}", u128::from_le_bytes(epoch)))
        .arg(u8::from(said.iter().any(|server| server.replicas > 0)));
    for server in said {
        command.arg(&server.history).arg(u8::from(server.may_forget(&options.allowed)));
        // In a cluster another server may be emptied than the one that has the state.
        if servers.are_many() && server.flushed > 0 {
            command.arg(format!("{}/{}", server.history, server.flushed)).arg(1);
        }
    }
    command.arg("retentions");
    for retention in retentions {
        command.arg(super::layout::millis(*retention));
    }
    let answer: Value = servers.run(key, &EXAMINE, &command).await?;
    State::read(key, answer)
}

fn store_error(error: OpenError) -> StoreError {
    match error {
        OpenError::Store(error) => error,
        error @ OpenError::NotAStore { .. } => corrupt(error),
        error => not_applied(error),
    }
}

fn tell(durability: &Durability) {
    let level = durability.persistence.name();
    if durability.evicts.is_some() || durability.persistence < Persistence::EveryWrite {
        tracing::warn!(level, "what these Redis servers promise: {durability}");
    } else {
        tracing::info!(level, "what these Redis servers promise: {durability}");
    }
}

/// Until the store is dropped.
async fn watch(shared: Weak<Shared>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let Some(shared) = shared.upgrade() else { return };
        if let Err(error) = shared.look().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the Redis servers cannot be looked at");
        }
    }
}
