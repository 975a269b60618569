use std::collections::BTreeMap;

use rusqlite::params;
use tempfile::TempDir;

use super::super::expiries::Block;
use super::super::index::{Index, Place};
use super::super::tokens::Tokens;
use super::super::{schema, snapshot};
use super::*;
use crate::clock::Timestamp;

/// A file with these settled rows: a key, its token. The length of its record is its key's number.
fn file(rows: impl Iterator<Item = (u8, i64)>) -> (TempDir, Connection) {
    let folder = TempDir::new().expect("a folder for the file");
    let connection = Connection::open(path(&folder)).expect("it is made");
    connection.execute_batch(schema::TABLES).expect("the tables are made");
    connection.execute_batch("PRAGMA synchronous = OFF; BEGIN").expect("begun");
    let sql = "INSERT INTO idempotency_records VALUES (?1, ?2, ?3, 3, ?1, ?4, zeroblob(?5))";
    let mut put = connection.prepare(sql).expect("it is SQL");
    for (key, token) in rows {
        let (id, scope) = (id(key), [key % 2; 8]);
        let values = params![token, id.as_bytes(), rows::id_check(&id, token), scope, key];
        put.execute(values).expect("it is written");
    }
    drop(put);
    connection.execute_batch("COMMIT").expect("committed");
    (folder, connection)
}

fn path(folder: &TempDir) -> std::path::PathBuf {
    folder.path().join("test.db")
}

fn id(key: u8) -> RecordId {
    RecordId::from_bytes([key; 16])
}

/// All that an index says.
fn content(index: &Index) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut keys = BTreeMap::new();
    let kept = index.keep(|entries| {
        keys.extend(entries.iter().map(|entry| (*entry.id.as_bytes(), entry.token)));
        Ok::<_, OpenError>(())
    });
    let kept = kept.expect("nothing fails");
    let used = kept.used.into_iter();
    let used: BTreeMap<_, _> =
        used.map(|(scope, usage)| (*scope.as_bytes(), (usage.keys, usage.bytes))).collect();
    (keys, used, kept.unsettled, kept.expiries)
}

fn scanned(folder: &TempDir, threads: usize) -> Result<Index, OpenError> {
    let index = Index::new(Timestamp::ZERO);
    scan_with(&path(folder), &index, threads).map(|()| index)
}

/// Rows of 250 keys again and again, over several pieces: each row but the last of a key is void.
fn many() -> impl Iterator<Item = (u8, i64)> {
    let tokens = (1..=20_000).chain((1 << 40) + 1..=(1 << 40) + 20_000);
    tokens.map(|token| (u8::try_from(token * 7 % 250).expect("less than 250"), token))
}

#[test]
fn of_several_rows_of_one_key_the_latest_counts_whoever_reads_it_first() {
    let (folder, _connection) = file(many());
    let last: BTreeMap<u8, i64> = many().collect();
    let alone = scanned(&folder, 1).expect("the rows are right");
    for (key, token) in &last {
        let (place, _) = alone.hold(id(*key));
        let there = matches!(place, Place::Stored { token: found, .. } if found == *token);
        assert!(there, "{key}: {place:?} and not {token}");
        alone.undo(id(*key), None);
    }
    let used = alone.usage.all().into_iter().map(|(_, usage)| (usage.keys, usage.bytes));
    let used = used.fold((0, 0), |sum, used| (sum.0 + used.0, sum.1 + used.1));
    let bytes = last.keys().map(|key| u64::from(*key)).sum();
    assert_eq!(used, (last.len() as u64, bytes), "void rows count nothing");
    for threads in [2, 4, 4, 4] {
        let together = scanned(&folder, threads).expect("the rows are right");
        assert_eq!(content(&together), content(&alone), "{threads} threads");
    }
}

#[test]
fn an_earlier_row_that_is_found_late_changes_nothing() {
    let index = Index::new(Timestamp::ZERO);
    let entry = |token| super::super::compact::Entry { id: id(1), token };
    assert_eq!(index.load_stored(&[entry(9)]), [0; 0]);
    assert_eq!(index.load_stored(&[entry(5)]), [5_i64], "which does not count");
    assert!(matches!(index.hold(id(1)).0, Place::Stored { token: 9, .. }));
}

#[test]
fn a_damaged_row_is_found_whoever_reads_it() {
    let (folder, connection) = file(many());
    let damage = "UPDATE idempotency_records SET id_check = id_check + 1 WHERE token = ?1";
    for token in [1_i64, 19_999, (1 << 40) + 20_000] {
        connection.execute(damage, [token]).expect("it is written");
        let refused = scanned(&folder, 3).expect_err("a damaged row is refused");
        assert!(matches!(refused, OpenError::DamagedRow { token: found } if found == token));
        connection
            .execute(
                "UPDATE idempotency_records SET id_check = id_check - 1 WHERE token = ?1",
                [token],
            )
            .expect("it is written");
    }
}

#[test]
fn what_is_kept_is_what_the_rows_say() {
    let (folder, connection) = file((0..=255).zip(1000..));
    Tokens::reserve(&connection).expect("there are numbers");
    let index = scanned(&folder, 2).expect("the rows are right");
    snapshot::write(&connection, &index).expect("it is kept");
    let voucher = snapshot::take(&connection).expect("it is taken").expect("it is there");
    let read = Index::new(Timestamp::ZERO);
    assert!(snapshot::read(&path(&folder), &voucher, &read).expect("it is read"));
    assert_eq!(content(&read), content(&index));
    assert_eq!(snapshot::take(&connection).expect("looked"), None, "it is believed once");
}

#[test]
fn a_block_is_due_when_the_first_of_its_rows_is() {
    // A row here expires as many milliseconds after the beginning of time as its token says.
    let (folder, _connection) = file((0..=255).zip(1000..));
    let index = scanned(&folder, 2).expect("the rows are right");
    let due: Vec<_> = index.expiries().all().collect();
    let of = |token, millis| (Block::of(token), Timestamp::from_millis(millis));
    assert_eq!(due, [of(1000, 1000), of(1024, 1024)]);
}
