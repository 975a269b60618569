//! What a person does, on Redis: the same steps as every rarer verb; lists go through all keys.

use futures_util::future::try_join_all;

use super::error::{Unexpected, corrupt, not_applied};
use super::link::Failed;
use super::state::Answer;
use super::{RedisStore, Shared, layout};
use crate::record::transition::{self, DeleteOutcome, Resolution, ResolveOutcome};
use crate::record::{Record, Token};
use crate::scope::RecordId;
use crate::store::operate::NotACursor;
use crate::store::{Cursor, Filter, IdPrefix, Listed, Operate, Page, StoreError};

/// Where a page ended: on which of the servers, and what that called the place.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    server: usize,
    scanned: u64,
}

impl Operate for RedisStore {
    async fn show(&self, id: RecordId) -> Result<Option<Record>, StoreError> {
        self.shared.look_and_step(id, transition::show).await
    }

    /// In the order of the servers' own tables (`SCAN`), so a page has about as many as were asked
    /// for. Servers that join or leave a cluster between two pages bring keys that are not listed:
    /// list again.
    async fn list(
        &self,
        filter: &Filter,
        from: Option<Cursor>,
        at_most: usize,
    ) -> Result<Page, StoreError> {
        let from = match from {
            Some(cursor) => Place::read(&cursor)?,
            None => Place::default(),
        };
        self.shared.page(filter, from, at_most.max(1)).await
    }

    /// All keys of the servers (`DBSIZE`): a server of a store's own has few others.
    async fn about_how_many(&self) -> Result<u64, StoreError> {
        let mut all = 0;
        for server in self.shared.servers.masters().await? {
            let told = server.ask(&redis::cmd("DBSIZE")).await.map_err(Failed::into_store_error)?;
            let keys: u64 = redis::from_redis_value(told).map_err(|_| not_applied(Unexpected))?;
            all += keys;
        }
        Ok(all)
    }

    async fn resolve(
        &self,
        id: RecordId,
        token: Token,
        resolution: Resolution,
    ) -> Result<ResolveOutcome, StoreError> {
        let verb = |record: Option<&_>, now| transition::resolve(record, token, &resolution, now);
        self.shared.look_and_step(id, verb).await
    }

    async fn delete(&self, id: RecordId, token: Token) -> Result<DeleteOutcome, StoreError> {
        let verb = |record: Option<&_>, now| transition::delete(record, token, now);
        self.shared.look_and_step(id, verb).await
    }
}

impl Shared {
    async fn page(&self, filter: &Filter, from: Place, at_most: usize) -> Result<Page, StoreError> {
        self.check_own()?;
        let masters = self.servers.masters().await?;
        let Some(server) = masters.get(from.server) else { return Ok(Page::default()) };
        let mut command = redis::cmd("SCAN");
        command.arg(from.scanned).arg("MATCH").arg(self.pattern(&filter.prefix));
        command.arg("COUNT").arg(at_most);
        let scanned = server.ask(&command).await.map_err(Failed::into_store_error)?;
        let (scanned, keys): (u64, Vec<String>) =
            redis::from_redis_value(scanned).map_err(|_| not_applied(Unexpected))?;
        let ids = keys.iter().filter_map(|key| self.id_of(key));
        // On one connection these go out together.
        let listed = try_join_all(ids.map(|id| self.listed(filter, id))).await?;
        let next = match scanned {
            0 => Place { server: from.server + 1, scanned: 0 },
            scanned => Place { scanned, ..from },
        };
        let next = (next.server < masters.len()).then(|| next.cursor());
        Ok(Page { records: listed.into_iter().flatten().collect(), next })
    }

    async fn listed(&self, filter: &Filter, id: RecordId) -> Result<Option<Listed>, StoreError> {
        let key = self.key(id);
        let Answer { now, stored, .. } = self.read(&key).await?;
        Ok(match stored.map(|stored| layout::decode(&key, stored)) {
            None => None,
            Some(Ok(stored)) => filter.take(id, &stored.record, now),
            Some(Err(damaged)) => Some(Listed { id, record: Err(corrupt(damaged)) }),
        })
    }

    /// What the keys of records look like, and nothing else under the prefix.
    fn pattern(&self, prefix: &IdPrefix) -> String {
        let mut pattern = String::new();
        for character in self.options.prefix.chars() {
            if matches!(character, '*' | '?' | '[' | ']' | '^' | '-' | '\\') {
                pattern.push('\\');
            }
            pattern.push(character);
        }
        pattern.push(':');
        pattern.push_str(prefix.as_str());
        pattern.extend(std::iter::repeat_n('?', 32 - prefix.as_str().len()));
        pattern
    }

    fn id_of(&self, key: &str) -> Option<RecordId> {
        let id = key.strip_prefix(self.options.prefix.as_str())?.strip_prefix(':')?;
        IdPrefix::parse(id).ok()?.whole()
    }
}

impl Place {
    fn cursor(self) -> Cursor {
        Cursor::new(format!("{}.{}", self.server, self.scanned))
    }

    fn read(cursor: &Cursor) -> Result<Self, StoreError> {
        let read = || {
            let (server, scanned) = cursor.as_str().split_once('.')?;
            Some(Self { server: server.parse().ok()?, scanned: scanned.parse().ok()? })
        };
        read().ok_or_else(|| not_applied(NotACursor))
    }
}
