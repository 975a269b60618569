//! Reading beside the writer: connections that cannot write, on the runtime's blocking threads.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::not_applied;
use super::rows;
use crate::record::Record;
use crate::scope::RecordId;
use crate::store::StoreError;

/// Opens connections as they are needed and keeps a few of them.
#[derive(Debug, Clone)]
pub(super) struct Readers {
    path: Arc<PathBuf>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

const IDLE_MAX: usize = 8;

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path: Arc::new(path), idle: Arc::default() }
    }

    /// Runs `read` on a connection that sees what is committed.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> T + Send + 'static,
    ) -> Result<T, StoreError> {
        let readers = self.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let connection = readers.take().map_err(not_applied)?;
            let result = read(&connection);
            readers.give_back(connection);
            Ok(result)
        });
        reading.await.unwrap_or_else(|gone| Err(not_applied(gone)))
    }

    /// The stored record, or `None` when its row is gone.
    pub(super) async fn record(
        &self,
        id: RecordId,
        token: i64,
    ) -> Result<Option<Record>, StoreError> {
        let get = move |connection: &Connection| {
            connection.prepare_cached(rows::GET)?.query_row([token], |row| row.get(0)).optional()
        };
        let row: Option<Vec<u8>> =
            self.run(get).await?.map_err(|error: rusqlite::Error| not_applied(error))?;
        row.map(|bytes| rows::decode(&id, bytes)).transpose()
    }

    fn take(&self) -> Result<Connection, rusqlite::Error> {
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop() {
            return Ok(idle);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&*self.path, flags)?;
        connection.execute_batch("PRAGMA query_only = ON")?;
        Ok(connection)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // One left in a transaction would read the past for ever.
        if idle.len() < IDLE_MAX && connection.is_autocommit() && !connection.is_busy() {
            idle.push(connection);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idle(readers: &Readers) -> usize {
        readers.idle.lock().expect("nobody panicked").len()
    }

    #[test]
    fn a_connection_is_kept_for_the_next_reader_unless_it_would_read_the_past() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("read.db");
        drop(Connection::open(&path).expect("a file"));
        let readers = Readers::new(path);
        let taken: Vec<_> = (0..=IDLE_MAX).map(|_| readers.take().expect("one")).collect();
        taken[0].execute_batch("BEGIN").expect("a transaction");
        for (connection, kept) in taken.into_iter().zip([0, 1, 2]) {
            readers.give_back(connection);
            assert_eq!(idle(&readers), kept);
        }
        drop(readers.take().expect("one that was kept"));
        assert_eq!(idle(&readers), 1);
        let taken: Vec<_> = (0..=IDLE_MAX).map(|_| readers.take().expect("one")).collect();
        for connection in taken {
            readers.give_back(connection);
        }
        assert_eq!(idle(&readers), IDLE_MAX);
    }
}
