//! Copies of the commit, where it is changed: the work goes on meanwhile. One for each core, with its
//! share of the mutants. In memory, where there is a folder for that, and the tests' own files with them:
//! the stores' tests sync files again and again.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process, thread,
};

use super::passes::ALL;
use crate::command::{Command, Failure};

/// As `.cargo/mutants.toml` has it.
const FEATURES: &str = "--features=conformance,faults";

/// One copy. It is gone with its owner.
pub(super) struct Tree {
    pub(super) folder: PathBuf,
    number: usize,
    of: usize,
}

impl Tree {
    /// Copies of the commit, with the tests built, that have passed as they are.
    pub(super) fn all(root: &Path) -> Result<Vec<Self>, Failure> {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
        let of = thread::available_parallelism().map_or(1, usize::from);
        let trees: Vec<Self> = (0..of)
            .map(|number| {
                let name = format!("seiriken-mutants-{}-{number}", process::id());
                Self { folder: parent.join(name), number, of }
            })
            .collect();
        for tree in &trees {
            let path = tree.folder.to_string_lossy().into_owned();
            Command::new("git", &["clone", "--quiet", ".", &path]).run(root)?;
        }
        for tree in &trees {
            let files = tree.files();
            fs::create_dir_all(&files)
                .map_err(|error| Failure::new(format!("{files}: {error}"), "mkdir"))?;
        }
        let [first, others @ ..] = &trees[..] else { return Ok(trees) };
        first.test()?;
        for other in others {
            let built = format!("{}/.", first.target());
            Command::new("cp", &["--archive", &built, &other.target()]).run(root)?;
            other.test()?;
        }
        Ok(trees)
    }

    fn test(&self) -> Result<(), Failure> {
        let test = ["test", "--quiet", "--profile=mutants", "--package=seiriken", FEATURES];
        self.cargo(&[&test, ALL].concat()).run(&self.folder)
    }

    /// What is built, and the files of the tests, stand in the copy.
    pub(super) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = Command::cargo(arguments).with("CARGO_TARGET_DIR", self.target());
        cargo.with("TMPDIR", self.files())
    }

    fn target(&self) -> String {
        self.folder.join("target").to_string_lossy().into_owned()
    }

    fn files(&self) -> String {
        self.folder.join("target/files").to_string_lossy().into_owned()
    }

    /// Its share of the mutants, as cargo-mutants counts: from 0.
    pub(super) fn share(&self) -> String {
        format!("{}/{}", self.number, self.of)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}
