//! Opening the file: its lock, its pragmas, its tables, and the index that is read from them.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior, params};

use super::error::OpenError;
use super::file_lock::FileLock;
use super::index::Index;
use super::issuing;
use super::scan;
use super::snapshot::{self, Voucher};
use super::tokens::Tokens;
use super::tx;
use crate::clock::Timestamp;
use crate::failpoint::{Point, reached};
use crate::issuing::IssuingSecrets;
use crate::secret::StoreSecret;

/// An opened file, before anything is served from it.
pub(super) struct Opened {
    pub(super) lock: FileLock,
    pub(super) connection: Connection,
    pub(super) secret: StoreSecret,
    pub(super) issuing: IssuingSecrets,
    pub(super) tokens: Tokens,
    pub(super) index: Index,
}

const FORMAT: i64 = 2;

/// A bug before this version could lose committed transactions when the log was reset.
const SQLITE_VERSION_MIN: i32 = 3_051_003;

pub(super) const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS seiriken_meta (
        name  TEXT PRIMARY KEY,
        value ANY NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- One row per key. The row's number is the token of its execution, so rows are appended.
    CREATE TABLE IF NOT EXISTS idempotency_records (
        token      INTEGER PRIMARY KEY,
        record_id  BLOB NOT NULL,     -- 16 bytes: a keyed hash of scope and key
        id_check   INTEGER NOT NULL,  -- CRC-32 of record_id and token
        state      INTEGER NOT NULL,  -- 1 in progress, 2 indeterminate, 3 completed
        expires_ms INTEGER NOT NULL,  -- ms since 1970; 0 while in progress
        scope      BLOB NOT NULL,     -- 8 bytes: a keyed hash of the scope, to count by
        record     BLOB NOT NULL      -- versioned and checksummed: record/codec.rs
    ) STRICT;
    -- Where every key's row was when the store was last closed; stale while it is open.
    CREATE TABLE IF NOT EXISTS seiriken_index (
        part    INTEGER PRIMARY KEY,
        kind    INTEGER NOT NULL,  -- 1 keys, 2 scopes, 3 unsettled rows, 4 times of expiry
        content BLOB NOT NULL
    ) STRICT;";

pub(super) fn open(path: &Path) -> Result<Opened, OpenError> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(OpenError::SqliteTooOld { found: rusqlite::version() });
    }
    let lock = FileLock::take(path)?;
    reached(Point::LockTaken);
    // Without URI names: `file:a.db` is the name of a file like any other.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags)?;
    set_pragmas(&connection)?;
    connection.execute_batch(TABLES)?;
    reached(Point::TablesMade);
    check_format(&connection)?;
    let secret = read_or_make_secret(&connection, "secret")?;
    let issuing = issuing::read(&connection)?;
    let starting = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let voucher = snapshot::take(&starting)?;
    let tokens = Tokens::reserve(&starting)?;
    starting.commit()?;
    reached(Point::TokensReserved);
    // What a crashed process committed may still be in the page cache alone; nothing is served
    // from it before it is on the disk.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    reached(Point::LogEmptied);
    let index = read_index(path, &connection, voucher.as_ref())?;
    reached(Point::IndexRead);
    tx::guard(&mut connection)?;
    Ok(Opened { lock, connection, secret, issuing, tokens, index })
}

fn set_pragmas(connection: &Connection) -> Result<(), OpenError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    // FULL: the log is synced at every commit. NORMAL would lose acknowledged answers.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -65536;",
    )?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    match (mode.as_str(), synchronous) {
        ("wal", 2) => Ok(()),
        ("wal", _) => Err(OpenError::NotAStore { what: "synchronous is not FULL" }),
        _ => Err(OpenError::NotAStore { what: "the write-ahead log cannot be used here" }),
    }
}

fn check_format(connection: &Connection) -> Result<(), OpenError> {
    connection.execute(
        "INSERT OR IGNORE INTO seiriken_meta (name, value) VALUES ('format', ?1)",
        [FORMAT],
    )?;
    let found: i64 = meta(connection, "format")?.unwrap_or_default();
    match found {
        FORMAT => Ok(()),
        _ => Err(OpenError::OtherFormat { found, known: FORMAT }),
    }
}

pub(super) fn read_or_make_secret(
    connection: &Connection,
    name: &str,
) -> Result<StoreSecret, OpenError> {
    let fresh = StoreSecret::random()?;
    connection.execute(
        "INSERT OR IGNORE INTO seiriken_meta (name, value) VALUES (?1, ?2)",
        params![name, fresh.as_bytes().as_slice()],
    )?;
    let stored: Option<Vec<u8>> = meta(connection, name)?;
    stored
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(StoreSecret::from_bytes)
        .ok_or(OpenError::NotAStore { what: "a secret does not have 32 bytes" })
}

pub(super) fn meta<T: rusqlite::types::FromSql>(
    connection: &Connection,
    name: &str,
) -> Result<Option<T>, rusqlite::Error> {
    connection
        .query_row("SELECT value FROM seiriken_meta WHERE name = ?1", params![name], |row| {
            row.get(0)
        })
        .optional()
}

/// Where every key's row is: as it was kept at a clean stop, or from the rows. Answers stay in the
/// file; what is unsettled is read whole.
fn read_index(
    path: &Path,
    connection: &Connection,
    voucher: Option<&Voucher>,
) -> Result<Index, OpenError> {
    let swept_through: i64 = meta(connection, "swept_through")?.unwrap_or_default();
    let swept_through = u64::try_from(swept_through)
        .map(Timestamp::from_millis)
        .map_err(|_| OpenError::NotAStore { what: "the time swept through is out of range" })?;
    if let Some(voucher) = voucher {
        let index = Index::new(swept_through);
        match snapshot::read(path, voucher, &index) {
            Ok(true) => return Ok(index),
            Ok(false) => tracing::warn!("the index that was kept is damaged; reading every row"),
            Err(error) => {
                tracing::warn!(%error, "the index that was kept cannot be read; reading every row");
            }
        }
    }
    let index = Index::new(swept_through);
    scan::scan(path, &index)?;
    Ok(index)
}
