//! The program behind `cargo xtask bench`, and the baseline that it measures against.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use axum::Router;
use clap::{Args, Parser, Subcommand, value_parser};
use seiriken_bench::postgres::by_hand;
use seiriken_bench::proxy::{nginx, plain};
use seiriken_bench::{Asked, Benchmark, Failure, Size, guarded, layout};
use seiriken_bench_baseline as bare;

/// All sides are measured with the order service's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As everywhere here: the call was wrong (`EX_USAGE`).
const BAD_USE: u8 = 64;

/// Measures what safe retries cost.
#[derive(Debug, Parser)]
#[command(name = "seiriken-bench")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One of the benchmarks.
    Measure {
        /// Which.
        benchmark: Benchmark,
        #[command(flatten)]
        run: Run,
    },
    /// Two ways to lay out rows in SQLite.
    Layout {
        /// Live keys in the files that are filled.
        #[arg(long, default_value_t = 1_000_000, value_parser = value_parser!(u64).range(1..))]
        keys: u64,
        /// How many commits are measured per round.
        #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..))]
        commits: u32,
        /// How many rounds there are.
        #[arg(long, default_value_t = 8, value_parser = value_parser!(u16).range(1..))]
        rounds: u16,
        /// Where the files lie while it runs; the folder of this program unless said.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// The pictures and tables of the documents, from the results beside them.
    Draw {
        /// The folder of the documents.
        docs: PathBuf,
    },
    /// A server that is measured, on a free port, until it is ended.
    #[command(subcommand)]
    Serve(Served),
}

/// What every benchmark has.
#[derive(Debug, Args)]
struct Run {
    /// Less of everything: about a minute.
    #[arg(long, conflicts_with = "smoke")]
    quick: bool,
    /// Next to nothing, without peers.
    #[arg(long)]
    smoke: bool,
    /// Live keys, where many are needed.
    #[arg(long, value_parser = value_parser!(u64).range(1000..))]
    keys: Option<u64>,
    /// How long each load of each round is measured.
    #[arg(long, value_parser = value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// How many rounds there are.
    #[arg(long, value_parser = value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Connections of the generator.
    #[arg(long, value_parser = value_parser!(u16).range(2..=1000))]
    connections: Option<u16>,
    /// Where the files lie while it runs; the folder of this program unless said.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The folder of the documents, where what comes of it is kept.
    #[arg(long, conflicts_with = "smoke")]
    write: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Served {
    /// The baseline alone.
    Bare,
    /// The baseline behind the layer, in memory.
    Memory,
    /// The baseline behind the layer, on a SQLite file.
    Sqlite {
        /// Where the file is, or will be.
        file: PathBuf,
    },
    /// The baseline behind the layer, on a PostgreSQL database.
    Postgres {
        /// Where it is: `postgres://…`.
        url: String,
    },
    /// axum and sqlx on a PostgreSQL database, without a library for keys.
    ByHand {
        /// What is done with a new key.
        effect: by_hand::Effect,
        /// Where it is: `postgres://…`.
        url: String,
    },
    /// The baseline behind the layer, on a Redis server.
    Redis {
        /// Where it is: `redis://…`.
        url: String,
    },
    /// nginx, which passes everything through.
    Nginx {
        /// Where its files lie.
        folder: PathBuf,
        /// Where to: `http://…`.
        upstream: String,
    },
    /// The least that a proxy on hyper can be.
    Plain {
        /// Where to: `http://…`.
        upstream: String,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            print!("{}", error.render());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("seiriken-bench: {}", error.to_string().lines().next().unwrap_or_default());
            return ExitCode::from(BAD_USE);
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("seiriken-bench: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Measure { benchmark, run } => {
            let docs = run.write.clone();
            let asked = run.asked()?;
            measured(seiriken_bench::run(benchmark, &asked, docs.as_deref()))
        }
        Command::Layout { keys, commits, rounds, dir } => {
            let (rounds, dir) = (rounds.into(), existing(dir)?);
            measured(layout::run(layout::Options { keys, commits, rounds, dir }))
        }
        Command::Draw { docs } => seiriken_bench::draw(&docs),
        Command::Serve(served) => served.serve(),
    }
}

impl Run {
    fn asked(self) -> Result<Asked, Failure> {
        let size = match (self.quick, self.smoke) {
            (true, _) => Size::Quick,
            (_, true) => Size::Smoke,
            _ => Size::Full,
        };
        Ok(Asked {
            size,
            keys: self.keys,
            length: self.seconds.map(Duration::from_secs),
            rounds: self.rounds.map(usize::from),
            connections: self.connections.map(usize::from),
            dir: existing(self.dir)?,
        })
    }
}

impl Served {
    fn serve(self) -> Result<(), Failure> {
        match self {
            Self::Bare => serve(async { Ok(bare::app()) }),
            Self::Memory => serve(async { guarded::in_memory() }),
            Self::Sqlite { file } => serve(guarded::on_sqlite(Path::new(&file))),
            Self::Postgres { url } => serve(guarded::on_postgres(&url)),
            Self::ByHand { effect, url } => serve(by_hand::app(effect, &url)),
            Self::Redis { url } => serve(guarded::on_redis(&url)),
            Self::Nginx { folder, upstream } => nginx::become_one(&folder, &upstream),
            Self::Plain { upstream } => plain::serve(&upstream),
        }
    }
}

/// With the threads that the order service has.
fn serve(app: impl Future<Output = Result<Router, Failure>>) -> Result<(), Failure> {
    started(tokio::runtime::Builder::new_multi_thread())?.block_on(async {
        let serving = bare::serve(app.await?).await;
        serving.map_err(|error| Failure::new(format!("serving: {error}")))
    })
}

/// Measures on one thread: the other cores are the server's. Ctrl-C drops the measurement, which
/// stops its servers and removes its files.
fn measured(benchmark: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = started(tokio::runtime::Builder::new_current_thread())?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = benchmark => result,
            _ = tokio::signal::ctrl_c() => Err(Failure::new("interrupted")),
        }
    });
    // A thread that is in the middle of something is not waited for.
    runtime.shutdown_background();
    result
}

fn started(mut runtime: tokio::runtime::Builder) -> Result<tokio::runtime::Runtime, Failure> {
    let built = runtime.enable_all().build();
    built.map_err(|error| Failure::new(format!("the runtime cannot be started: {error}")))
}

/// The folder that was asked for, made if it is not there; else the one this program lies in, which
/// belongs to cargo and is on the disk that one builds on.
fn existing(dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    let dir = match dir {
        Some(dir) => dir,
        None => std::env::current_exe()
            .ok()
            .and_then(|program| Some(program.parent()?.to_owned()))
            .ok_or_else(|| Failure::new("this program does not know where it lies; use --dir"))?,
    };
    match std::fs::create_dir_all(&dir) {
        Ok(()) => Ok(dir),
        Err(error) => Err(Failure::new(format!("{}: {error}", dir.display()))),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn options_are_consistent() {
        Cli::command().debug_assert();
    }
}
