//! `packages/`, what is written in TypeScript: installed, built, tested and packed by npm.
//!
//! The versions are those of `package-lock.json`, which says nothing of the registry: npm asks the
//! one it is set up for. Scripts of what is installed do not run (`packages/.npmrc`).

use std::path::Path;

use crate::{
    command::{Command, Failure},
    tools::Tool,
};

const DEBIAN_PACKAGES: [&str; 2] = ["nodejs", "npm"];

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    if Tool::Node.is_missing(root) && may_install(root) {
        println!("Node.js is missing; installing the one of the distribution");
        install().iter().try_for_each(|command| command.run(root))?;
    }
    if Tool::Node.is_missing(root) {
        return Err(Failure::new("no Node.js to run them with", "node --version"));
    }
    commands().iter().try_for_each(|command| command.run(root))
}

fn commands() -> [Command; 2] {
    // Nothing but the packages themselves is asked for, and those that npm still has not even so.
    let quietly = ["--prefer-offline", "--no-audit", "--no-fund"];
    [npm(&[&["ci"], &quietly[..]].concat()), npm(&["run", "check"])]
}

fn npm(words: &[&str]) -> Command {
    Command::new("npm", &[&["--prefix", "packages"], words].concat())
}

/// A bare container, that is: where Node is too old, or somebody else's, it is not touched.
fn may_install(root: &Path) -> bool {
    let user = Command::new("id", &["-u"]).read(root).unwrap_or_default();
    user.trim() == "0"
        && !Command::new("node", &["--version"]).answers(root)
        && Command::new("apt-get", &["--version"]).answers(root)
}

fn install() -> [Command; 2] {
    let words = ["install", "--yes", "--no-install-recommends"];
    [
        Command::new("apt-get", &["update"]),
        Command::new("apt-get", &[&words[..], &DEBIAN_PACKAGES].concat())
            .with("DEBIAN_FRONTEND", "noninteractive"),
    ]
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

    #[test]
    fn a_bare_container_gets_node_without_a_question() {
        let shown = install().map(|command| command.to_string());
        assert_eq!(
            shown,
            [
                "apt-get update",
                "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                 nodejs npm",
            ]
        );
    }
}
