//! What the system itself refuses: files of more than a size, more than so many open files, and
//! writes to a disk that is full.

use std::io;
use std::path::Path;
use std::process::{Output, Stdio};

use futures_util::StreamExt;
use futures_util::stream;
use tokio::process::Command;

use super::scene::Ended;
use super::service::Under;
use super::{AT_ONCE, Begins, Failure, Seen, Stage};

/// A page of the log, with its head.
const FRAME: u64 = 4096 + 24;

/// Plays under every limit.
pub(super) async fn play_all(stage: &Stage, seen: &mut Seen) -> Result<(), Failure> {
    let scenes = limits().into_iter().enumerate().map(|(number, (what, wrapper))| async move {
        let folder = stage.begin(&format!("limit-{number}"), Begins::WithOrders)?;
        let under = Under { wrapper, small: None };
        let played = stage.play(&folder, &under, Begins::WithOrders, what).await;
        std::fs::remove_dir_all(folder)?;
        played
    });
    let mut scenes = stream::iter(scenes).buffer_unordered(AT_ONCE);
    while let Some(played) = scenes.next().await {
        seen.add(&played?);
        seen.limits += 1;
    }
    for kilobytes in (84..=180).step_by(8) {
        fill_a_disk(stage, kilobytes, seen).await?;
    }
    Ok(())
}

/// Every limit, in words and as a program that sets it.
fn limits() -> Vec<(String, Vec<String>)> {
    let words = |wrapper: &[&str], limit: String| -> Vec<String> {
        wrapper.iter().map(|word| (*word).to_owned()).chain([limit]).collect()
    };
    let sizes = (0..=24).map(|frames| frames * FRAME + 32);
    let mut limits = Vec::new();
    for size in sizes {
        let limit = format!("--fsize={size}");
        // The system sends a signal, which ends a process, or refuses if that is not heard.
        let deaf = ["env", "--ignore-signal=XFSZ", "prlimit"];
        limits.push((format!("files of at most {size} bytes"), words(&["prlimit"], limit.clone())));
        limits.push((format!("files of at most {size} bytes, refused"), words(&deaf, limit)));
    }
    // With fewer the runtime itself does not start.
    for files in 8..=30 {
        let limit = format!("--nofile={files}");
        limits.push((format!("at most {files} open files"), words(&["prlimit"], limit)));
    }
    limits
}

/// A disk of so many kilobytes, if one may be mounted here.
async fn fill_a_disk(stage: &Stage, kilobytes: u32, seen: &mut Seen) -> Result<(), Failure> {
    let folder = stage.begin(&format!("full-{kilobytes}"), Begins::Empty)?;
    let size = format!("size={kilobytes}k");
    if !mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], &folder).await?.status.success() {
        return Ok(());
    }
    seen.may_mount = true;
    let mounted = Mounted(&folder);
    stage.furnish(&folder, Begins::WithOrders)?;
    let under = Under { wrapper: Vec::new(), small: Some(folder.clone()) };
    let what = format!("a disk of {kilobytes} kB");
    let played = stage.play(&folder, &under, Begins::WithOrders, what).await;
    drop(mounted);
    let played = played?;
    seen.full_disks += u64::from(played.ended == Ended::InDoubt || played.book.unavailable > 0);
    seen.add(&played);
    Ok(())
}

/// Makes a disk large enough for everything that comes.
pub(super) async fn enlarge(disk: &Path) -> io::Result<()> {
    let output = mount(&["-o", "remount,size=16m"], disk).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

async fn mount(options: &[&str], on: &Path) -> io::Result<Output> {
    Command::new("mount").args(options).arg(on).stdin(Stdio::null()).output().await
}

/// Takes it away again, however the scene ends.
struct Mounted<'m>(&'m Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let unmounted = std::process::Command::new("umount").arg("--lazy").arg(self.0).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} is still mounted", self.0.display());
        }
    }
}
