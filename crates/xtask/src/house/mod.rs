//! The rules of this tree that no compiler knows. Every file that git knows or would add is read:
//!
//! 1. A Rust source file outside `tests/` has at most 400 lines (`source`).
//! 2. No Rust code is half done or switched off (`source`).
//! 3. Every crate takes the lints of the workspace, which forbid unsafe code (`manifest`).
//! 4. Nothing names a folder of somebody's machine, or the host of a package registry (`names`).
//! 5. A relative link in a Markdown file leads to a file of the tree (`links`).
//! 6. A test that a page names, as ``path.rs`: `test_name``, is there (`named_tests`).
//! 7. Pages in both languages, such as the READMEs, show the same code in the same order (`readmes`).
//!
//! Each rule takes the tree and answers with its findings, so each is tested on a tree of a few
//! lines.

mod links;
mod manifest;
mod markdown;
mod named_tests;
mod names;
mod readmes;
mod source;
mod tree;

use std::{fmt, path::Path};

use self::tree::Tree;
use crate::command::Failure;

/// A place where a rule is broken; shown as `path:line: what`, which editors can open.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    let tree = Tree::of_checkout(root)?;
    let findings = findings(&tree, root);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err(failure("1 rule of the house is broken")),
        count => Err(failure(&format!("rules of the house are broken in {count} places"))),
    }
}

fn findings(tree: &Tree, root: &Path) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(source::check(tree));
    findings.extend(manifest::check(tree));
    findings.extend(names::check(tree, root));
    findings.extend(links::check(tree));
    findings.extend(named_tests::check(tree));
    findings.extend(readmes::check(tree));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    findings
}

fn failure(reason: &str) -> Failure {
    Failure::new(reason, "cargo xtask test --only house")
}

// === impl Finding ===

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_of_all_rules_come_sorted_by_place() {
        let tree = Tree::from([
            ("README.md", "[gone](gone.md)\n```sh\nls\n```\n"),
            ("README.ja.md", "```sh\nls -l\n```\n"),
            ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n"),
            ("crates/a/src/lib.rs", concat!("fn a() { to", "do!() }\n// /ho", "me/me/notes\n")),
        ]);
        let places: Vec<String> = findings(&tree, Path::new("/checkout/of/seiriken"))
            .iter()
            .map(|finding| format!("{}:{}", finding.path, finding.line))
            .collect();
        assert_eq!(
            places,
            [
                "README.ja.md:1",
                "README.md:1",
                "crates/a/Cargo.toml:1",
                "crates/a/src/lib.rs:1",
                "crates/a/src/lib.rs:2",
            ]
        );
    }

    #[test]
    fn a_finding_is_shown_as_editors_read_it() {
        assert_eq!(Finding::new("src/lib.rs", 7, "too long").to_string(), "src/lib.rs:7: too long");
    }
}
