//! Where a service keeps its orders and keys: a store of its own, of each kind.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use private_servers::PrivatePostgres;
use private_servers::redis::{RedisServer, RedisSettings};
use sqlx::{AssertSqlSafe, Connection, PgConnection, raw_sql};
use tempfile::TempDir;

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Sqlite,
    Postgres,
    Redis,
}

/// All of them.
pub(crate) const EACH: [Kind; 4] = [Kind::Memory, Kind::Sqlite, Kind::Postgres, Kind::Redis];

/// Those that outlive a process of the service.
pub(crate) const THAT_LASTS: [Kind; 3] = [Kind::Sqlite, Kind::Postgres, Kind::Redis];

/// A store that nobody else uses.
pub(crate) struct Place {
    pub(crate) kind: Kind,
    /// As the option says it.
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    _redis: Option<RedisServer>,
}

impl Place {
    pub(crate) async fn new(kind: Kind) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the service");
        let mut redis = None;
        let url = match kind {
            Kind::Memory => "memory:".to_owned(),
            Kind::Sqlite => format!("sqlite:{}", folder.path().join("orders.db").display()),
            Kind::Postgres => database().await,
            Kind::Redis => {
                let server = RedisServer::start(RedisSettings::new()).expect("a Redis");
                redis.insert(server).url()
            }
        };
        Self { kind, url, folder, _redis: redis }
    }
}

/// A new database on the server that all these tests share: making a server takes longer.
async fn database() -> String {
    static SERVER: OnceLock<PrivatePostgres> = OnceLock::new();
    static DATABASES: AtomicU32 = AtomicU32::new(0);
    let server = SERVER.get_or_init(|| PrivatePostgres::start(&[]).expect("a PostgreSQL"));
    let name = format!("shop_{}", DATABASES.fetch_add(1, Ordering::SeqCst));
    let mut connection = PgConnection::connect(&server.url()).await.expect("a connection");
    let make = format!("CREATE DATABASE {name}");
    raw_sql(AssertSqlSafe(make)).execute(&mut connection).await.expect("a database");
    connection.close().await.expect("it ends");
    format!("postgres://postgres@127.0.0.1:{}/{name}", server.port())
}
