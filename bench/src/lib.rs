//! What safe retries cost: the library and the order service, measured beside servers that do the
//! same without keys, and beside what others have made.
//!
//! ```text
//! benchmark  the benchmarks by name; each says what it measures, its goals, its picture:
//!   memory orders opaque postgres/ redis/ proxy/ reopen growth/ beside (`cargo xtask bench peers`)
//! layout/    `cargo xtask bench layout`: two ways to lay out rows in SQLite
//! options    how much is measured
//! side       the servers, and how each is started
//!   guarded  the baseline (the crate beside this) behind the layer
//!   peers    those of others                                 install  by package name, pinned
//! rounds     interleaved rounds; orders that were made are held to those that were due
//! load/      the generator: keep-alive connections that check every answer
//! trips      round trips to a database, counted in between
//! process    a server as a process                           process_tree  its CPU time, its memory
//! fill       many live keys in a file, through the library
//! machine    what it was measured on, down to the price of one sync      checkout  which code
//! results    all rounds of a run, and ratios of them         spread  least, middle, most
//! summary    its tables     goal  what is aimed for, and how far it was reached     table  Markdown
//! picture    its bars, as SVG       draw  panels that several share
//! record     what is kept below docs/, and made from it      page  the parts of docs/*.md
//! ```
//!
//! Nothing here asserts how fast anything is. What is asserted is that every request was answered
//! as it must be: a server that answers wrongly is quick.

mod benchmark;
mod beside;
mod checkout;
mod draw;
mod failure;
pub mod fill;
mod goal;
mod growth;
pub mod guarded;
mod install;
pub mod layout;
pub mod load;
mod machine;
mod memory;
mod opaque;
mod options;
mod orders;
mod page;
mod peers;
mod picture;
pub mod postgres;
mod process;
mod process_tree;
pub mod proxy;
mod random;
mod record;
mod redis;
mod reopen;
mod results;
mod rounds;
mod side;
mod spread;
mod stopwatch;
mod summary;
mod table;
mod trips;

use std::path::Path;

pub use benchmark::Benchmark;
pub use failure::Failure;
pub use options::{Asked, Size};

/// Measures, and prints the tables to standard output, progress to standard error. With a folder of
/// documents, keeps what came of it there.
pub async fn run(benchmark: Benchmark, asked: &Asked, docs: Option<&Path>) -> Result<(), Failure> {
    let mut command = format!("cargo xtask bench {}", benchmark.name());
    command.push_str(&asked.words());
    let results = benchmark.run(asked, command).await?;
    println!("{}", benchmark.tables(&results));
    docs.map_or(Ok(()), |docs| record::Record::new(docs).keep(benchmark, &results))
}

/// Makes the pictures and tables below a folder of documents from the results that lie there.
pub fn draw(docs: &Path) -> Result<(), Failure> {
    record::Record::new(docs).draw()
}
