//! The shop page: is the committed one what its source makes, and does it hold in a real browser?

use std::{env, path::Path};

use crate::{
    apt,
    command::{Command, Failure},
    packages::{installed, npm},
    target,
    tools::Tool,
};

/// Where Debian has it. Another one may be named.
const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMIUM_VARIABLE: &str = "CHROMIUM";

/// Builds the page and compares. The committed one goes into the program, and nobody should have
/// to install Node for that; so nobody else would notice that it is stale.
pub(crate) fn page(root: &Path) -> Result<(), Failure> {
    installed(root)?;
    npm(&["run", "fresh", "--workspace", "shop"]).run(root)
}

/// The page in a real Chromium, against the real program.
pub(crate) fn browser(root: &Path) -> Result<(), Failure> {
    installed(root)?;
    if Tool::Chromium.is_missing(root) && apt::is_there(root) {
        println!("Chromium is missing; installing Debian's, which takes a minute, once");
        apt::install(root, &["chromium"])?;
    }
    target::tested_programs(root)?;
    npm(&["run", "browse", "--workspace", "shop"]).run(root)
}

pub(crate) fn chromium_answers(root: &Path) -> bool {
    let program = env::var(CHROMIUM_VARIABLE).unwrap_or_else(|_| CHROMIUM.to_owned());
    Command::new(program, &["--version"]).answers(root)
}
