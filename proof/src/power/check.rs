//! Is everything that had been acknowledged in this image, and nothing that contradicts it?
//!
//! The real store opens it, and every key that was ever asked for is asked for again.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use seiriken::clock::ManualClock;
use seiriken::store::Store;
use seiriken::store::sqlite::SqliteStore;
use seiriken::store::sqlite::rusqlite::{self, Connection};

use super::DATABASE;
use super::deed::{Deed, ORDERS, PAGES};
use super::found::Found;
use super::mark::hex;
use super::promised::Promised;

/// What is wrong with an image.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The store does not open it, or its pages contradict each other.
    Unusable(String),
    /// Something that had been acknowledged is not there.
    Lost(String),
    /// Something is there that nobody may find: an order without its record, two orders for a
    /// key, a token for the second time.
    Contradiction(String),
}

/// An order of an image.
#[derive(Debug)]
pub(super) struct Order {
    /// By which process it was made.
    pub(super) generation: u64,
    pub(super) content: String,
}

type Row = (Vec<u8>, String);

/// Answers by what is wrong; `Ok` is nothing.
pub(super) async fn check(folder: &Path, seed: u64, promised: &Promised) -> Result<(), Wrong> {
    let clock = ManualClock::new(promised.now);
    let store = SqliteStore::open_with_clock(folder.join(DATABASE), Arc::new(clock)).await;
    let store = store.map_err(|error| Wrong::unusable(&error))?;
    let checked = look_at(&store, seed, promised).await;
    store.close().await;
    checked
}

async fn look_at(store: &SqliteStore, seed: u64, promised: &Promised) -> Result<(), Wrong> {
    secrets_are_kept(store, promised)?;
    let orders = by_number(rows(store).await?)?;
    pages_are_of_one_commit(store, promised).await?;
    if let Some(number) = orders.keys().find(|number| !promised.deeds.contains_key(number)) {
        return Err(Wrong::Contradiction(format!("order {number} was never asked for")));
    }
    for (number, told) in &promised.deeds {
        let deed = Deed::of(seed, *number);
        let found = Found { deed, told, order: orders.get(number) };
        found.is_right(store, promised).await?;
    }
    Ok(())
}

/// The secret that keys are digested with, and the one that issued keys are signed with.
fn secrets_are_kept(store: &SqliteStore, promised: &Promised) -> Result<(), Wrong> {
    let secret = hex(store.secret().as_bytes());
    if promised.secret.as_ref().is_some_and(|promised| *promised != secret) {
        return Err(Wrong::Lost("the store's secret".into()));
    }
    let current = store.issuing_secrets().current();
    let Some((number, secret)) = &promised.issuing else { return Ok(()) };
    let same = current.number == *number && hex(current.secret.as_bytes()) == *secret;
    let later = number + 1..=number + promised.rotating;
    if same || later.contains(&current.number) {
        Ok(())
    } else {
        Err(Wrong::Lost(format!("secret {number} of issued keys: it is {}", current.number)))
    }
}

/// Every order, from a database that is found to be whole.
async fn rows(store: &SqliteStore) -> Result<Vec<Row>, Wrong> {
    // The order service makes its table when it starts.
    let made = store.write(|tx| tx.execute_batch(ORDERS)).await;
    made.map_err(|error| Wrong::unusable(&error))?.map_err(|error| Wrong::unusable(&error))?;
    let read = |db: &Connection| -> Result<(String, Vec<Row>), rusqlite::Error> {
        let integrity = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        let mut select = db.prepare("SELECT order_id, content FROM orders ORDER BY number")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((integrity, rows.collect::<Result<_, _>>()?))
    };
    let read = store.read(read).await.map_err(|error| Wrong::unusable(&error))?;
    let (integrity, rows) = read.map_err(|error| Wrong::unusable(&error))?;
    if integrity == "ok" { Ok(rows) } else { Err(Wrong::Unusable(integrity)) }
}

/// All pages of a commit are there or none, and no earlier ones than were told.
async fn pages_are_of_one_commit(store: &SqliteStore, promised: &Promised) -> Result<(), Wrong> {
    let made = store.write(|tx| tx.execute_batch(PAGES)).await;
    made.map_err(|error| Wrong::unusable(&error))?.map_err(|error| Wrong::unusable(&error))?;
    let read = |db: &Connection| -> Result<(u32, u32), rusqlite::Error> {
        let sql = "SELECT coalesce(min(version), 0), coalesce(max(version), 0) FROM pages";
        db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
    };
    let read = store.read(read).await.map_err(|error| Wrong::unusable(&error))?;
    let (first, last) = read.map_err(|error| Wrong::unusable(&error))?;
    if first != last {
        return Err(Wrong::Contradiction(format!("pages of versions {first} to {last}")));
    }
    if first < promised.filled {
        return Err(Wrong::Lost(format!("pages of version {}; it is {first}", promised.filled)));
    }
    Ok(())
}

fn by_number(rows: Vec<Row>) -> Result<BTreeMap<u64, Order>, Wrong> {
    let mut orders = BTreeMap::new();
    for (id, content) in rows {
        let number = |part: Option<&[u8]>| part?.try_into().ok().map(u64::from_be_bytes);
        let (number, generation) = (number(id.get(..8)), number(id.get(8..)));
        let (Some(number), Some(generation)) = (number, generation) else {
            return Err(Wrong::Contradiction("an order with an id that nobody gave it".into()));
        };
        if orders.insert(number, Order { generation, content }).is_some() {
            return Err(Wrong::Contradiction(format!("deed {number} has two orders")));
        }
    }
    Ok(orders)
}

impl Wrong {
    pub(super) fn unusable(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        Self::Unusable(text)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(what) => write!(f, "unusable: {what}"),
            Self::Lost(what) => write!(f, "lost: {what}"),
            Self::Contradiction(what) => write!(f, "contradiction: {what}"),
        }
    }
}
