//! What others have made for the same purpose, and the servers they are made for.

use std::path::Path;

use crate::failure::Failure;
use crate::install::{self, Installed};
use crate::load::Marks;
use crate::process::Launch;
use crate::side::Side;

/// The design that every tutorial has: a map in memory.
pub(crate) const TEXTBOOK: &str = "textbook Express, memory";
pub(crate) const EXPRESS: &str = "bare Express 5";
pub(crate) const NODE_IDEMPOTENCY: &str = "npm @node-idempotency, memory";
pub(crate) const FASTAPI: &str = "bare FastAPI";
pub(crate) const IDEMKIT: &str = "PyPI idemkit, memory";
pub(crate) const IDEMPOTENT: &str = "crate idempotent 2, memory";

/// The textbook design on Express. Without it there is nothing to compare with.
pub(crate) async fn textbook() -> Result<Side, Failure> {
    Ok(express(&install::node().await?, TEXTBOOK, "textbook"))
}

/// Everything for Node.js.
pub(crate) async fn node() -> Result<[Side; 3], Failure> {
    let installed = install::node().await?;
    Ok([
        express(&installed, EXPRESS, "bare"),
        express(&installed, TEXTBOOK, "textbook"),
        express(&installed, NODE_IDEMPOTENCY, "node-idempotency"),
    ])
}

/// Everything for Python.
pub(crate) async fn python() -> Result<[Side; 2], Failure> {
    let installed = install::python().await?;
    let side = |name, mode, marks| side(name, marks, &installed, mode, Vec::new());
    Ok([side(FASTAPI, "bare", Marks::Nowhere), side(IDEMKIT, "idemkit", Marks::Replays)])
}

/// The crate that does what the layer does.
pub(crate) async fn idempotent() -> Result<Side, Failure> {
    built(IDEMPOTENT, Vec::new()).await
}

/// The same on a Redis server.
pub(crate) async fn idempotent_on_redis(name: &str, url: &str) -> Result<Side, Failure> {
    built(name, vec![url.to_owned()]).await
}

async fn built(name: &str, arguments: Vec<String>) -> Result<Side, Failure> {
    let program = install::idempotent().await?;
    let launch = Launch { program, arguments, environment: Vec::new() };
    Ok(Side { name: name.to_owned(), marks: Marks::Replays, launch, anew: None })
}

/// The sides, or none of them and one line that says why.
pub(crate) fn or_left_out<S: IntoIterator<Item = Side>>(
    peers: Result<S, Failure>,
    what: &str,
    left_out: &mut Vec<String>,
) -> Vec<Side> {
    match peers {
        Ok(sides) => sides.into_iter().collect(),
        Err(failure) => {
            let line = format!("Left out: {what}. It could not be installed here: {failure}.");
            eprintln!("{line}");
            left_out.push(line);
            Vec::new()
        }
    }
}

fn express(installed: &Installed, name: &str, mode: &str) -> Side {
    // As Express is to be run where it serves people; it is quicker so.
    side(name, Marks::Nowhere, installed, mode, vec![("NODE_ENV", "production")])
}

fn side(
    name: &str,
    marks: Marks,
    installed: &Installed,
    mode: &str,
    environment: Vec<(&'static str, &'static str)>,
) -> Side {
    let word = |path: &Path| path.display().to_string();
    let arguments = vec![word(&installed.server), mode.to_owned()];
    let launch = Launch { program: installed.program.clone(), arguments, environment };
    Side { name: name.to_owned(), marks, launch, anew: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_cannot_be_installed_is_told() {
        let mut left_out = Vec::new();
        let none: Result<[Side; 1], _> = Err(Failure::new("npm is not installed"));
        assert!(or_left_out(none, "Express", &mut left_out).is_empty());
        let line = "Left out: Express. It could not be installed here: npm is not installed.";
        assert_eq!(left_out, [line]);
    }
}
