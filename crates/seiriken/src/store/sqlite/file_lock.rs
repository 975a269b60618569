//! One process per file: an operating-system lock, which ends with its process, however it ends.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::OpenError;

/// Held while the store is open.
///
/// It lies on a file beside the database: opening and closing the database file itself by other
/// means would drop the locks that SQLite holds on it (POSIX locks end at any close).
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = lock_path(database);
        let failed = |source| OpenError::Lock { path: path.clone(), source };
        let file =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: database.to_path_buf() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// The one name of a file, whichever way leads to it: else two names would be two locks on one
/// file. (Two hard links are two names that nothing here can tell to be one.)
pub(super) fn one_name(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |source| OpenError::Lock { path: path.to_path_buf(), source };
    match path.canonicalize() {
        Ok(name) => Ok(name),
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => {
            let folder = match path.parent() {
                Some(folder) if folder != Path::new("") => folder,
                _ => Path::new("."),
            };
            let file = path.file_name().ok_or_else(|| failed(error))?;
            Ok(folder.canonicalize().map_err(failed)?.join(file))
        }
        Err(error) => Err(failed(error)),
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_folder_in_its_name_is_in_the_current_one() {
        let here = std::env::current_dir().and_then(|here| here.canonicalize()).expect("a folder");
        let name = one_name(Path::new("no-such-file.db")).expect("it has a name");
        assert_eq!(name, here.join("no-such-file.db"));
    }
}
