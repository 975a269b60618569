//! Orders on the Redis server that holds their keys.

use redis::aio::ConnectionManager;
use redis::{AsyncCommands, RedisError, Script};
use seiriken::store::StoreError;
use uuid::Uuid;

use super::{Book, OrderJson, Page};

/// Orders as hashes, each under the id that is made from its key, and a list of them.
#[derive(Debug, Clone)]
pub(in crate::orders) struct RedisBook {
    connection: ConnectionManager,
}

/// The ids of all orders, each with how many came before it: many come in one millisecond, and the
/// clocks of processes differ.
const LIST: &str = "seiriken:orders";

/// Writes an order where there is none yet, and answers the one that stands. Whoever does it again,
/// also half of it, does no more.
const INSERT_ONCE: &str = "
    redis.call('HSETNX', KEYS[1], 'content', ARGV[1])
    redis.call('ZADD', KEYS[2], 'NX', redis.call('ZCARD', KEYS[2]), ARGV[2])
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
    ) -> Result<OrderJson, RedisError> {
        let mut connection = self.connection.clone();
        Script::new(INSERT_ONCE)
            .key(name(id))
            .key(LIST)
            .arg(order)
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

#[cfg(test)]
mod tests {
    use private_servers::redis::{RedisServer, RedisSettings};

    use super::*;

    /// All of them in a millisecond or two, with ids that grow the other way.
    #[tokio::test]
    async fn the_newest_come_first_however_quickly_they_came() {
        let server = RedisServer::start(RedisSettings::new()).expect("a server");
        let book = RedisBook::open(&server.url()).await.expect("it is there");
        let mut newest_first = Vec::new();
        for number in (0..20).rev() {
            let id = Uuid::from_u128(number);
            let written = book.insert_once(id, &number.to_string()).await.expect("it is written");
            assert_eq!(written, number.to_string());
            newest_first.insert(0, (id, written));
        }
        // Whoever runs one again moves nothing.
        book.insert_once(Uuid::from_u128(19), "again").await.expect("it stands");
        let page = book.page(30, None).await.expect("it is read").expect("from the start");
        assert_eq!(page, Page { orders: newest_first, total: 20, more: false });
    }
}
