//! What an order costs: bare axum and the order service on each store, side by side in one run.
//!
//! The systems are measured in interleaved rounds whose order rotates, so that whatever else the
//! machine does meets all of them. Each round is compared with the bare one of the same round, and
//! the median of the rounds is shown.

mod report;
mod system;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::report::{Opened, Results};
use self::system::{Place, System};
use crate::failure::{Failure, While};
use crate::load::Load;
use crate::{fill, machine, stopwatch, table};

/// How often each file is opened to see how long that takes.
const OPENINGS: usize = 5;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Live keys in the file that is filled.
    pub keys: u64,
    /// How long each load of each round is measured.
    pub length: Duration,
    /// How many rounds there are.
    pub rounds: usize,
    /// Connections of the generator.
    pub connections: usize,
    /// Where the files lie while it runs.
    pub dir: PathBuf,
}

/// Measures, and prints what came of it: tables to standard output, progress to standard error.
pub async fn run(options: &Options) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("bench-orders-").tempdir_in(&options.dir);
    let folder = folder.while_doing("making a folder for the files")?;
    let place = Place::new(folder.path())?;
    let facts = machine::facts(folder.path())?;
    prepare(&place, options.keys).await?;
    let (empty, filled) = opened(&place, options.keys).await?;
    let mut results = Results::default();
    for round in 0..options.rounds {
        for place_in_round in 0..System::ALL.len() {
            let system = System::ALL[(round + place_in_round) % System::ALL.len()];
            for (kind, sample) in place.round(system, options).await? {
                let (per_s, cpu) = (sample.requests_per_s, sample.server_cpu_us);
                let name = system.name(options.keys);
                let round = round + 1;
                eprintln!(
                    "round {round}: {name}, {kind:?}: {per_s:.0} requests/s, {cpu:.1} µs CPU"
                );
                results.add(system, kind, sample);
            }
        }
    }
    println!("{facts}{}", report::method(options));
    println!("{}", results.table(options.keys));
    println!("{}", report::openings(&empty, &filled, options.keys));
    Ok(())
}

/// Makes the file without keys and the one with many.
async fn prepare(place: &Place, keys: u64) -> Result<(), Failure> {
    for file in [place.empty(), place.filled()] {
        place.service(Some(&file)).await?.stop().await?;
    }
    eprintln!("filling a file with {} live keys", table::grouped(keys));
    let started = stopwatch::now();
    fill::fill(&place.filled(), keys).await?;
    eprintln!("filled in {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// Opens both files in turn, each time in a new process, after a clean stop of the last one.
async fn opened(place: &Place, keys: u64) -> Result<(Opened, Opened), Failure> {
    let (mut empty, mut filled) = (Opened::default(), Opened::default());
    for _ in 0..OPENINGS {
        open(place, &place.empty(), 0, &mut empty).await?;
        open(place, &place.filled(), keys, &mut filled).await?;
    }
    Ok((empty, filled))
}

async fn open(place: &Place, file: &Path, keys: u64, opened: &mut Opened) -> Result<(), Failure> {
    let server = place.service(Some(file)).await?;
    opened.add(server.listened_after, server.resident_kib()?);
    let found = Load::connect(server.address, 1).await?.orders_made().await?;
    if found != keys {
        return Err(Failure::new(format!("{found} orders in a file with {keys} keys")));
    }
    server.stop().await
}
