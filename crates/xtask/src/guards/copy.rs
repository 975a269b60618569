//! A copy of the tree, in which guards are taken out. The tree itself is never touched.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{failure, table::Guard};
use crate::command::{Command, Failure};

pub(super) struct Copy {
    /// Where the copy is.
    pub(super) root: PathBuf,
    /// Where it is built: nowhere else, or a program without a guard would pass for a good one.
    pub(super) target: PathBuf,
    original: PathBuf,
}

/// Files of the copy, by their path in it.
type Files = BTreeMap<String, String>;

// === impl Copy ===

impl Copy {
    /// Makes the copy, or brings an earlier one up to date. What has not changed is not written,
    /// so that it is not built again.
    pub(super) fn make(original: &Path) -> Result<Self, Failure> {
        let metadata = Command::cargo(&["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Option<Value> = serde_json::from_str(&metadata.read(original)?).ok();
        let folder = metadata.as_ref().and_then(|metadata| metadata["target_directory"].as_str());
        let folder = folder.ok_or_else(|| failure("cargo does not say where it builds"))?;
        let folder = Path::new(folder).join("guards");
        let (root, target) = (folder.join("tree"), folder.join("target"));
        let copy = Self { root, target, original: original.to_path_buf() };
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let trusted = format!("safe.directory={}", original.display());
        let git = Command::new("git", &[&["-c", &trusted], &list[..]].concat());
        let paths = git.read(original)?;
        let paths: Vec<&str> = paths.split_terminator('\0').collect();
        for path in &paths {
            copy.copy(path).map_err(|error| failure(format!("{path}: {error}")))?;
        }
        copy.forget_all_but(&paths).map_err(|error| failure(error.to_string()))?;
        Ok(copy)
    }

    fn copy(&self, path: &str) -> std::io::Result<()> {
        let (from, to) = (self.original.join(path), self.root.join(path));
        // A file that was deleted but not yet committed is gone.
        let Ok(bytes) = fs::read(from) else { return Ok(()) };
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        fs::create_dir_all(to.parent().unwrap_or(&self.root))?;
        fs::write(to, bytes)
    }

    /// A source file that is gone from the tree would still be built in the copy.
    fn forget_all_but(&self, paths: &[&str]) -> std::io::Result<()> {
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                let known = |known: &&str| self.root.join(known) == path;
                if path.is_dir() {
                    folders.push(path);
                } else if !paths.iter().any(known) || !self.original_of(&path).exists() {
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }

    fn original_of(&self, copied: &Path) -> PathBuf {
        self.original.join(copied.strip_prefix(&self.root).unwrap_or(copied))
    }

    /// The files that change when the guard is taken out, as they are without it.
    pub(super) fn without(&self, guard: &Guard) -> Result<Files, String> {
        let mut files = Files::new();
        for edit in &guard.edits {
            let read = || fs::read_to_string(self.original.join(&edit.file)).unwrap_or_default();
            let before = files.remove(&edit.file).unwrap_or_else(read);
            let count = before.matches(&edit.text).count();
            if count != 1 {
                let (name, file, text) = (&guard.name, &edit.file, edit.text.trim());
                return Err(format!("{name}: {count} times in {file}, not once: {text}"));
            }
            files.insert(edit.file.clone(), before.replacen(&edit.text, &edit.without, 1));
        }
        Ok(files)
    }

    pub(super) fn write(&self, files: &Files) -> Result<(), Failure> {
        files.iter().try_for_each(|(path, text)| {
            fs::write(self.root.join(path), text)
                .map_err(|error| failure(format!("{path}: {error}")))
        })
    }

    /// Makes them what they are in the tree.
    pub(super) fn restore(&self, files: &Files) -> Result<(), Failure> {
        files.keys().try_for_each(|path| {
            self.copy(path).map_err(|error| failure(format!("{path}: {error}")))
        })
    }
}
