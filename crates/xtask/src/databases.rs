//! The servers that tests start for themselves, and whose packages have them: databases, and one to stand
//! behind the proxy.

use std::{env, fs, path::Path};

use crate::{
    apt,
    command::{Command, Failure},
    tools::Tool,
};

/// A program of each, and the package of Debian that has it.
const PROGRAMS: [(&str, &str); 4] = [
    ("initdb", "postgresql"),
    ("redis-server", "redis-server"),
    ("pgbouncer", "pgbouncer"),
    ("nginx", "nginx"),
];

/// Sees that they are there; in a bare container of Debian, installs them.
pub(crate) fn installed(root: &Path) -> Result<(), Failure> {
    if Tool::Databases.is_missing(root) && apt::is_there(root) {
        println!(
            "servers to test with are missing; installing Debian's, which takes a minute, once"
        );
        apt::install(root, &PROGRAMS.map(|(_, package)| package))?;
    }
    if Tool::Databases.is_missing(root) {
        let failure = Failure::new("no servers to test with", "redis-server --version");
        return Err(failure.hinting(Tool::Databases.advice()));
    }
    Ok(())
}

pub(crate) fn are_missing(root: &Path) -> bool {
    let there = |program: &str| {
        is_in_a_folder(program) || Command::new(program, &["--version"]).answers(root)
    };
    !PROGRAMS.iter().all(|(program, _)| there(program))
}

/// Where Debian puts what is not in everybody's PATH.
fn is_in_a_folder(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    env::split_paths(&path)
        .chain(versions.map(|version| version.path().join("bin")))
        .chain(["/usr/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}
