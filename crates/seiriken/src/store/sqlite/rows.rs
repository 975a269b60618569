//! The writer's statements, each prepared once.
//!
//! They are kept out of rusqlite's statement cache: an effect that prepared the same text from
//! there would get one that never passed the fence.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::error::corrupt;
use super::expiries::Block;
use super::tokens::row_of;
use crate::clock::Timestamp;
use crate::record::{Record, State, codec};
use crate::scope::RecordId;
use crate::store::StoreError;

pub(super) struct Statements<'c> {
    pub(super) begin: Statement<'c>,
    pub(super) commit: Statement<'c>,
    pub(super) rollback: Statement<'c>,
    pub(super) savepoint: Statement<'c>,
    pub(super) release: Statement<'c>,
    pub(super) rollback_to: Statement<'c>,
    put: Statement<'c>,
    delete: Statement<'c>,
    swept_through: Statement<'c>,
    get: Statement<'c>,
    block: Statement<'c>,
}

/// A settled row, as a sweeper sees it.
pub(super) struct Settled {
    pub(super) token: i64,
    /// `None` where the row no longer says so.
    pub(super) id: Option<RecordId>,
    pub(super) expires_at: Timestamp,
}

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            rollback: connection.prepare("ROLLBACK")?,
            savepoint: connection.prepare("SAVEPOINT effect")?,
            release: connection.prepare("RELEASE effect")?,
            rollback_to: connection.prepare("ROLLBACK TO effect")?,
            put: connection.prepare(
                "INSERT INTO main.idempotency_records
                    (token, record_id, id_check, state, expires_ms, scope, record)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (token) DO UPDATE SET
                    state = excluded.state, expires_ms = excluded.expires_ms,
                    record = excluded.record
                 WHERE record_id = excluded.record_id",
            )?,
            swept_through: connection.prepare(
                "INSERT INTO main.seiriken_meta (name, value) VALUES ('swept_through', ?1)
                 ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
            )?,
            delete: connection.prepare("DELETE FROM main.idempotency_records WHERE token = ?1")?,
            get: connection.prepare(GET)?,
            block: connection.prepare(
                "SELECT token, record_id, expires_ms FROM main.idempotency_records
                  WHERE token BETWEEN ?1 AND ?2 AND state = 3",
            )?,
        })
    }

    /// Writes the record under its token; answers how many bytes it takes.
    pub(super) fn put(&mut self, id: &RecordId, record: &Record) -> Result<usize, rusqlite::Error> {
        let (state, expires) = match &record.state {
            State::InProgress { .. } => (1, 0),
            State::Indeterminate { forget_at, .. } => (2, forget_at.as_millis()),
            State::Completed { expires_at, .. } => (3, expires_at.as_millis()),
        };
        let row = row_of(record.token);
        let expires = i64::try_from(expires).unwrap_or(i64::MAX);
        let bytes = codec::encode(id, record);
        let (id_bytes, check) = (id.as_bytes().as_slice(), id_check(id, row));
        let scope = record.scope.as_bytes().as_slice();
        let values = params![row, id_bytes, check, state, expires, scope, &bytes[..]];
        let written = self.put.execute(values)?;
        assert_eq!(written, 1, "a row is written for the key that it belongs to");
        Ok(bytes.len())
    }

    pub(super) fn delete(&mut self, token: i64) -> Result<(), rusqlite::Error> {
        self.delete.execute([token])?;
        Ok(())
    }

    /// Remembers how far was forgotten.
    pub(super) fn swept_through(&mut self, to: Timestamp) -> Result<(), rusqlite::Error> {
        self.swept_through.execute([i64::try_from(to.as_millis()).unwrap_or(i64::MAX)])?;
        Ok(())
    }

    pub(super) fn get(&mut self, token: i64) -> Result<Option<Vec<u8>>, rusqlite::Error> {
        self.get.query_row([token], |row| row.get(0)).optional()
    }

    /// The settled rows of a block.
    pub(super) fn settled(&mut self, block: Block) -> Result<Vec<Settled>, rusqlite::Error> {
        let tokens = block.tokens();
        let rows = self.block.query_map([tokens.start(), tokens.end()], |row| {
            Ok(Settled {
                token: row.get(0)?,
                id: row.get(1).ok().map(RecordId::from_bytes),
                expires_at: expires_at(row.get(2)?),
            })
        })?;
        rows.collect()
    }
}

/// Says at start whether a row's id is the one that was written. The record's own checksum covers
/// the id as well, but a key whose id has changed would never lead to it.
pub(super) fn id_check(id: &RecordId, token: i64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(id.as_bytes());
    hasher.update(&token.to_le_bytes());
    hasher.finalize()
}

/// The time in a row's column. It decides nothing: it says when to look at the record.
pub(super) fn expires_at(column: i64) -> Timestamp {
    Timestamp::from_millis(u64::try_from(column).unwrap_or(0))
}

pub(super) const GET: &str = "SELECT record FROM main.idempotency_records WHERE token = ?1";

/// Reads a row's record; what cannot be read is an error, never an absent record.
pub(super) fn decode(id: &RecordId, bytes: Vec<u8>) -> Result<Record, StoreError> {
    codec::decode(id, Bytes::from(bytes)).map_err(corrupt)
}
