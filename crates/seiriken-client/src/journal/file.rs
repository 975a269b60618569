//! The journal's file: locked, appended to, replaced as a whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::JournalError;

/// Held while the journal is open; the lock ends with its process, however it ends.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// A file of its own: the journal itself is replaced when it is written anew.
    _lock: File,
}

impl JournalFile {
    /// Opens it and reads what it holds.
    pub(super) fn open(path: PathBuf) -> Result<(Self, Vec<u8>), JournalError> {
        let io = |source| JournalError::Io { path: path.clone(), source };
        let lock = private().create(true).truncate(false).write(true).open(beside(&path, "lock"));
        let lock = lock.map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let mut file = private().create(true).read(true).append(true).open(&path).map_err(io)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(io)?;
        sync_folder(&path).map_err(io)?;
        Ok((Self { path, file, _lock: lock }, content))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn append(&mut self, line: &str) -> Result<(), JournalError> {
        self.file.write_all(line.as_bytes()).map_err(|source| self.failed(source))
    }

    /// What was appended is on the disk when this has answered.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|source| self.failed(source))
    }

    /// Puts a file with these lines in the place of this one: a crash leaves the one or the other.
    pub(super) fn replace(&mut self, lines: &str) -> Result<(), JournalError> {
        self.file = self.replaced(lines).map_err(|source| self.failed(source))?;
        Ok(())
    }

    fn replaced(&self, lines: &str) -> std::io::Result<File> {
        let new = beside(&self.path, "new");
        // What a crash left of an earlier one is not a beginning to append to.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private().create_new(true).append(true).open(&new)?;
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)?;
        sync_folder(&self.path)?;
        Ok(file)
    }

    fn failed(&self, source: std::io::Error) -> JournalError {
        JournalError::Io { path: self.path.clone(), source }
    }
}

/// The one name of the file, whichever link leads to it: replacing a link would leave its file
/// behind, and two names would be two locks.
pub(super) fn real_path(path: &Path) -> Result<PathBuf, JournalError> {
    let io = |source| JournalError::Io { path: path.to_path_buf(), source };
    if path.exists() {
        return path.canonicalize().map_err(io);
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or_else(|| io(std::io::ErrorKind::InvalidInput.into()))?;
    Ok(folder.canonicalize().map_err(io)?.join(name))
}

/// Its owner alone may read it: it holds credentials.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// A name is durable when its folder is.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}
