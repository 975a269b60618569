//! The PostgreSQL server of a run: durable, on the disk that the other files are on, and the same
//! one for all sides.

use std::path::Path;
use std::time::Duration;

use private_servers::{PrivatePostgres, ServerError};

use crate::failure::{Failure, While};
use crate::process_tree;

/// What makes it durable is stated, though it is the default. The rest keeps what is nobody's
/// business out of the rounds: pages are in its memory, and no checkpoint comes in the middle.
pub(super) const SETTINGS: [&str; 6] = [
    "fsync = on",
    "synchronous_commit = on",
    "full_page_writes = on",
    "shared_buffers = '512MB'",
    "max_wal_size = '2GB'",
    "checkpoint_timeout = '30min'",
];

/// Any of its databases will do to ask it about itself.
const ITS_OWN: &str = "postgres";

/// So often it is asked whether those who have gone are gone: each time a program is started for it.
const ASKED: usize = 200;

/// A PostgreSQL server, gone with this.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    server: PrivatePostgres,
    pid: u32,
}

impl PostgresServer {
    /// Starts it with its files below this folder. Where its user may not enter that, they are among
    /// temporary ones, and a line says so.
    pub(crate) fn start(dir: &Path, notes: &mut Vec<String>) -> Result<Self, Failure> {
        let server = match PrivatePostgres::start_in(dir, &SETTINGS) {
            Err(ServerError::Failed { .. } | ServerError::System { .. }) => {
                notes.push(
                    "The files of PostgreSQL were in the folder for temporary ones: its user may \
                     not enter the one of the others. What a sync takes may differ."
                        .to_owned(),
                );
                PrivatePostgres::start(&SETTINGS)
            }
            started => started,
        };
        let server = server.while_doing("starting PostgreSQL")?;
        let pid = server.pid().ok_or_else(|| Failure::new("PostgreSQL has ended by itself"))?;
        Ok(Self { server, pid })
    }

    /// Its first process, from which all others come.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    /// Where a database of it is.
    pub(crate) fn url(&self, database: &str) -> String {
        url(self.port(), database)
    }

    /// The CPU time of all its processes, those that have ended included.
    pub(super) fn cpu_time(&self) -> Result<Duration, Failure> {
        process_tree::cpu_time(self.pid)
    }

    /// A new database with nothing in it. What others have left to be written is written first.
    pub(crate) fn anew(&self, database: &str) -> Result<(), Failure> {
        self.copy("template1", database)
    }

    /// A new database with what is in another one, to which nobody is connected.
    pub(crate) fn copy(&self, from: &str, to: &str) -> Result<(), Failure> {
        self.quiet()?;
        let old = format!("DROP DATABASE IF EXISTS {to}");
        let new = format!("CREATE DATABASE {to} TEMPLATE {from}");
        self.asked(ITS_OWN, &[&old, &new, "CHECKPOINT"]).map(drop)
    }

    /// Does what has to be done at some time after many rows were written, and would be done in the
    /// middle of a round otherwise.
    pub(crate) fn settle(&self, database: &str) -> Result<(), Failure> {
        self.asked(database, &["VACUUM (ANALYZE)", "CHECKPOINT"]).map(drop)
    }

    /// A number that the server knows.
    pub(crate) fn number(&self, database: &str, question: &str) -> Result<f64, Failure> {
        let answer = self.asked(database, &[question])?;
        answer.parse().while_doing(&format!("reading the answer to {question}"))
    }

    pub(super) fn asked(&self, database: &str, statements: &[&str]) -> Result<String, Failure> {
        self.server.psql(database, statements).while_doing("asking PostgreSQL")
    }

    pub(super) fn client(&self, program: &'static str) -> Result<std::process::Command, Failure> {
        self.server.client(program).while_doing("finding a program of PostgreSQL")
    }

    /// Waits until nobody is connected. A client that has ended is gone before its process of the
    /// server is, and what that has counted is known only then.
    pub(crate) fn quiet(&self) -> Result<(), Failure> {
        const OTHERS: &str = "SELECT count(*) FROM pg_stat_activity
            WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        for _ in 0..ASKED {
            if self.asked(ITS_OWN, &[OTHERS])? == "0" {
                return Ok(());
            }
        }
        Err(Failure::new("somebody is still connected to PostgreSQL"))
    }
}

/// Where a database is, on a server of this machine.
pub(crate) fn url(port: u16, database: &str) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/{database}")
}
