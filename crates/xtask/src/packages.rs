//! `packages/`, what is written in TypeScript: installed, built, tested and packed by npm.
//!
//! The versions are those of `package-lock.json`, which says nothing of the registry: npm asks the
//! one it is set up for. Scripts of what is installed do not run (`packages/.npmrc`).

use std::{fs, path::Path};

use crate::{
    apt,
    command::{Command, Failure},
    tools::Tool,
};

const DEBIAN_PACKAGES: [&str; 2] = ["nodejs", "npm"];
const LOCK_FILE: &str = "packages/package-lock.json";
/// npm writes it when everything is there.
const INSTALLED: &str = "packages/node_modules/.package-lock.json";

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    node(root)?;
    commands().iter().try_for_each(|command| command.run(root))
}

/// For other steps that need what is installed: it is not installed again.
pub(crate) fn installed(root: &Path) -> Result<(), Failure> {
    node(root)?;
    let written = |path| fs::metadata(root.join(path)).and_then(|file| file.modified()).ok();
    if written(INSTALLED) < written(LOCK_FILE) { install().run(root) } else { Ok(()) }
}

/// Node.js is there, or is installed.
pub(crate) fn node(root: &Path) -> Result<(), Failure> {
    // Where Node is too old, or somebody else's, it is not touched.
    let is_bare = || !Command::new("node", &["--version"]).answers(root);
    if Tool::Node.is_missing(root) && is_bare() && apt::is_there(root) {
        println!("Node.js is missing; installing the one of the distribution");
        apt::install(root, &DEBIAN_PACKAGES)?;
    }
    if Tool::Node.is_missing(root) {
        return Err(Failure::new("no Node.js to run them with", "node --version"));
    }
    Ok(())
}

fn commands() -> [Command; 2] {
    [install(), npm(&["run", "check"])]
}

fn install() -> Command {
    // Nothing but the packages themselves is asked for, and those that npm still has not even so.
    npm(&["ci", "--prefer-offline", "--no-audit", "--no-fund"])
}

pub(crate) fn npm(words: &[&str]) -> Command {
    Command::new("npm", &[&["--prefix", "packages"], words].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_can_be_repeated_at_the_root() {
        let shown = commands().map(|command| command.to_string());
        assert_eq!(
            shown,
            [
                "npm --prefix packages ci --prefer-offline --no-audit --no-fund",
                "npm --prefix packages run check",
            ]
        );
    }
}
