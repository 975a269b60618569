//! The text files of the project, as paths from its root.

use std::{collections::BTreeMap, fs, path::Path};

use crate::command::{Command, Failure};

/// Path, with `/` between its parts, to text.
#[derive(Debug, Default)]
pub(super) struct Tree {
    files: BTreeMap<String, String>,
}

// === impl Tree ===

impl Tree {
    /// What is committed, and what would be if everything were added now: a rule should be seen to
    /// be broken before the commit.
    pub(super) fn of_checkout(root: &Path) -> Result<Self, Failure> {
        // The owner of a checkout in a container is often another user, which git refuses.
        let trusted = format!("safe.directory={}", root.display());
        let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let paths = Command::new("git", &[&["-c", &trusted], &list[..]].concat()).read(root)?;
        let mut files = BTreeMap::new();
        for path in paths.split_terminator('\0') {
            // A file that was deleted but not yet committed is gone, not broken.
            if let Ok(bytes) = fs::read(root.join(path)) {
                // A picture has no lines to find fault with, but links may lead to it.
                files.insert(path.to_owned(), String::from_utf8(bytes).unwrap_or_default());
            }
        }
        Ok(Self { files })
    }

    /// All files, or those whose name ends so.
    pub(super) fn ending(&self, suffix: &str) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        files.filter(move |(path, _)| path.ends_with(suffix))
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Is there such a file, or a folder with files in it?
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.files.contains_key(path)
            || self.files.keys().any(|file| file.starts_with(&folder))
    }
}

#[cfg(test)]
impl<T: Into<String>, const N: usize> From<[(&str, T); N]> for Tree {
    fn from(files: [(&str, T); N]) -> Self {
        Self { files: files.map(|(path, text)| (path.to_owned(), text.into())).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_when_it_holds_a_file() {
        let tree = Tree::from([("docs/adr/0001.md", "")]);
        assert!(tree.has("docs") && tree.has("docs/adr") && tree.has("docs/adr/0001.md"));
        assert!(!tree.has("doc") && !tree.has("docs/adr/0002.md"));
    }

    #[test]
    fn the_checkout_holds_this_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let tree = Tree::of_checkout(root).unwrap();
        assert!(tree.text("crates/xtask/src/house/tree.rs").is_some());
        assert!(!tree.has("target"));
    }
}
