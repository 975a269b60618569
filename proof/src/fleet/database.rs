//! The database that all processes share.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use private_servers::redis::{Persistence, RedisServer, RedisSettings};
use private_servers::{PrivatePostgres, ServerError};

/// Which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Postgres,
    Redis,
}

/// A running one.
#[derive(Debug)]
pub(super) enum Database {
    Postgres(PrivatePostgres),
    Redis(RedisServer),
}

impl Kind {
    /// What a process is told to reach it through this address.
    pub(super) fn url(self, through: SocketAddr) -> String {
        match self {
            Self::Postgres => format!("postgres://postgres@{through}/postgres"),
            Self::Redis => format!("redis://{through}"),
        }
    }
}

impl Database {
    /// Starting waits for a process: not on a thread that others need.
    pub(super) fn start(kind: Kind) -> io::Result<Self> {
        waited_for(|| match kind {
            Kind::Postgres => PrivatePostgres::start(&[]).map(Self::Postgres),
            Kind::Redis => {
                let settings = RedisSettings::new().persistence(Persistence::Always);
                RedisServer::start(settings).map(Self::Redis)
            }
        })
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Postgres(_) => Kind::Postgres,
            Self::Redis(_) => Kind::Redis,
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        let port = match self {
            Self::Postgres(server) => server.port(),
            Self::Redis(server) => server.port(),
        };
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    /// Ends it as a crash does, and starts it again on what it has kept.
    pub(super) fn crash(&mut self) -> io::Result<()> {
        waited_for(|| match self {
            Self::Postgres(server) => server.kill().and_then(|()| server.restart()),
            Self::Redis(server) => {
                server.kill();
                server.restart()
            }
        })
    }

    /// Ends it, and starts it again without anything that it had.
    pub(super) fn forget(&mut self) -> io::Result<()> {
        waited_for(|| match self {
            Self::Postgres(_) => Ok(()),
            Self::Redis(server) => server.restart_empty(),
        })
    }
}

fn waited_for<T>(run: impl FnOnce() -> Result<T, ServerError>) -> io::Result<T> {
    tokio::task::block_in_place(run).map_err(io::Error::other)
}
