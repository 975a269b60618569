//! The programs of the servers, and whom they run as.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ServerError;

/// Where Debian puts what is not in everybody's PATH. Never `/usr/local/bin`: what stands there may
/// be anything.
fn folders() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = std::env::split_paths(&path)
        .filter(|folder| folder != Path::new("/usr/local/bin"))
        .collect();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<_> = versions.map(|version| version.path().join("bin")).collect();
    versions.sort();
    // The newest of several.
    folders.extend(versions.into_iter().rev());
    folders.push("/usr/sbin".into());
    folders
}

/// Finds a program, or says which package has it.
pub(crate) fn find(program: &'static str, package: &'static str) -> Result<PathBuf, ServerError> {
    let candidates = folders().into_iter().map(|folder| folder.join(program));
    candidates
        .into_iter()
        .find(|candidate| candidate.is_file())
        .ok_or(ServerError::NotInstalled { program, package })
}

/// Whom servers run as: this process's user; another one where that is root, whom PostgreSQL
/// refuses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunAs(Option<(u32, u32)>);

impl RunAs {
    pub(crate) fn of_this_process() -> Result<Self, ServerError> {
        let own =
            fs::metadata("/proc/self").map_err(ServerError::system("who this process runs as"))?;
        if own.uid() != 0 {
            return Ok(Self(None));
        }
        let users =
            fs::read_to_string("/etc/passwd").map_err(ServerError::system("the list of users"))?;
        let user = |name: &str| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
            Some((ids.next()?, ids.next()?))
        };
        let found = user("postgres").or_else(|| user("nobody"));
        found.map(|ids| Self(Some(ids))).ok_or(ServerError::NobodyToRunAs)
    }

    /// A command that runs as that user.
    pub(crate) fn command(self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        // Away from wherever the test runs, which that user may not be able to read.
        command.current_dir("/");
        command
    }

    /// Hands a folder over to that user.
    pub(crate) fn hand_over(self, folder: &Path) -> Result<(), ServerError> {
        let Some((user, group)) = self.0 else { return Ok(()) };
        chown(folder, Some(user), Some(group))
            .map_err(ServerError::system("handing the folder over"))
    }
}

/// Runs a command to its end. `log` is read for the error.
pub(crate) fn run(command: &mut Command, log: Option<&Path>) -> Result<(), ServerError> {
    let ended = command.output().map_err(ServerError::system("starting a program"))?;
    if ended.status.success() {
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&ended.stderr).into_owned();
    said += &String::from_utf8_lossy(&ended.stdout);
    said += &log.and_then(|log| fs::read_to_string(log).ok()).unwrap_or_default();
    Err(ServerError::Failed { program: command.get_program().display().to_string(), said })
}
