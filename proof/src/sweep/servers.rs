//! The servers of the stores that have one, and the runtime that the stores' connections are on.

use private_servers::PrivatePostgres;
use private_servers::redis::{Persistence, RedisServer, RedisSettings};
use tokio::runtime::Runtime;

/// All of them, for the time of a run.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) postgres: PrivatePostgres,
    pub(super) redis: RedisServer,
    /// Each point's own runtime ends with it, and its time is no server's time.
    pub(super) runtime: Runtime,
}

impl Servers {
    pub(super) fn start() -> Self {
        // No server ends here: what one that ended would have kept is for other gates to look at.
        let settings = RedisSettings::new().persistence(Persistence::Nothing);
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        Self {
            postgres: PrivatePostgres::start(&[]).expect("a PostgreSQL"),
            redis: RedisServer::start(settings).expect("a Redis"),
            runtime: runtime.worker_threads(1).enable_all().build().expect("a runtime"),
        }
    }
}
