//! Loss of power: is everything that was acknowledged on the disk, whatever else of it is lost?
//!
//! `kill -9` does not show that: what a process has written and not synced outlives it in the page
//! cache. So the real store is used by processes whose every write, sync, creation and deletion is
//! recorded (`strace`), together with a mark for everything that a caller was told. The recording
//! is cut at any point and a disk is made of it: what had been synced is there, of the rest any
//! part. The real store opens the disk, and must find all that was told up to that point.
//!
//! ```text
//! workload  the processes that are recorded      deed  what they do under each key
//! mark      what callers were told               record, trace  the recording, and reading it
//! medium    a disk: what is on it for certain    image  what may be found on it
//! promised  what must be found                   check, found  is it?
//! ```
//!
//! Every run looks at disks that lie as well, which say "synced" and are not: a gate that finds
//! nothing lost on them sees nothing at all.

mod check;
mod deed;
mod dice;
mod found;
mod image;
mod mark;
mod medium;
mod promised;
mod record;
mod survey;
mod trace;
mod workload;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::runtime::Runtime;

use self::check::Wrong;
use self::dice::Dice;
use self::image::{Image, Manner};
use self::mark::Mark;
use self::medium::{Medium, Syncs};
use self::promised::Promised;
use self::record::Recording;
use self::survey::Survey;
use self::trace::Event;
use crate::effort::Effort;
use crate::report::Report;
use crate::strace;

const DATABASE: &str = "orders.db";
const MARKS: &str = "marks";

/// What a disk writes at once, or not at all.
const SECTOR: usize = 512;

/// About so many images are made of one recording before the next is made.
const OF_ONE_RECORDING: u64 = 5_500;

/// Fewer would say little.
const IMAGES_MIN: u64 = 5_000;

/// So many findings are enough to work with.
const FINDINGS_MAX: usize = 10;

/// A recording of an earlier run, to look at again.
const TRACE_VARIABLE: &str = "SEIRIKEN_PROOF_TRACE";

type Failure = Box<dyn Error + Send + Sync>;

/// What was looked at.
#[derive(Debug, Default)]
struct Looked {
    images: u64,
    unsettled: u64,
    manners: BTreeSet<Manner>,
    lying: [u64; 2],
    survey: Survey,
}

/// Does what the process of this number does (the first is 1), in this folder: what is recorded.
pub fn write(folder: &Path, seed: u64, number: u64) -> Result<(), Failure> {
    runtime()?.block_on(workload::run(folder, seed, number))
}

/// Runs the gate.
pub fn run(effort: &Effort) -> Report {
    let mut report = Report::new("power").seeded(effort.seed);
    let mut looked = Looked::default();
    let done = match strace::missing() {
        None => look(effort, &mut looked, &mut report),
        Some(missing) => Err(missing.into()),
    };
    if let Err(failure) = done {
        report.find(format!("the gate itself failed: {failure}"));
    }
    report.count("images", looked.images, IMAGES_MIN);
    report.count("of them with something unsynced", looked.unsettled, IMAGES_MIN / 2);
    report.count("manners of loss", looked.manners.len() as u64, 12);
    looked.survey.count(&mut report);
    report.count("losses found where log syncs are ignored", looked.lying[0], 10);
    report.count("losses found where database syncs are ignored", looked.lying[1], 10);
    report
}

fn look(effort: &Effort, looked: &mut Looked, report: &mut Report) -> Result<(), Failure> {
    let runtime = runtime()?;
    let folder = strace::folder()?;
    for round in 0.. {
        let traces = Traces::make(&folder, effort.seed.wrapping_add(round), round)?;
        looked.survey.add(&traces.recording, report);
        let mut findings = look_at(&traces.recording, &runtime, &folder, effort, looked)?;
        if round == 0 {
            for (place, ending) in ["-wal", ".db"].into_iter().enumerate() {
                let lies = Syncs::Ignored(ending);
                looked.lying[place] = losses(&traces.recording, &runtime, &folder, lies)?;
            }
        }
        if !findings.is_empty() {
            findings.truncate(FINDINGS_MAX);
            for finding in findings {
                report.find(finding);
            }
            report.find(format!("to look again: {TRACE_VARIABLE}={}", traces.keep().display()));
            return Ok(());
        }
        if !effort.goes_on(looked.images, IMAGES_MIN) {
            return Ok(());
        }
    }
    Ok(())
}

/// Looks at images of one recording: some at each of its points, more where something is on its way
/// to the disk.
fn look_at(
    recording: &Recording,
    runtime: &Runtime,
    folder: &TempDir,
    effort: &Effort,
    looked: &mut Looked,
) -> Result<Vec<String>, Failure> {
    let (mut medium, mut promised) = (Medium::new(Syncs::Kept), Promised::nothing());
    let mut findings = Vec::new();
    let weights = recording.weights();
    let sum: u64 = weights.iter().sum();
    for (place, (event, weight)) in recording.events.iter().zip(weights).enumerate() {
        let mut dice = Dice::of(&[recording.seed, place as u64, 5]);
        for _ in 0..(OF_ONE_RECORDING * weight + dice.below(sum)) / sum {
            let image = Image::choose(&medium, &mut dice);
            looked.images += 1;
            looked.unsettled += u64::from(!medium.is_settled());
            looked.manners.insert(image.manner);
            if let Err(wrong) = judge(&image, recording.seed, &promised, runtime, folder)? {
                let seed = recording.seed;
                findings.push(format!("at event {place} of seed {seed}, {image}: {wrong}"));
            }
        }
        let time_is_up = effort.until.is_some() && !effort.goes_on(0, 0);
        if time_is_up || findings.len() >= FINDINGS_MAX {
            break;
        }
        medium.take(event);
        if let Event::Mark(mark) = event {
            promised.hear(mark);
        }
    }
    Ok(findings)
}

/// How often something acknowledged is missing on a disk that lies.
fn losses(
    recording: &Recording,
    runtime: &Runtime,
    folder: &TempDir,
    lies: Syncs,
) -> Result<u64, Failure> {
    let (mut medium, mut promised) = (Medium::new(lies), Promised::nothing());
    let mut losses = 0;
    for (place, event) in recording.events.iter().enumerate() {
        if place % (recording.events.len() / 40) == 0 {
            let mut dice = Dice::of(&[recording.seed, place as u64, 6]);
            let image = Image::of(&medium, Manner::Lost, &mut dice);
            let judged = judge(&image, recording.seed, &promised, runtime, folder)?;
            losses += u64::from(matches!(judged, Err(Wrong::Lost(_))));
        }
        medium.take(event);
        if let Event::Mark(mark) = event {
            promised.hear(mark);
        }
    }
    Ok(losses)
}

/// Opens an image.
fn judge(
    image: &Image,
    seed: u64,
    promised: &Promised,
    runtime: &Runtime,
    folder: &TempDir,
) -> Result<Result<(), Wrong>, Failure> {
    let disk = folder.path().join("disk");
    image.lay_out(&disk)?;
    let judged = runtime.block_on(check::check(&disk, seed, promised));
    std::fs::remove_dir_all(&disk)?;
    Ok(judged)
}

fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// A recording and where it lies.
struct Traces {
    recording: Recording,
    path: PathBuf,
    /// It goes away with this, unless it is kept.
    folder: Option<TempDir>,
}

impl Traces {
    /// Records, or reads what the variable names.
    fn make(folder: &TempDir, seed: u64, round: u64) -> Result<Self, Failure> {
        if let Some(earlier) = std::env::var_os(TRACE_VARIABLE) {
            let path = PathBuf::from(earlier);
            return Ok(Self { recording: record::read(&path)?, path, folder: None });
        }
        let traces = tempfile::Builder::new().prefix("seiriken-power-").tempdir()?;
        let place = folder.path().join(format!("recorded.{round}"));
        std::fs::create_dir(&place)?;
        let recording = record::record(&place, traces.path(), seed)?;
        std::fs::remove_dir_all(place)?;
        Ok(Self { recording, path: traces.path().to_owned(), folder: Some(traces) })
    }

    fn keep(self) -> PathBuf {
        self.folder.map_or(self.path, TempDir::keep)
    }
}

impl Recording {
    /// Of each event, how much there is to look at before it: more where something is on its way
    /// to the disk, but little of the long commits that only fill the log.
    fn weights(&self) -> Vec<u64> {
        let (mut medium, mut filling) = (Medium::new(Syncs::Kept), false);
        let weight = |event: &Event| {
            let log = matches!(event, Event::Write { file, .. } if file.ends_with("-wal"));
            let weight = if medium.is_settled() || filling && log { 1 } else { 8 };
            medium.take(event);
            match event {
                Event::Mark(Mark::Filling) => filling = true,
                Event::Mark(_) => filling = false,
                _ => {}
            }
            weight
        };
        self.events.iter().map(weight).collect()
    }
}
