//! Where builds are put.

use std::path::{Path, PathBuf};

use crate::command::{Command, Failure};

/// The folder, as cargo says.
pub(crate) fn folder(root: &Path) -> Result<PathBuf, Failure> {
    let metadata = Command::cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata.read(root)?)
        .map_err(|error| Failure::new(error.to_string(), "cargo metadata"))?;
    Ok(metadata["target_directory"].as_str().unwrap_or("target").into())
}

/// Builds the programs that the tests were built with, and says where they are. What tests depend
/// on adds features to what a program is made of: with a test among the targets, nothing that the
/// step `test` has built is compiled again.
pub(crate) fn tested_programs(root: &Path) -> Result<PathBuf, Failure> {
    let programs = ["--bin", "seiriken", "--bin", "seiriken-bench", "--test", "log"];
    Command::cargo(&[&["build", "--workspace", "--all-features"], &programs[..]].concat())
        .run(root)?;
    Ok(folder(root)?.join("debug"))
}
