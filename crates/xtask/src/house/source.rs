//! Rules for Rust source files: short enough to be one concept, and nothing half done.

use super::{Finding, tree::Tree};

const LINES_MAX: usize = 400;

/// Written in two parts, or this file would be its own first finding.
const HALF_DONE: [(&str, &str); 3] = [
    (concat!("to", "do!("), "stands for code to come"),
    (concat!("unimple", "mented!("), "stands for code to come"),
    (concat!("#[ig", "nore"), "switches a test off"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs").flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<Finding> {
    let too_long = (!is_test(path) && text.lines().count() > LINES_MAX).then(|| {
        let what = format!("more than {LINES_MAX} lines; is it still one concept?");
        Finding::new(path, LINES_MAX + 1, what)
    });
    let half_done = text.lines().zip(1..).flat_map(|(line, number)| {
        let found = HALF_DONE.iter().filter(move |(mark, _)| line.contains(mark));
        found.map(move |(mark, what)| Finding::new(path, number, format!("`{mark}` {what}")))
    });
    too_long.into_iter().chain(half_done).collect()
}

/// A test reads as a list of cases, and a long list is still one list.
fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_400_lines_and_no_more() {
        let (enough, too_much) = ("\n".repeat(400), "\n".repeat(401));
        assert_eq!(check(&Tree::from([("src/lib.rs", &enough)])), []);
        let findings = check(&Tree::from([("src/lib.rs", &too_much)]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 401);
        assert_eq!(check(&Tree::from([("tests/http.rs", &too_much), ("a.md", &too_much)])), []);
    }

    #[test]
    fn half_done_code_is_found_in_tests_too() {
        for (mark, _) in HALF_DONE {
            let text = format!("// fine\n    {mark}\n");
            let findings = check(&Tree::from([("tests/http.rs", &text)]));
            assert_eq!(findings.len(), 1, "{mark}");
            assert_eq!(findings[0].line, 2, "{mark}");
        }
    }
}
