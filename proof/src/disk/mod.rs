//! Disks that are full or broken: is what a client is told still true after the next start?
//!
//! The real program takes orders and retries while a call of the system fails (`strace` answers it
//! in the system's place): the first one, the second one, and so on to the last, once or from then
//! on. After that it is started without the fault. What was acknowledged must be there with the
//! same bytes, what was refused for certain must not, and no key may have two orders. A COMMIT
//! whose result nobody knows ends the process with status 74, and the next start finds out.
//!
//! ```text
//! fault    which call fails, and how     limit  what the system itself refuses: sizes, descriptors
//! scene    what is done under it         book   what clients were told, and whether it is true
//! service  the program and its client
//! ```

mod book;
mod fault;
mod limit;
mod scene;
mod service;

use std::error::Error;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use futures_util::stream;
use tempfile::TempDir;

use self::book::Book;
use self::fault::{FAILURES, Fault, Times};
use self::scene::{EARLIER, Ended};
use self::service::{Service, Under};
use crate::effort::Effort;
use crate::report::Report;
use crate::strace;

/// So many processes at a time: they wait more than they work.
const AT_ONCE: usize = 3;

type Failure = Box<dyn Error + Send + Sync>;

/// What was done and seen.
#[derive(Debug, Default)]
struct Seen {
    planned: u64,
    points: u64,
    injected: u64,
    at_start: u64,
    in_doubt: u64,
    killed: u64,
    unavailable: u64,
    pending: u64,
    limits: u64,
    may_mount: bool,
    full_disks: u64,
    /// Scenes on a disk that loses writes in which that was found.
    lost: u64,
    findings: Vec<String>,
}

/// Runs the gate.
pub fn run(effort: &Effort) -> Report {
    let mut report = Report::new("disk");
    let mut seen = Seen::default();
    let done = match strace::missing() {
        None => look(effort, &mut seen),
        Some(missing) => Err(missing.into()),
    };
    if let Err(failure) = done {
        report.find(format!("the gate itself failed: {failure}"));
    }
    for finding in std::mem::take(&mut seen.findings) {
        report.find(finding);
    }
    // A scene under a fault may make a call less than the one that was counted.
    let points_min = (seen.planned * 9 / 10).max(300);
    report.count("points to fail at", seen.points, points_min);
    report.count("failed calls", seen.injected, 400);
    report.count("starts refused", seen.at_start, 50);
    report.count("ends with status 74", seen.in_doubt, 50);
    report.count("answers outcome-pending", seen.pending, 50);
    report.count("answers store-unavailable", seen.unavailable, 30);
    report.count("limits of the system", seen.limits, 40);
    report.count("processes ended by a limit", seen.killed, 3);
    // Where nobody may mount one, the limit on the size of files stands for it.
    report.count("full disks", seen.full_disks, if seen.may_mount { 3 } else { 0 });
    report.count("losses found where writes are lost", seen.lost, 3);
    report
}

fn look(effort: &Effort, seen: &mut Seen) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = strace::folder()?;
    runtime.block_on(async {
        let stage = Stage::build(folder).await?;
        stage.lose_writes(seen).await?;
        stage.fail_everywhere(effort, seen).await?;
        limit::play_all(&stage, seen).await
    })
}

/// Where scenes are played: every one begins with a copy of one file, or with none.
struct Stage {
    folder: TempDir,
    /// Keys and answers of earlier.
    earlier: Vec<(String, String)>,
}

/// What a scene begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begins {
    /// Nothing: the file is made.
    Empty,
    /// Orders of earlier.
    WithOrders,
}

impl Stage {
    async fn build(folder: TempDir) -> Result<Self, Failure> {
        let mut stage = Self { folder, earlier: Vec::new() };
        std::fs::create_dir(stage.orders())?;
        let mut service = Service::start(&stage.orders(), &Under::default()).await?;
        for key in EARLIER {
            let answer = service.order(key).await?;
            if answer.status != 201 {
                return Err(format!("without a fault: {answer:?}").into());
            }
            stage.earlier.push((key.to_owned(), answer.body));
        }
        service.stop().await?;
        Ok(stage)
    }

    fn orders(&self) -> PathBuf {
        self.folder.path().join("orders")
    }

    /// A folder to begin in.
    fn begin(&self, name: &str, begins: Begins) -> std::io::Result<PathBuf> {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder)?;
        self.furnish(&folder, begins)?;
        Ok(folder)
    }

    /// Puts into a folder what is there in the beginning.
    fn furnish(&self, folder: &Path, begins: Begins) -> std::io::Result<()> {
        if begins == Begins::WithOrders {
            for file in std::fs::read_dir(self.orders())? {
                let file = file?;
                std::fs::copy(file.path(), folder.join(file.file_name()))?;
            }
        }
        Ok(())
    }

    /// What clients know in the beginning.
    fn book(&self, begins: Begins) -> Book {
        match begins {
            Begins::Empty => Book::default(),
            Begins::WithOrders => Book::with(&self.earlier),
        }
    }

    /// Lets every call fail that a scene without faults makes.
    async fn fail_everywhere(&self, effort: &Effort, seen: &mut Seen) -> Result<(), Failure> {
        for round in 0.. {
            for begins in [Begins::WithOrders, Begins::Empty] {
                let faults = self.faults(begins).await?;
                seen.planned += faults.len() as u64;
                let scenes = faults.into_iter().enumerate().map(|(number, fault)| {
                    self.fail(format!("{round}-{begins:?}-{number}"), begins, fault)
                });
                let mut scenes = stream::iter(scenes).buffer_unordered(AT_ONCE);
                while let Some(played) = scenes.next().await {
                    seen.add(&played?);
                }
            }
            if !effort.goes_on(1, 1) || !seen.findings.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks whether anything is found where it must be.
    async fn lose_writes(&self, seen: &mut Seen) -> Result<(), Failure> {
        for number in 0..5 {
            let name = format!("lost-{number}");
            let played = self.fail(name, Begins::WithOrders, Fault::that_loses(number)).await?;
            seen.lost += u64::from(!played.book.findings.is_empty());
        }
        Ok(())
    }

    /// Every fault there is, by counting the calls of a scene without one.
    async fn faults(&self, begins: Begins) -> Result<Vec<Fault>, Failure> {
        let folder = self.begin("counted", begins)?;
        let log = folder.join("strace");
        let mut book = self.book(begins);
        let ended = scene::play(&folder, &fault::counted(&folder, &log), &mut book).await?;
        if ended != Ended::WhenAsked || !book.findings.is_empty() {
            return Err(format!("without a fault: {ended:?}, {:?}", book.findings).into());
        }
        let log = std::fs::read_to_string(log)?;
        std::fs::remove_dir_all(folder)?;
        let mut faults = Vec::new();
        for (call, answer) in FAILURES {
            let both = [Times::Once, Times::FromThenOn];
            for from in 1..=fault::count(&log, call) {
                faults.extend(both.map(|times| Fault { call, answer, from, times }));
            }
        }
        Ok(faults)
    }

    async fn fail(&self, name: String, begins: Begins, fault: Fault) -> Result<Played, Failure> {
        let folder = self.begin(&name, begins)?;
        let log = folder.join("strace");
        let under = fault.under(&folder, &log);
        let mut played = self.play(&folder, &under, begins, fault.to_string()).await?;
        played.injected = fault::injected(&std::fs::read_to_string(log)?);
        std::fs::remove_dir_all(folder)?;
        Ok(played)
    }

    async fn play(
        &self,
        folder: &Path,
        under: &Under,
        begins: Begins,
        what: String,
    ) -> Result<Played, Failure> {
        let mut book = self.book(begins);
        let ended = scene::play(folder, under, &mut book).await;
        let ended = ended.map_err(|error| format!("{begins:?}: {what}: {error}"))?;
        Ok(Played { what: format!("{begins:?}: {what}"), ended, injected: 0, book })
    }
}

/// A scene that was played.
struct Played {
    what: String,
    ended: Ended,
    injected: u64,
    book: Book,
}

impl Seen {
    fn add(&mut self, played: &Played) {
        let Played { what, ended, injected, book } = played;
        self.points += u64::from(*injected > 0);
        self.injected += injected;
        self.at_start += u64::from(*ended == Ended::AtStart);
        self.in_doubt += u64::from(*ended == Ended::InDoubt);
        self.killed += u64::from(*ended == Ended::Killed);
        self.unavailable += book.unavailable;
        self.pending += book.pending;
        self.findings.extend(book.findings.iter().map(|finding| format!("{what}: {finding}")));
    }
}
