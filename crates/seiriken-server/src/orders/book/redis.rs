//! Orders on the Redis server that holds their keys.

use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, Script};
use seiriken::clock::Timestamp;
use seiriken::store::StoreError;
use uuid::Uuid;

use super::{Book, OrderJson, Page};

/// Orders as hashes, each under the id that is made from its key, and a list of them by their time.
#[derive(Debug, Clone)]
pub(in crate::orders) struct RedisBook {
    connection: ConnectionManager,
}

/// The ids of all orders, by when they were made.
const LIST: &str = "seiriken:orders";

/// Writes an order where there is none yet, and answers the one that stands. Whoever does it again,
/// also half of it, does no more.
const INSERT_ONCE: &str = "
    redis.call('HSETNX', KEYS[1], 'content', ARGV[1])
    redis.call('HSETNX', KEYS[1], 'at', ARGV[2])
    redis.call('ZADD', KEYS[2], 'NX', redis.call('HGET', KEYS[1], 'at'), ARGV[3])
    return redis.call('HGET', KEYS[1], 'content')";

impl RedisBook {
    pub(in crate::orders) async fn open(address: &str) -> Result<Self, RedisError> {
        let client = redis::Client::open(address)?;
        Ok(Self { connection: client.get_connection_manager().await? })
    }

    /// Writes an order unless one stands under this id, and answers the one that stands.
    pub(in crate::orders) async fn insert_once(
        &self,
        id: Uuid,
        order: &str,
        now: Timestamp,
    ) -> Result<OrderJson, RedisError> {
        let mut connection = self.connection.clone();
        Script::new(INSERT_ONCE)
            .key(name(id))
            .key(LIST)
            .arg(order)
            .arg(now.as_millis())
            .arg(id.to_string())
            .invoke_async(&mut connection)
            .await
    }

    async fn newest(&self, limit: usize, after: Option<Uuid>) -> Result<Option<Page>, RedisError> {
        let mut connection = self.connection.clone();
        let start = match after {
            None => 0,
            Some(id) => {
                let rank: Option<usize> = connection.zrevrank(LIST, id.to_string()).await?;
                let Some(rank) = rank else { return Ok(None) };
                rank + 1
            }
        };
        let total: u64 = connection.zcard(LIST).await?;
        // One more than are wanted: it tells whether older ones follow.
        let end = isize::try_from(start + limit).unwrap_or(isize::MAX);
        let start = isize::try_from(start).unwrap_or(isize::MAX);
        let ids: Vec<String> = connection.zrevrange(LIST, start, end).await?;
        let more = ids.len() > limit;
        let mut orders = Vec::new();
        for id in ids.iter().take(limit).filter_map(|id| id.parse().ok()) {
            let content: Option<OrderJson> = connection.hget(name(id), "content").await?;
            orders.extend(content.map(|content| (id, content)));
        }
        Ok(Some(Page { orders, total, more }))
    }
}

fn name(id: Uuid) -> String {
    format!("seiriken:order:{id}")
}

impl Book for RedisBook {
    async fn page(&self, limit: usize, after: Option<Uuid>) -> Result<Option<Page>, StoreError> {
        self.newest(limit, after).await.map_err(failed)
    }

    async fn order(&self, id: Uuid) -> Result<Option<OrderJson>, StoreError> {
        self.connection.clone().hget(name(id), "content").await.map_err(failed)
    }
}

fn failed(error: RedisError) -> StoreError {
    StoreError::NotApplied { store: "Redis", source: error.into() }
}
