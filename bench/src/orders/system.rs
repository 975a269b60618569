//! The systems that are measured side by side, and one round of one of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Options;
use crate::failure::{Failure, While};
use crate::load::{Answered, Load, Work};
use crate::process::{self, Server};
use crate::table;

/// So many finished orders are replayed, in turn.
const REPLAYED: usize = 1000;

/// Of the time that is measured, this part goes before it: pages, caches and branches warm up.
const WARM_UP: u32 = 5;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// axum alone: no keys, no store.
    Bare,
    /// The order service in memory.
    Memory,
    /// The order service on a new SQLite file.
    Empty,
    /// The order service on the SQLite file that was filled.
    Filled,
}

/// What every request of a measurement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A new order under a new key.
    New,
    /// One of some finished orders again.
    Replay,
}

/// One round of one system under one kind of load.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) requests_per_s: f64,
    pub(super) server_cpu_us: f64,
    pub(super) generator_cpu_us: f64,
    pub(super) latencies: Histogram<u64>,
}

/// The programs, and where their files are.
#[derive(Debug)]
pub(super) struct Place {
    bench: PathBuf,
    service: PathBuf,
    folder: PathBuf,
}

impl System {
    pub(super) const ALL: [Self; 4] = [Self::Bare, Self::Memory, Self::Empty, Self::Filled];

    pub(super) fn name(self, keys: u64) -> String {
        match self {
            Self::Bare => "bare axum".to_owned(),
            Self::Memory => "order service, memory".to_owned(),
            Self::Empty => "order service, SQLite, 0 live keys".to_owned(),
            Self::Filled => {
                format!("order service, SQLite, {} live keys", table::grouped(keys))
            }
        }
    }

    /// Replays come first: they leave the number of live keys as it is.
    pub(super) fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Bare => &[Kind::New],
            _ => &[Kind::Replay, Kind::New],
        }
    }
}

impl Place {
    /// In this folder. The order service lies beside this program, as cargo builds them.
    pub(super) fn new(folder: &Path) -> Result<Self, Failure> {
        let bench = std::env::current_exe().while_doing("finding this program")?;
        let service = bench.with_file_name(format!("seiriken{}", std::env::consts::EXE_SUFFIX));
        if !service.exists() {
            let beside = service.display();
            return Err(Failure::new(format!(
                "{beside} is not built: cargo build -p seiriken-server"
            )));
        }
        Ok(Self { bench, service, folder: folder.to_owned() })
    }

    /// The file that is filled.
    pub(super) fn filled(&self) -> PathBuf {
        self.folder.join("filled.db")
    }

    /// A file without keys.
    pub(super) fn empty(&self) -> PathBuf {
        self.folder.join("empty.db")
    }

    /// The order service on a file, or in memory when there is none.
    pub(super) async fn service(&self, file: Option<&Path>) -> Result<Server, Failure> {
        let store = match file {
            None => "memory:".to_owned(),
            Some(file) => format!("sqlite:{}", file.display()),
        };
        let arguments = ["--listen", "127.0.0.1:0", "--store", &store];
        Server::start(&self.service, &arguments, &self.log()).await
    }

    /// Measures one round of a system under each of its loads, in a process of its own.
    pub(super) async fn round(
        &self,
        system: System,
        options: &Options,
    ) -> Result<Vec<(Kind, Sample)>, Failure> {
        if system == System::Empty {
            remove(&self.empty())?;
        }
        let server = match system {
            System::Bare => Server::start(&self.bench, &["bare"], &self.log()).await,
            System::Memory => self.service(None).await,
            System::Empty => self.service(Some(&self.empty())).await,
            System::Filled => self.service(Some(&self.filled())).await,
        }?;
        let mut load = Load::connect(server.address, options.connections).await?;
        let mut samples = Vec::new();
        for &kind in system.kinds() {
            samples.push((kind, measure(system, kind, &server, &mut load, options.length).await?));
        }
        drop(load);
        server.stop().await?;
        Ok(samples)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}

/// Removes a file with what SQLite keeps beside it.
fn remove(file: &Path) -> Result<(), Failure> {
    for end in ["", "-wal", "-shm", ".lock"] {
        match fs::remove_file(format!("{}{end}", file.display())) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).while_doing("removing a file");
            }
            _ => {}
        }
    }
    Ok(())
}

async fn measure(
    system: System,
    kind: Kind,
    server: &Server,
    load: &mut Load,
    length: Duration,
) -> Result<Sample, Failure> {
    let work = match (system, kind) {
        (System::Bare, _) => Work::Unmarked,
        (_, Kind::New) => Work::FirstTime,
        (_, Kind::Replay) => Work::Replay(load.finish(REPLAYED).await?),
    };
    let made_before = orders_made(system, load).await?;
    let warm_up = load.run(&work, length / WARM_UP).await?;
    let (server_before, own_before) = (server.cpu_time()?, process::own_cpu_time()?);
    let answered = load.run(&work, length).await?;
    let (server_after, own_after) = (server.cpu_time()?, process::own_cpu_time()?);
    let made = orders_made(system, load).await? - made_before;
    let due = match work {
        Work::FirstTime => warm_up.requests + answered.requests,
        Work::Unmarked | Work::Replay(_) => 0,
    };
    if made != due {
        return Err(Failure::new(format!("{made} orders were made where {due} were due")));
    }
    let Answered { requests, elapsed, latencies } = answered;
    let requests = table::number(requests);
    let per_request = |time: Duration| time.as_secs_f64() * 1e6 / requests;
    Ok(Sample {
        requests_per_s: requests / elapsed.as_secs_f64(),
        server_cpu_us: per_request(server_after.saturating_sub(server_before)),
        generator_cpu_us: per_request(own_after.saturating_sub(own_before)),
        latencies,
    })
}

/// The baseline keeps no orders, so it has none to count.
async fn orders_made(system: System, load: &mut Load) -> Result<u64, Failure> {
    match system {
        System::Bare => Ok(0),
        _ => load.orders_made().await,
    }
}
