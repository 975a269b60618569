//! The index from the rows themselves: what a start after a crash reads.
//!
//! Several connections read at once, each its pieces of the table, and are closed afterwards: the
//! memory of their pages goes with them.

mod found;
mod pieces;
#[cfg(all(test, not(seiriken_shuttle)))]
mod tests;

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rusqlite::{Connection, OpenFlags, Row};

use self::found::{Found, Scanned};
use super::error::OpenError;
use super::index::Index;
use super::rows;
use crate::scope::{RecordId, ScopeDigest};

/// More of them would wait for each other's memory rather than for the file.
const THREADS_MAX: usize = 4;

/// Each takes one piece after the other: tokens have gaps, so pieces are not alike.
const PIECES_PER_THREAD: usize = 8;

/// A row takes about so much of the file, or more.
const ROW_BYTES: u64 = 160;

/// A connection to read much of the file once: it keeps few pages.
pub(super) fn reading(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -1024;")?;
    Ok(connection)
}

/// Puts every row into the index. Nobody else may use the file.
pub(super) fn scan(path: &Path, index: &Index) -> Result<(), OpenError> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    scan_with(path, index, threads)
}

fn scan_with(path: &Path, index: &Index, threads: usize) -> Result<(), OpenError> {
    let connection = reading(path)?;
    let extents = pieces::extents(&connection)?;
    let room = pieces::room_of_all(&extents);
    let bytes: i64 = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        [],
        |row| row.get(0),
    )?;
    index.expect(usize::try_from(room.min(bytes.unsigned_abs() / ROW_BYTES)).unwrap_or(0));
    let pieces = pieces::cut(&extents, threads * PIECES_PER_THREAD);
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let read = || {
        let found = read_pieces(path, index, &pieces, &next, &failed);
        found.inspect_err(|_| failed.store(true, Ordering::Relaxed))
    };
    let mut found = Found::new(index);
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(pieces.len())).map(|_| scope.spawn(read)).collect();
        let mut result = read().map(|own| found.add(own));
        for other in others {
            let other = other.join().unwrap_or_else(|_| {
                Err(OpenError::Interrupted("a thread that reads the file panicked".to_owned()))
            });
            result = result.and(other.map(|other| found.add(other)));
        }
        result
    })?;
    found.finish(&connection)?;
    index.fit();
    Ok(())
}

/// One thread's work: the next piece, until there is none or somebody has failed.
fn read_pieces<'i>(
    path: &Path,
    index: &'i Index,
    pieces: &[RangeInclusive<i64>],
    next: &AtomicUsize,
    failed: &AtomicBool,
) -> Result<Found<'i>, OpenError> {
    let connection = reading(path)?;
    // The content of a record is not read: only its length.
    let mut scan = connection.prepare(
        "SELECT token, record_id, id_check, state, expires_ms, scope, length(record)
           FROM idempotency_records WHERE token BETWEEN ?1 AND ?2 ORDER BY token",
    )?;
    let mut found = Found::new(index);
    while let Some(piece) = pieces.get(next.fetch_add(1, Ordering::Relaxed)) {
        let mut rows = scan.query([piece.start(), piece.end()])?;
        while let Some(row) = rows.next()? {
            let (row, settled) = scanned(row)?;
            if settled {
                found.settled(&row);
            } else {
                found.unsettled(row);
            }
        }
        if failed.load(Ordering::Relaxed) {
            break;
        }
    }
    found.flush();
    Ok(found)
}

/// A row, and whether its column says that it is settled.
fn scanned(row: &Row<'_>) -> Result<(Scanned, bool), OpenError> {
    let token: i64 = row.get(0)?;
    let id = row
        .get(1)
        .map(RecordId::from_bytes)
        .map_err(|_| OpenError::NotAStore { what: "a record id of another length" })?;
    if row.get::<_, u32>(2).ok() != Some(rows::id_check(&id, token)) {
        return Err(OpenError::DamagedRow { token });
    }
    let scope = row
        .get(5)
        .map(ScopeDigest::from_bytes)
        .map_err(|_| OpenError::NotAStore { what: "a scope of another length" })?;
    let expires_at = rows::expires_at(row.get(4)?);
    let row_found = Scanned { token, id, scope, bytes: row.get(6)?, expires_at };
    Ok((row_found, row.get::<_, i64>(3)? == 3))
}
