//! The shop page: is the committed one what its source makes, and does it hold in a real browser?

use std::{env, path::Path};

use crate::command::{Command, Failure};

/// Where Debian has it. Another one may be named.
const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMIUM_VARIABLE: &str = "CHROMIUM";

/// Builds the page and compares. The committed one goes into the program, and nobody should have
/// to install Node for that; so nobody else would notice that it is stale.
pub(crate) fn page(root: &Path) -> Result<(), Failure> {
    installed(root)?;
    npm(&["run", "check", "--workspace", "shop"]).run(root)
}

/// The page in a real Chromium, against the real program.
pub(crate) fn browser(root: &Path) -> Result<(), Failure> {
    installed(root)?;
    if !chromium_answers(root) && is_root(root) && Command::new("apt-get", &["-v"]).answers(root) {
        println!("chromium is missing; installing Debian's, which takes a minute, once");
        apt(&["update"]).run(root)?;
        apt(&["install", "--yes", "--no-install-recommends", "chromium"]).run(root)?;
    }
    // With the features that the tests were built with, so that nothing is compiled twice.
    Command::cargo(&["build", "--workspace", "--all-features", "--bin", "seiriken"]).run(root)?;
    npm(&["test", "--workspace", "shop"]).run(root)
}

pub(crate) fn chromium_answers(root: &Path) -> bool {
    let program = env::var(CHROMIUM_VARIABLE).unwrap_or_else(|_| CHROMIUM.to_owned());
    Command::new(program, &["--version"]).answers(root)
}

/// What the lock file says, in the versions it says.
fn installed(root: &Path) -> Result<(), Failure> {
    npm(&["ci", "--no-audit", "--no-fund"]).run(root)
}

fn npm(arguments: &[&str]) -> Command {
    Command::new("npm", &[&["--prefix", "packages"], arguments].concat())
}

fn apt(arguments: &[&str]) -> Command {
    Command::new("apt-get", &[&["--quiet"], arguments].concat())
        .with("DEBIAN_FRONTEND", "noninteractive")
}

fn is_root(root: &Path) -> bool {
    Command::new("id", &["-u"]).read(root).is_ok_and(|id| id.trim() == "0")
}
