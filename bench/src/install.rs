//! Peers, installed by the benchmark itself: by package name and pinned version, into a folder below
//! cargo's target folder, which `cargo clean` empties.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::failure::{Failure, While};

const NODE_PACKAGES: &str = include_str!("../peers/node/package.json");
const NODE_SERVER: &str = include_str!("../peers/node/server.js");
const PYTHON_PACKAGES: &str = include_str!("../peers/python/requirements.txt");
const PYTHON_SERVER: &str = include_str!("../peers/python/server.py");

/// Says of an installed folder what it holds, so that it is not installed again.
const INSTALLED: &str = "installed.txt";

/// A program and the text of the server that it runs.
#[derive(Debug, Clone)]
pub(crate) struct Installed {
    pub(crate) program: PathBuf,
    pub(crate) server: PathBuf,
}

/// Express and what is made for it.
pub(crate) async fn node() -> Result<Installed, Failure> {
    let folder = folder("node")?;
    let program = on_path("node")?;
    fs::write(folder.join("package.json"), NODE_PACKAGES).while_doing("writing package.json")?;
    once(&folder, NODE_PACKAGES, async {
        eprintln!("installing the peers for Node.js");
        // Scripts of packages have nothing to do here.
        let words = ["install", "--no-audit", "--no-fund", "--ignore-scripts"];
        run(&folder, &on_path("npm")?, &words).await
    })
    .await?;
    Ok(Installed { program, server: written(&folder, "server.js", NODE_SERVER)? })
}

/// `FastAPI` and what is made for it, in a virtual environment.
pub(crate) async fn python() -> Result<Installed, Failure> {
    let folder = folder("python")?;
    let program = folder.join("env/bin/python");
    let packages = written(&folder, "requirements.txt", PYTHON_PACKAGES)?;
    once(&folder, PYTHON_PACKAGES, async {
        eprintln!("installing the peers for Python");
        run(&folder, &on_path("python3")?, &["-m", "venv", "env"]).await?;
        let packages = packages.to_string_lossy();
        run(&folder, &program, &["-m", "pip", "install", "--quiet", "-r", &packages]).await
    })
    .await?;
    let server = written(&folder, "server.py", PYTHON_SERVER)?;
    Ok(Installed { program, server })
}

/// The program with the crate `idempotent`, built by cargo with a lock file of its own.
pub(crate) async fn idempotent() -> Result<PathBuf, Failure> {
    let target = folder("rust")?;
    let sources = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(|own| Path::new(&own).join("peers/idempotent"))
        .ok_or_else(|| Failure::new("this program was not started by cargo"))?;
    let cargo =
        std::env::var_os("CARGO").map_or_else(|| on_path("cargo"), |path| Ok(path.into()))?;
    eprintln!("building the peer for Rust");
    // The crate asks for a newer Rust than it needs.
    let words = ["build", "--release", "--locked", "--quiet", "--ignore-rust-version"];
    let target_word = target.display().to_string();
    run(&sources, &cargo, &[&words[..], &["--target-dir", &target_word]].concat()).await?;
    Ok(target.join("release/seiriken-bench-idempotent"))
}

/// Below the target folder, beside what cargo builds.
fn folder(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe().while_doing("finding this program")?;
    let target = own.ancestors().nth(2).ok_or_else(|| Failure::new("no target folder"))?;
    let folder = target.join("bench-peers").join(name);
    fs::create_dir_all(&folder).while_doing("making a folder for a peer")?;
    Ok(folder)
}

/// Installs unless exactly this is installed already.
async fn once(
    folder: &Path,
    what: &str,
    install: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let mark = folder.join(INSTALLED);
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == what) {
        return Ok(());
    }
    install.await?;
    fs::write(mark, what).while_doing("noting what is installed")
}

fn written(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    fs::write(&path, text).while_doing("writing a peer's file")?;
    Ok(path)
}

/// Where a program lies: servers get no `PATH` to look it up in.
fn on_path(program: &str) -> Result<PathBuf, Failure> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&folders).map(|folder| folder.join(program));
    found
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::new(format!("{program} is not installed")))
}

async fn run(folder: &Path, program: &Path, words: &[&str]) -> Result<(), Failure> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.while_doing(&format!("starting {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.to_lowercase().contains("error")).unwrap_or_default();
    Err(Failure::new(format!("{name} {} failed: {line}", words.first().unwrap_or(&""))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned() {
        let packages: serde_json::Value = serde_json::from_str(NODE_PACKAGES).unwrap();
        for (name, version) in packages["dependencies"].as_object().unwrap() {
            let version = version.as_str().unwrap();
            assert!(version.starts_with(|first: char| first.is_ascii_digit()), "{name} {version}");
        }
        for line in PYTHON_PACKAGES.lines() {
            assert!(line.split_once("==").is_some(), "{line}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = on_path("no-such-program-here").unwrap_err();
        assert_eq!(failure.to_string(), "no-such-program-here is not installed");
        assert!(on_path("sh").unwrap().is_absolute());
    }
}
