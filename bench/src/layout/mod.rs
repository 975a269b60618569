//! Two ways to lay out the rows of keys and orders in SQLite: the question of decision 1.
//!
//! SQLite alone, without HTTP and without the library: one commit has the key rows and the order
//! rows of 32 orders, as a busy service joins them. Each layout starts without keys and with many.

mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::Histogram;

use self::file::{Layout, OrdersFile};
use crate::failure::{Failure, While};
use crate::machine::Machine;
use crate::spread::{median, number};
use crate::table::{Table, grouped, millis};
use crate::{load, stopwatch};

/// Orders of one commit.
const ORDERS_PER_COMMIT: u32 = 32;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Live keys in the files that are filled.
    pub keys: u64,
    /// How many commits are measured per round.
    pub commits: u32,
    /// How many rounds there are.
    pub rounds: usize,
    /// Where the files lie while it runs.
    pub dir: PathBuf,
}

/// One layout on a new file or on one that was filled, and its rounds.
struct Case {
    layout: Layout,
    filled: Option<OrdersFile>,
    rounds: Vec<Round>,
}

struct Round {
    orders_per_s: f64,
    commits: Histogram<u64>,
}

/// Measures, and prints what came of it: a table to standard output, progress to standard error.
///
/// Dropping it removes the files; what is being measured then fails on the thread it runs on.
pub async fn run(options: Options) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("bench-layout-").tempdir_in(&options.dir);
    let folder = folder.while_doing("making a folder for the files")?;
    let path = folder.path().to_owned();
    let measuring = tokio::task::spawn_blocking(move || measure(&path, &options));
    measuring.await.while_doing("measuring")?
}

fn measure(folder: &Path, options: &Options) -> Result<(), Failure> {
    let machine = Machine::this_one(folder)?;
    let mut cases = Vec::new();
    for layout in [Layout::ByHash, Layout::Appended] {
        cases.push(Case { layout, filled: None, rounds: Vec::new() });
        eprintln!("filling a file with {} keys: {}", grouped(options.keys), layout.name());
        let filled = OrdersFile::filled(&folder.join(layout.file()), layout, options.keys)?;
        cases.push(Case { layout, filled: Some(filled), rounds: Vec::new() });
    }
    for round in 0..options.rounds {
        let first = round % cases.len();
        let (before, from_first) = cases.split_at_mut(first);
        for case in from_first.iter_mut().chain(before) {
            case.measure(folder, options.commits)?;
        }
        eprintln!("round {} of {}", round + 1, options.rounds);
    }
    println!("- {machine}\n- {} rounds of {} commits", options.rounds, options.commits);
    println!("\n{}", table(&cases, options.keys));
    Ok(())
}

impl Case {
    fn measure(&mut self, folder: &Path, commits: u32) -> Result<(), Failure> {
        let round = if let Some(file) = &mut self.filled {
            measured(file, commits)
        } else {
            // In a folder of its own, which goes away with all that SQLite keeps beside the file.
            let folder = tempfile::tempdir_in(folder).while_doing("making a folder")?;
            let path = folder.path().join(self.layout.file());
            measured(&mut OrdersFile::filled(&path, self.layout, 0)?, commits)
        }?;
        self.rounds.push(round);
        Ok(())
    }
}

fn measured(file: &mut OrdersFile, commits: u32) -> Result<Round, Failure> {
    let mut times = load::histogram()?;
    let mut total = Duration::ZERO;
    for _ in 0..commits {
        let orders = file.draw(ORDERS_PER_COMMIT);
        let started = stopwatch::now();
        file.commit(&orders).while_doing("committing orders")?;
        let took = started.elapsed();
        total += took;
        times.record(stopwatch::micros(took)).while_doing("recording a commit")?;
    }
    let orders = f64::from(commits) * f64::from(ORDERS_PER_COMMIT);
    Ok(Round { orders_per_s: orders / total.as_secs_f64(), commits: times })
}

fn table(cases: &[Case], keys: u64) -> Table {
    let head = ["layout", "live keys", "orders/s", "commit p50 ms", "p99 ms", "max ms"];
    let mut table = Table::new(&head);
    for case in cases {
        let rounds = || case.rounds.iter();
        let quantile = |quantile| {
            let of_rounds = rounds().map(|round| round.commits.value_at_quantile(quantile));
            millis(median(of_rounds.map(number)))
        };
        let longest = rounds().map(|round| round.commits.max()).max().unwrap_or_default();
        table.row([
            case.layout.name().to_owned(),
            grouped(if case.filled.is_some() { keys } else { 0 }),
            format!("{:.0}", median(rounds().map(|round| round.orders_per_s))),
            quantile(0.5),
            quantile(0.99),
            millis(number(longest)),
        ]);
    }
    table
}
