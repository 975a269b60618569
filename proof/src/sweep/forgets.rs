//! How each store forgets what is due. All of them are such that a person can look into them.

use seiriken::store::postgres::PostgresStore;
use seiriken::store::redis::RedisStore;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::{MemoryStore, Operate, StoreError, Sweep};

/// A store that forgets what is due when it is told to, or by itself.
pub(super) trait Forgets: Operate {
    fn forget(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}

impl Forgets for MemoryStore {
    async fn forget(&self) -> Result<(), StoreError> {
        self.sweep().await.map(drop)
    }
}

impl Forgets for SqliteStore {
    async fn forget(&self) -> Result<(), StoreError> {
        self.sweep().await.map(drop)
    }
}

impl Forgets for PostgresStore {
    async fn forget(&self) -> Result<(), StoreError> {
        self.sweep().await.map(drop)
    }
}

/// Nobody sweeps it: the server removes a record by itself, by its own clock and long after any
/// point has come to its end.
impl Forgets for RedisStore {
    async fn forget(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
