//! `cargo xtask bench reopen`: how soon the order service is back with many live keys in its file,
//! after a clean stop and after a kill, and what memory a key takes. Goal 6.
//!
//! A start counts until the first new order is answered: a service that listens before it knows its
//! keys has not opened.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, While};
use crate::goal::{Bound, Goal, Unit};
use crate::options::Options;
use crate::picture::{Panel, Whose};
use crate::process::Server;
use crate::results::Results;
use crate::side::{Place, Side, remove};
use crate::spread::number;
use crate::{draw, fill, orders, rounds, stopwatch};

pub(crate) const CONNECTIONS: usize = 64;

/// With fewer, SQLite's cache of pages (64 MiB) is not full at half of them, and what it grows by
/// would be counted as the memory of keys.
pub(crate) const KEYS_TOLD_FROM: u64 = 400_000;

/// New orders before each end: what came last is what has to be found again.
const ORDERS_BEFORE_END: u64 = 2000;

const EMPTY: &str = "start on an empty file, to the first order";
const CLEAN: &str = "start after a clean stop, to the first order";
const KILLED: &str = "start after a kill, to the first order";
const CLEAN_LISTENING: &str = "start after a clean stop, to listening";
const KILLED_LISTENING: &str = "start after a kill, to listening";
const RESIDENT: &str = "resident memory after a start";
const PER_KEY: &str = "memory per live key";
const KEYS_PER_GIB: &str = "live keys in one GiB of memory";

const MIB: f64 = 1024.0 * 1024.0;

/// A file of the order service, and how many orders have to be in it.
struct OrdersFile<'p> {
    place: &'p Place,
    side: Side,
    made: u64,
}

/// The service that was just started.
struct Opened {
    server: Server,
    listening_ms: f64,
    first_order_ms: f64,
    resident_bytes: f64,
}

pub(crate) async fn run(
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let [half, whole, empty] = ["half.db", "whole.db", "empty.db"].map(|name| place.file(name));
    let half_keys = options.keys / 2;
    let mut half = OrdersFile::filled(place, &half, half_keys).await?;
    // A copy with the other half: what is no key is the same in both.
    fs::copy(place.file("half.db"), &whole).while_doing("copying a file")?;
    fill::fill(&whole, options.keys - half_keys).await?;
    let mut whole = OrdersFile::new(place, &whole, options.keys);
    for round in 1..=options.rounds {
        remove(&empty)?;
        let opened = OrdersFile::new(place, &empty, 0).open().await?;
        results.measured(EMPTY, "ms", opened.first_order_ms);
        opened.server.stop().await?;

        let opened = half.open().await?;
        let half_bytes = opened.resident_bytes;
        opened.server.stop().await?;

        let opened = whole.open().await?;
        let per_key = (opened.resident_bytes - half_bytes) / number(options.keys - half_keys);
        results.measured(RESIDENT, "MiB", opened.resident_bytes / MIB);
        if options.keys >= KEYS_TOLD_FROM {
            results.measured(PER_KEY, "B", per_key);
            results.measured(KEYS_PER_GIB, "million", 1024.0 * MIB / per_key / 1e6);
        }
        whole.order(&opened.server, options.connections).await?;
        opened.server.stop().await?;

        let opened = whole.open().await?;
        results.measured(CLEAN_LISTENING, "ms", opened.listening_ms);
        results.measured(CLEAN, "ms", opened.first_order_ms);
        eprintln!("round {round}: {:.1} ms after a clean stop", opened.first_order_ms);
        whole.order(&opened.server, options.connections).await?;
        opened.server.kill().await?;

        let opened = whole.open().await?;
        results.measured(KILLED_LISTENING, "ms", opened.listening_ms);
        results.measured(KILLED, "ms", opened.first_order_ms);
        eprintln!("round {round}: {:.1} ms after a kill", opened.first_order_ms);
        opened.server.stop().await?;
    }
    Ok(())
}

impl<'p> OrdersFile<'p> {
    fn new(place: &'p Place, file: &Path, made: u64) -> Self {
        let side = place.service("order service, SQLite", Some(file));
        Self { place, side, made }
    }

    async fn filled(place: &'p Place, file: &Path, keys: u64) -> Result<Self, Failure> {
        let this = Self::new(place, file, keys);
        orders::prepare(place, &this.side, file, keys).await?;
        Ok(this)
    }

    /// Starts the service on it, and finds every order there that was ever made.
    async fn open(&mut self) -> Result<Opened, Failure> {
        let started = stopwatch::now();
        let server = self.side.start(&self.place.log()).await?;
        let mut load = crate::load::Load::connect(server.address, 1).await?;
        load.fill(self.side.marks, 1).await?;
        let first_order_ms = stopwatch::millis(started.elapsed());
        let resident_bytes = number(server.resident_bytes()?);
        self.made += 1;
        let found = load.orders_made().await?;
        if found != self.made {
            return Err(Failure::new(format!("{found} orders where {} were made", self.made)));
        }
        let listening_ms = stopwatch::millis(server.listened_after);
        Ok(Opened { server, listening_ms, first_order_ms, resident_bytes })
    }

    async fn order(&mut self, server: &Server, connections: usize) -> Result<(), Failure> {
        rounds::fill(&self.side, server, connections, ORDERS_BEFORE_END).await?;
        self.made += ORDERS_BEFORE_END;
        Ok(())
    }
}

pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let goal = |what, quantity| Goal::times(6, what, results.quantity(quantity));
    vec![
        goal("reopening with the live keys, after a kill", KILLED)
            .in_unit(Unit::Millis)
            .at_most(600.0, 150.0),
        goal("the same, after a clean stop", CLEAN)
            .in_unit(Unit::Millis)
            .landing(Bound::AtMost(150.0)),
        goal("memory per live key in the index", PER_KEY).in_unit(Unit::Bytes).at_most(48.0, 24.0),
    ]
}

pub(crate) fn panels(results: &Results) -> Vec<Panel> {
    let bars = |whats: &[&str]| {
        let bar = |what: &&str| ((*what).to_owned(), (*what).to_owned(), Whose::Ours);
        whats.iter().map(bar).collect::<Vec<_>>()
    };
    vec![
        draw::quantities(
            results,
            "From the start of the process, ms (less is better)",
            bars(&[EMPTY, CLEAN, KILLED]),
        ),
        draw::quantities(results, "Memory per live key, bytes (less is better)", bars(&[PER_KEY])),
    ]
}
