//! What it was measured on: figures mean nothing without it.

use std::fs;
use std::io::{Seek, Write};
use std::path::Path;

use hdrhistogram::Histogram;

use crate::failure::{Failure, While};
use crate::{load, stopwatch};

const PAGE: [u8; 4096] = [7; 4096];
const SYNCS: usize = 200;

/// The machine in a few lines, down to what one sync costs where the files lie.
pub(crate) fn facts(dir: &Path) -> Result<String, Failure> {
    let cores = std::thread::available_parallelism().while_doing("counting cores")?;
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpu = cpu.map_or("an unnamed processor", |(_, name)| name);
    let kernel = read("/proc/sys/kernel/osrelease");
    let dir = fs::canonicalize(dir).while_doing("finding the directory")?;
    let mounts = read("/proc/mounts");
    let filesystem = filesystem(&mounts, &dir).unwrap_or("an unnamed file system");
    let (growing, in_place) = (sync_growing(&dir)?, sync_in_place(&dir)?);
    Ok(format!(
        "- machine: {cores} cores, {cpu}; Linux {}\n\
         - files: on {filesystem}; fdatasync after 4 KiB: {} into a file that grows, {} in place\n",
        kernel.trim(),
        shown(&growing),
        shown(&in_place),
    ))
}

fn shown(times: &Histogram<u64>) -> String {
    let at = |quantile| times.value_at_quantile(quantile);
    format!("p50 {} µs, p99 {} µs", at(0.5), at(0.99))
}

/// As an append to a log that was not there before: data and length.
fn sync_growing(dir: &Path) -> Result<Histogram<u64>, Failure> {
    let mut file = tempfile::tempfile_in(dir).while_doing("making a file")?;
    timed(|| file.write_all(&PAGE).and_then(|()| file.sync_data()))
}

/// As into SQLite's write-ahead log after its first round: data alone.
fn sync_in_place(dir: &Path) -> Result<Histogram<u64>, Failure> {
    let mut file = tempfile::tempfile_in(dir).while_doing("making a file")?;
    let written = (0..SYNCS).try_for_each(|_| file.write_all(&PAGE));
    let on_disk = written.and_then(|()| file.sync_all()).and_then(|()| file.rewind());
    on_disk.while_doing("writing a file")?;
    timed(|| file.write_all(&PAGE).and_then(|()| file.sync_data()))
}

fn timed(mut sync: impl FnMut() -> std::io::Result<()>) -> Result<Histogram<u64>, Failure> {
    let mut times = load::histogram()?;
    for _ in 0..SYNCS {
        let started = stopwatch::now();
        sync().while_doing("syncing a file")?;
        let took = stopwatch::micros(started.elapsed());
        times.record(took).while_doing("recording a sync")?;
    }
    Ok(times)
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
