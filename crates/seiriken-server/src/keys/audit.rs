//! Who settled what: a file that lines are added to, and nothing is done without its line.
//!
//! Each change is two lines of JSON: `asked` before it, on the disk before anything is changed, and `told`
//! after it. An `asked` without its `told` is a command that was ended in between.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use seiriken::clock::{Clock, SystemClock};
use serde::Serialize;

use super::Ended;
use super::view::{KeyView, rfc3339};
use crate::store_url::StoreUrl;

/// The file, open to be added to.
pub(super) struct Audit {
    path: PathBuf,
    file: File,
}

/// One line.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'e> {
    pub(super) event: Event,
    pub(super) verb: &'static str,
    /// `done`, or `not-done`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<&'static str>,
    /// The status of the answer that was given; the rest of it is in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    /// The key as it stood.
    pub(super) key: &'e KeyView,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) told: Option<&'e str>,
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Event {
    Asked,
    Told,
}

/// A line as it is written: when, by whom, where, and what.
#[derive(Serialize)]
struct Line<'e> {
    at: String,
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(flatten)]
    entry: &'e Entry<'e>,
}

impl Audit {
    pub(super) fn open(named: Option<&Path>, store: &StoreUrl) -> Result<Self, Ended> {
        let path = match (named, store) {
            (Some(path), _) => path.to_path_buf(),
            (None, StoreUrl::Sqlite(database)) => {
                let mut name = database.as_os_str().to_owned();
                name.push(".audit");
                name.into()
            }
            (None, _) => PathBuf::from("seiriken.audit"),
        };
        let mut options = File::options();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(error) => Err(Ended::Failed(format!(
                "nothing was changed: the audit log {} cannot be opened: {error}",
                path.display()
            ))),
        }
    }

    /// On the disk when this returns.
    pub(super) fn write(&mut self, entry: &Entry<'_>) -> Result<(), String> {
        let line = Line { at: rfc3339(SystemClock.now()), user: user(), uid: uid(), entry };
        let written =
            serde_json::to_vec(&line).map_err(std::io::Error::from).and_then(|mut line| {
                line.push(b'\n');
                // In one piece, so that lines of two commands are not mixed.
                self.file.write_all(&line)?;
                self.file.sync_data()
            });
        written.map_err(|error| {
            format!("the audit log {} cannot be written: {error}", self.path.display())
        })
    }
}

/// As the system has them logged in; who has used `sudo` is named.
fn user() -> Option<String> {
    ["SUDO_USER", "USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok())
}

/// Of this process, where the system says so.
fn uid() -> Option<u32> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata("/proc/self").ok().map(|process| process.uid())
    }
    #[cfg(not(target_os = "linux"))]
    None
}
