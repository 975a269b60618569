//! A number of live keys on a store, and how it is brought about for each round.

use std::fs;
use std::path::PathBuf;
use std::rc::Rc;

use private_servers::redis::Persistence;

use super::name;
use crate::failure::{Failure, While};
use crate::options::Options;
use crate::orders;
use crate::postgres::PostgresServer;
use crate::process::Server;
use crate::redis::RedisServer;
use crate::results::{Kind, Results};
use crate::rounds::{self, Visit};
use crate::side::{Place, Side, remove};

pub(super) const SQLITE: &str = "order service, SQLite";
pub(super) const MEMORY: &str = "library, memory";
pub(super) const POSTGRES: &str = "order service, PostgreSQL";
pub(super) const REDIS: &str = "library, Redis, keyed effect";

/// Replays first: they leave the number of live keys as it is.
const KINDS: [Kind; 2] = [Kind::Replays, Kind::New];

/// From so many on, what a round adds makes no difference, and making it anew would take long.
const KEPT_FROM: u64 = 1_000_000;

/// A number of live keys on a store.
pub(super) struct Step {
    side: Side,
    keys: u64,
    at: At,
}

enum At {
    /// In memory; this server where it is kept from round to round.
    Memory(Option<Box<Server>>),
    /// A file with just so many.
    Sqlite { filled: PathBuf, used: PathBuf },
    /// A database with just so many.
    Postgres { server: Rc<PostgresServer>, filled: String, used: String },
    /// A server of its own, and whether it has them.
    Redis { server: Box<RedisServer>, filled: bool },
}

impl Step {
    pub(super) fn in_memory(place: &Place, keys: u64) -> Self {
        Self { side: place.in_memory(&name(MEMORY, keys)), keys, at: At::Memory(None) }
    }

    pub(super) async fn on_sqlite(place: &Place, keys: u64) -> Result<Self, Failure> {
        let filled = place.file(&format!("filled-{keys}.db"));
        let used =
            if keys >= KEPT_FROM { filled.clone() } else { place.file(&format!("used-{keys}.db")) };
        let name = name(SQLITE, keys);
        orders::prepare(place, &place.service(&name, Some(&filled)), &filled, keys).await?;
        let side = place.service(&name, Some(&used));
        Ok(Self { side, keys, at: At::Sqlite { filled, used } })
    }

    /// Through the service: what it leaves behind is what is to be measured with.
    pub(super) async fn on_postgres(
        server: &Rc<PostgresServer>,
        options: &Options,
        place: &Place,
        keys: u64,
    ) -> Result<Self, Failure> {
        let filled = format!("filled_{keys}");
        let used = if keys >= KEPT_FROM { filled.clone() } else { format!("used_{keys}") };
        let name = name(POSTGRES, keys);
        server.anew(&filled)?;
        let filling = place.service_on(&name, &server.url(&filled));
        let running = filling.start(&place.log()).await?;
        rounds::fill(&filling, &running, options.connections, keys).await?;
        running.stop().await?;
        server.settle(&filled)?;
        eprintln!("{name}: they are there");
        let side = place.service_on(&name, &server.url(&used));
        Ok(Self { side, keys, at: At::Postgres { server: Rc::clone(server), filled, used } })
    }

    pub(super) fn on_redis(options: &Options, place: &Place, keys: u64) -> Result<Self, Failure> {
        let server = Box::new(RedisServer::start(&options.dir, Persistence::EverySecond)?);
        let side = place.on_database(&name(REDIS, keys), "redis", &server.url());
        Ok(Self { side, keys, at: At::Redis { server, filled: false } })
    }

    pub(super) async fn measure(
        &mut self,
        options: &Options,
        place: &Place,
        round: usize,
        results: &mut Results,
    ) -> Result<(), Failure> {
        let server = self.opened(options, place).await?;
        let mut visit = Visit::new(&self.side, &server, options, round).on(self.database()?);
        for kind in KINDS {
            results.samples.push(visit.measure(kind, options.connections).await?);
        }
        match &mut self.at {
            At::Memory(kept) if self.keys >= KEPT_FROM => *kept = Some(Box::new(server)),
            _ => server.stop().await?,
        }
        Ok(())
    }

    /// The first process of the database server.
    fn database(&self) -> Result<Option<u32>, Failure> {
        match &self.at {
            At::Memory(_) | At::Sqlite { .. } => Ok(None),
            At::Postgres { server, .. } => Ok(Some(server.pid())),
            At::Redis { server, .. } => server.pid().map(Some),
        }
    }

    /// A server with as many live keys as this step is about.
    async fn opened(&mut self, options: &Options, place: &Place) -> Result<Server, Failure> {
        match &mut self.at {
            At::Memory(kept) => {
                if let Some(server) = kept.take() {
                    return Ok(*server);
                }
                let server = self.side.start(&place.log()).await?;
                rounds::fill(&self.side, &server, options.connections, self.keys).await?;
                Ok(server)
            }
            At::Sqlite { filled, used } => {
                if filled != used {
                    remove(used)?;
                    fs::copy(filled, &used).while_doing("copying a file")?;
                    // Else the first commits would wait for the copy to reach the disk.
                    let synced = fs::File::open(used).and_then(|file| file.sync_all());
                    synced.while_doing("syncing a file")?;
                }
                self.side.start(&place.log()).await
            }
            At::Postgres { server, filled, used } => {
                if filled != used {
                    server.copy(filled, used)?;
                }
                self.side.start(&place.log()).await
            }
            At::Redis { server, filled } => {
                if *filled {
                    return self.side.start(&place.log()).await;
                }
                server.anew()?;
                let running = self.side.start(&place.log()).await?;
                rounds::fill(&self.side, &running, options.connections, self.keys).await?;
                *filled = self.keys >= KEPT_FROM;
                Ok(running)
            }
        }
    }
}
