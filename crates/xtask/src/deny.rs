//! `cargo xtask deny`: are the dependencies' licences, sources and versions the agreed ones?
//!
//! Apart from `test`, because it needs a program that cargo does not bring.

use std::path::Path;

use crate::command::{Command, Failure};

/// Older and newer ones read `deny.toml` differently.
const VERSION: &str = "0.20.2";

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    check(root).map_err(|failure| failure.in_step("deny"))
}

fn check(root: &Path) -> Result<(), Failure> {
    if !Command::cargo(&["deny", "--version"]).answers(root) {
        println!("cargo-deny is missing; installing {VERSION}, which takes some minutes, once");
        Command::cargo(&["install", "cargo-deny", "--locked", "--version", VERSION]).run(root)?;
    }
    println!("deny: licences, sources and bans, as deny.toml says");
    Command::cargo(&["deny", "--all-features", "check", "licenses", "sources", "bans"]).run(root)
}
