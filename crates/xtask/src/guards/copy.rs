//! A copy of the tree, in which guards are taken out. The tree itself is never touched, and may
//! change while the copy is worked on.

use std::{
    collections::BTreeMap,
    fs, io,
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
    /// What the tree was when the copy was made, by path.
    files: BTreeMap<String, Vec<u8>>,
}

/// Files of the copy that are without a guard, by path.
type Changed = BTreeMap<String, String>;

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
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let trusted = format!("safe.directory={}", original.display());
        let git = Command::new("git", &[&["-c", &trusted], &list[..]].concat());
        let paths = git.read(original)?;
        // A file that was deleted but not yet committed is gone.
        let read = |path: &str| Some((path.to_owned(), fs::read(original.join(path)).ok()?));
        let files = paths.split_terminator('\0').filter_map(read).collect();
        let (root, target) = (folder.join("tree"), folder.join("target"));
        let copy = Self { root, target, files };
        copy.bring_up_to_date().map_err(|error| failure(error.to_string()))?;
        Ok(copy)
    }

    fn bring_up_to_date(&self) -> io::Result<()> {
        for path in self.files.keys() {
            self.restore_file(path)?;
        }
        // A source file that is gone from the tree would still be built in the copy.
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else if !self.files.keys().any(|known| self.root.join(known) == path) {
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }

    /// The files that change when the guard is taken out, as they are without it.
    pub(super) fn without(&self, guard: &Guard) -> Result<Changed, String> {
        let mut changed = Changed::new();
        for edit in &guard.edits {
            let original = self.files.get(&edit.file).map(Vec::as_slice).unwrap_or_default();
            let original = || String::from_utf8_lossy(original).into_owned();
            let before = changed.remove(&edit.file).unwrap_or_else(original);
            let count = before.matches(&edit.text).count();
            if count != 1 {
                let (name, file, text) = (&guard.name, &edit.file, edit.text.trim());
                return Err(format!("{name}: {count} times in {file}, not once: {text}"));
            }
            changed.insert(edit.file.clone(), before.replacen(&edit.text, &edit.without, 1));
        }
        Ok(changed)
    }

    pub(super) fn write(&self, changed: &Changed) -> Result<(), Failure> {
        changed.iter().try_for_each(|(path, text)| {
            fs::write(self.root.join(path), text)
                .map_err(|error| failure(format!("{path}: {error}")))
        })
    }

    /// Puts the guard back.
    pub(super) fn restore(&self, changed: &Changed) -> Result<(), Failure> {
        changed.keys().try_for_each(|path| {
            self.restore_file(path).map_err(|error| failure(format!("{path}: {error}")))
        })
    }

    fn restore_file(&self, path: &str) -> io::Result<()> {
        let (to, bytes) = (self.root.join(path), &self.files[path]);
        if fs::read(&to).is_ok_and(|there| there == *bytes) {
            return Ok(());
        }
        fs::create_dir_all(to.parent().unwrap_or(&self.root))?;
        fs::write(to, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::table::Edit;

    fn edit(text: &str, without: &str) -> Edit {
        Edit { file: "a.rs".into(), text: text.into(), without: without.into() }
    }

    fn without(edits: Vec<Edit>) -> Result<Changed, String> {
        let files = BTreeMap::from([("a.rs".to_owned(), b"if ready && able { go() }".to_vec())]);
        let copy = Copy { root: PathBuf::new(), target: PathBuf::new(), files };
        copy.without(&Guard::with_edits(edits))
    }

    #[test]
    fn edits_of_one_file_come_one_after_the_other() {
        let changed = without(vec![edit("ready && ", ""), edit("if able", "if true")]).unwrap();
        assert_eq!(changed["a.rs"], "if true { go() }");
    }

    #[test]
    fn a_text_that_does_not_stand_there_once_is_an_error() {
        for text in ["steady", "e"] {
            assert!(without(vec![edit(text, "")]).unwrap_err().contains("not once"), "{text}");
        }
    }
}
