//! Redis Cluster: which node has which key, and where to go when it has moved.
//!
//! Every script has one key, so every call goes to one node. This is done here rather than by the
//! driver, whose connection to a cluster repeats commands by itself, and which cannot say
//! whether a command that failed was ever sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use redis::{Cmd, ErrorKind, RedisError, ServerErrorKind, Value};

use super::error::{is_elsewhere, not_applied};
use super::link::{Failed, Link};
use super::script::Script;
use crate::store::StoreError;

const SLOTS: usize = 16_384;
/// How often a key is followed: it moves once, as a rule.
const MOVES: usize = 6;
/// A slot that is still moving, or whose master has just failed, is asked for again after this long.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Cluster {
    /// Those that were named when the store was opened.
    seeds: Vec<Arc<Link>>,
    links: Mutex<HashMap<String, Arc<Link>>>,
    /// For each slot its node. Empty before the first look.
    nodes: RwLock<Vec<Option<Arc<Link>>>>,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Link>) -> Self {
        let seeds = seeds.into_iter().map(Arc::new).collect();
        Self { seeds, links: Mutex::default(), nodes: RwLock::default() }
    }

    /// Runs a script where its key is.
    pub(super) async fn run(
        &self,
        key: &str,
        script: &Script,
        command: &Cmd,
    ) -> Result<Value, StoreError> {
        let slot = slot(key.as_bytes());
        let mut asked = None;
        let mut last = None;
        for moves in 0..MOVES {
            // Two servers that name each other have not heard of the last step of a move.
            if moves > 1 {
                tokio::time::sleep(PAUSE).await;
            }
            let (link, asking) = match asked.take() {
                Some(link) => (link, true),
                None => (self.node_of(slot).await?, false),
            };
            match link.run(script, command, asking).await {
                Ok(value) => return Ok(value),
                Err(Failed::Command(error)) => match error.kind() {
                    ErrorKind::Server(ServerErrorKind::Moved) => {
                        let moved = self.named_by(&error);
                        self.has(slot, moved);
                        last = Some(error);
                    }
                    ErrorKind::Server(ServerErrorKind::Ask) => {
                        asked = self.named_by(&error);
                        last = Some(error);
                    }
                    // Not done, and worth asking again: elsewhere, or soon.
                    ErrorKind::Server(ServerErrorKind::TryAgain) => last = Some(error),
                    _ if is_elsewhere(&error) => {
                        self.look_again().await;
                        last = Some(error);
                    }
                    _ => {
                        self.look_again_unless_answered(&error).await;
                        return Err(Failed::Command(error).into_store_error());
                    }
                },
                Err(Failed::NotConnected(error)) => {
                    self.look_again().await;
                    last = Some(error);
                }
                Err(few @ Failed::TooFew(_)) => return Err(few.into_store_error()),
            }
        }
        Err(not_applied(last.unwrap_or_else(no_node)))
    }

    /// Every node that has slots now.
    pub(super) async fn masters(&self) -> Result<Vec<Arc<Link>>, StoreError> {
        self.look().await?;
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        let mut masters: Vec<Arc<Link>> = Vec::new();
        for link in nodes.iter().flatten() {
            if !masters.iter().any(|known| Arc::ptr_eq(known, link)) {
                masters.push(Arc::clone(link));
            }
        }
        Ok(masters)
    }

    async fn node_of(&self, slot: usize) -> Result<Arc<Link>, StoreError> {
        if let Some(link) = self.known(slot) {
            return Ok(link);
        }
        self.look().await?;
        self.known(slot).ok_or_else(|| not_applied(no_node()))
    }

    fn known(&self, slot: usize) -> Option<Arc<Link>> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.get(slot).cloned().flatten()
    }

    fn has(&self, slot: usize, link: Option<Arc<Link>>) {
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get_mut(slot) {
            *node = link;
        }
    }

    async fn look_again(&self) {
        if let Err(error) = self.look().await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "no node of the cluster says which has which keys");
        }
    }

    async fn look_again_unless_answered(&self, error: &RedisError) {
        if !matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension) {
            self.look_again().await;
        }
    }

    /// Asks any node which has which slots.
    async fn look(&self) -> Result<(), StoreError> {
        let known: Vec<Arc<Link>> = {
            let links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            links.values().chain(&self.seeds).cloned().collect()
        };
        let mut command = redis::cmd("CLUSTER");
        command.arg("SLOTS");
        let mut last = not_applied(no_node());
        for link in known {
            match link.ask(&command).await {
                Ok(slots) => {
                    let nodes = self.read(&link, slots);
                    *self.nodes.write().unwrap_or_else(PoisonError::into_inner) = nodes;
                    return Ok(());
                }
                Err(error) => last = not_applied(error.into_store_error()),
            }
        }
        Err(last)
    }

    /// Each range of slots: first, last, its master (host, port, …), its replicas.
    fn read(&self, asked: &Link, slots: Value) -> Vec<Option<Arc<Link>>> {
        type Range = (usize, usize, Vec<Value>);
        let mut nodes = vec![None; SLOTS];
        let Value::Array(ranges) = slots else { return nodes };
        for range in ranges {
            let Some((first, last, master)) = (|| -> Option<Range> {
                let Value::Array(range) = range else { return None };
                let mut range = range.into_iter();
                let (Value::Int(first), Value::Int(last)) = (range.next()?, range.next()?) else {
                    return None;
                };
                let Value::Array(master) = range.next()? else { return None };
                Some((usize::try_from(first).ok()?, usize::try_from(last).ok()?, master))
            })() else {
                continue;
            };
            let host: Option<String> =
                master.first().and_then(|host| redis::from_redis_value_ref(host).ok());
            let Some(Value::Int(port)) = master.get(1) else { continue };
            let address = format!("{}:{port}", host.unwrap_or_default());
            let link = self.link(asked, &address);
            if let (Some(link), Some(range)) = (link, nodes.get_mut(first..=last)) {
                range.fill(Some(link));
            }
        }
        nodes
    }

    fn named_by(&self, error: &RedisError) -> Option<Arc<Link>> {
        let (address, _) = error.redirect_node()?;
        self.link(self.seeds.first()?, address)
    }

    /// A node that has no name for itself is where it was asked.
    fn link(&self, asked: &Link, address: &str) -> Option<Arc<Link>> {
        let address = match address.strip_prefix(':') {
            Some(port) => {
                let asked = asked.info().addr().to_string();
                format!("{}:{port}", asked.rsplit_once(':')?.0)
            }
            None => address.to_owned(),
        };
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = links.get(&address) {
            return Some(Arc::clone(link));
        }
        let link = Arc::new(asked.to(&address)?);
        links.insert(address, Arc::clone(&link));
        Some(link)
    }
}

fn no_node() -> RedisError {
    (ErrorKind::ClusterConnectionNotFound, "no node of the cluster has the key").into()
}

/// Which slot a key is in: CRC-16 (XMODEM) of what stands in its first braces, or of all of it.
fn slot(key: &[u8]) -> usize {
    let tag = key.iter().position(|byte| *byte == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|byte| *byte == b'}').filter(|close| *close > 0)?;
        Some(&rest[..close])
    });
    let crc = tag.unwrap_or(key).iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    usize::from(crc) % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of the polynomial, and keys as the specification of Redis Cluster has them.
    #[test]
    fn slots_are_those_that_redis_computes() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"{user1000}.following"), slot(b"user1000"));
        assert_eq!(slot(b"foo{}{bar}"), slot(b"foo{}{bar}"));
        assert_eq!(slot(b"foo{{bar}}zap"), slot(b"{bar"));
        assert_eq!(slot(b"foo{bar}{zap}"), slot(b"bar"));
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"), "empty braces are no tag");
    }
}
