//! A page that says "the test of it is this one" names a function that is there: the file, from
//! `crates/` on, then the function, as in `` `seiriken/src/key.rs`: `spellings_of_the_same_key` ``.

use std::path::Path;

use super::{Finding, tree::Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".md").flat_map(|(path, text)| check_page(tree, path, text)).collect()
}

fn check_page(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate();
    let missing = lines.flat_map(|(number, line)| {
        named(line)
            .into_iter()
            .filter(|(file, test)| !is_there(tree, file, test))
            .map(move |(file, test)| (number + 1, format!("`{file}` has no function `{test}`")))
    });
    missing.map(|(line, what)| Finding::new(path, line, what)).collect()
}

/// Each file and function that a line names.
fn named(line: &str) -> Vec<(&str, &str)> {
    // What stands between backticks is every second piece.
    let pieces: Vec<&str> = line.split('`').collect();
    let mut file = None;
    let mut named = Vec::new();
    for at in (1..pieces.len()).step_by(2) {
        let (between, code) = (pieces[at - 1], pieces[at]);
        let goes_on = matches!(between, ": " | ", ");
        file = match file {
            _ if Path::new(code).extension() == Some("rs".as_ref()) => Some(code),
            Some(file) if goes_on => {
                named.push((file, code));
                Some(file)
            }
            _ => None,
        };
    }
    named
}

fn is_there(tree: &Tree, file: &str, test: &str) -> bool {
    let begins = format!("fn {test}");
    tree.text(&format!("crates/{file}")).is_some_and(|text| {
        // A function may have parameters of its type.
        text.split(begins.as_str()).skip(1).any(|rest| rest.starts_with(['(', '<']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(line: &str) -> bool {
        let tree = Tree::from([
            ("docs/a.md", line),
            ("crates/one/src/key.rs", "fn it_holds() {}\nasync fn so_does_this() {}\n"),
        ]);
        !check(&tree).is_empty()
    }

    #[test]
    fn a_test_that_is_there_passes() {
        for line in [
            "`one/src/key.rs`: `it_holds`",
            "| x | `one/src/key.rs`: `it_holds`, `so_does_this`<br>`one/src/key.rs`: `it_holds` |",
            "see `one/src/key.rs` and `anything` else",
            "`no.rs` alone",
        ] {
            assert!(!broken(line), "{line}");
        }
    }

    #[test]
    fn a_test_that_is_not_there_is_found() {
        for line in [
            "`one/src/key.rs`: `it_hold`",
            "`one/src/key.rs`: `it_holds`, `nor_this`",
            "`one/src/none.rs`: `it_holds`",
        ] {
            assert!(broken(line), "{line}");
        }
    }
}
