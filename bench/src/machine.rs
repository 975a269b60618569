//! What it was measured on: figures mean nothing without it.

use std::fmt;
use std::fs;
use std::io::{Seek, Write};
use std::path::Path;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, While};
use crate::{load, stopwatch};

const PAGE: [u8; 4096] = [7; 4096];
const SYNCS: usize = 200;

/// The machine, down to what one sync costs where the files lie.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    cores: usize,
    processor: String,
    kernel: String,
    file_system: String,
    /// What one `fdatasync` takes after 4 KiB, in the middle, in microseconds: into a file that
    /// grows, as an append to a log that was not there before (data and length), and in place, as
    /// into SQLite's write-ahead log after its first round (data alone).
    sync_growing_us: u64,
    sync_in_place_us: u64,
    /// What others kept it busy with before the run: their load average over a minute.
    load_before: String,
}

impl Machine {
    /// This one. The files will lie in this folder.
    pub(crate) fn this_one(dir: &Path) -> Result<Self, Failure> {
        let cores = std::thread::available_parallelism().while_doing("counting cores")?.get();
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let cpus = read("/proc/cpuinfo");
        let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let dir = fs::canonicalize(dir).while_doing("finding the directory")?;
        let average = read("/proc/loadavg");
        Ok(Self {
            cores,
            processor: cpu.map_or("an unnamed processor", |(_, name)| name).to_owned(),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: filesystem(&read("/proc/mounts"), &dir).unwrap_or("unnamed").to_owned(),
            sync_growing_us: sync_growing(&dir)?,
            sync_in_place_us: sync_in_place(&dir)?,
            load_before: average.split(' ').next().unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} cores ({}), Linux {}, files on {}; fdatasync after 4 KiB takes {} µs into a file \
             that grows, {} µs in place (p50); load average before it began: {}",
            self.cores,
            self.processor,
            self.kernel,
            self.file_system,
            self.sync_growing_us,
            self.sync_in_place_us,
            self.load_before
        )
    }
}

fn sync_growing(dir: &Path) -> Result<u64, Failure> {
    let mut file = tempfile::tempfile_in(dir).while_doing("making a file")?;
    timed(|| file.write_all(&PAGE).and_then(|()| file.sync_data()))
}

/// What one sync of a page takes that is written once more, in the middle, in microseconds.
pub(crate) fn sync_in_place(dir: &Path) -> Result<u64, Failure> {
    let mut file = tempfile::tempfile_in(dir).while_doing("making a file")?;
    let written = (0..SYNCS).try_for_each(|_| file.write_all(&PAGE));
    let on_disk = written.and_then(|()| file.sync_all()).and_then(|()| file.rewind());
    on_disk.while_doing("writing a file")?;
    timed(|| file.write_all(&PAGE).and_then(|()| file.sync_data()))
}

fn timed(mut sync: impl FnMut() -> std::io::Result<()>) -> Result<u64, Failure> {
    let mut times: Histogram<u64> = load::histogram()?;
    for _ in 0..SYNCS {
        let started = stopwatch::now();
        sync().while_doing("syncing a file")?;
        let took = stopwatch::micros(started.elapsed());
        times.record(took).while_doing("recording a sync")?;
    }
    Ok(times.value_at_quantile(0.5))
}

/// The kind of file system a directory is on, from the lines of `/proc/mounts`: that of the deepest
/// mount above it, and of two at one place the later one, which covers the other.
fn filesystem<'m>(mounts: &'m str, dir: &Path) -> Option<&'m str> {
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((Path::new(fields.next()?), fields.next()?))
    });
    let above = mounts.filter(|(at, _)| dir.starts_with(at));
    above.max_by_key(|(at, _)| at.components().count()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_system_is_that_of_the_deepest_mount() {
        let mounts = "/dev/a / ext4 rw 0 0\nt /srv tmpfs rw 0 0\n/dev/b /srv xfs rw 0 0\n";
        assert_eq!(filesystem(mounts, Path::new("/srv/a/b")), Some("xfs"));
        assert_eq!(filesystem(mounts, Path::new("/srvice")), Some("ext4"));
        assert_eq!(filesystem("", Path::new("/srv")), None);
    }
}
