//! What one new order asks of PostgreSQL: round trips, syncs, bytes. Counted, not timed.

use super::server::{PostgresServer, url};
use crate::failure::Failure;
use crate::options::{Options, Size};
use crate::results::Results;
use crate::rounds;
use crate::side::{Place, Side};
use crate::spread::number;
use crate::table::grouped;
use crate::trips::Trips;

/// What the first ones cost besides (connections, plans, pages) does not count.
const FIRST: u64 = 200;

/// The store's table with its indexes and what else belongs to it.
const RECORDS_BYTES: &str = "SELECT pg_total_relation_size('seiriken.key_records')";
const RECORDS: &str = "SELECT count(*) FROM seiriken.key_records";

/// Known since PostgreSQL 14. What a connection has counted is known at the latest when it ends.
const SYNCS: &str = "SELECT wal_sync FROM pg_stat_wal";
const WAL_BYTES: &str = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn";

const DATABASE: &str = "price";

/// Asks it of a side that is made for a database at an address.
pub(super) async fn ask(
    name: &str,
    side: impl Fn(&str) -> Side,
    server: &PostgresServer,
    options: &Options,
    place: &Place,
    results: &mut Results,
) -> Result<(), Failure> {
    let (alone, many) = match options.size {
        Size::Smoke => (50, 500),
        Size::Quick => (500, 20_000),
        Size::Full => (1000, options.keys.min(100_000)),
    };
    server.anew(DATABASE)?;
    let trips = Trips::to(server.port()).await?;
    let asked = side(&url(trips.port(), DATABASE));
    let running = asked.start(&place.log()).await?;
    rounds::fill(&asked, &running, 1, FIRST).await?;
    let before = trips.so_far();
    rounds::fill(&asked, &running, 1, alone).await?;
    // Once on each side of it, how many orders there are is asked as well.
    let per_order = number(trips.so_far() - before) / number(alone);
    running.stop().await?;
    trips.end().await?;
    results.measured(format!("{name}: round trips for a new order"), "trips", per_order);

    let asked = side(&server.url(DATABASE));
    for (connections, orders) in [(1, alone), (options.connections, many)] {
        server.quiet()?;
        let before = [SYNCS, WAL_BYTES].map(|what| server.number(DATABASE, what));
        let running = asked.start(&place.log()).await?;
        rounds::fill(&asked, &running, connections, orders).await?;
        running.stop().await?;
        server.quiet()?;
        let after = [SYNCS, WAL_BYTES].map(|what| server.number(DATABASE, what));
        let ([syncs_before, wal_before], [syncs, wal]) = (before, after);
        let per_order = |after: f64, before: f64| (after - before) / number(orders);
        let on = format!("{connections} connection{}", if connections == 1 { "" } else { "s" });
        let syncs = per_order(syncs?, syncs_before?);
        results.measured(format!("{name}: syncs for a new order, {on}"), "syncs", syncs);
        if connections > 1 {
            let wal = per_order(wal?, wal_before?);
            results.measured(format!("{name}: write-ahead log for a new order, {on}"), "B", wal);
        }
    }
    let rows = server.number(DATABASE, RECORDS)?;
    let bytes = server.number(DATABASE, RECORDS_BYTES)? / rows;
    let keys = grouped(FIRST + 2 * alone + many);
    results.measured(format!("{name}: bytes per live key, {keys} of them"), "B", bytes);
    Ok(())
}
