//! The code blocks of a page, and whether an output shows what a page says it shows.

/// One fenced block.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) language: String,
    pub(crate) code: String,
}

/// The blocks of one section, in their order.
pub(crate) fn blocks(page: &str, section: &str) -> Vec<Block> {
    let mut lines = page.lines().skip_while(|line| *line != section).skip(1);
    let mut blocks = Vec::new();
    while let Some(line) = lines.next().filter(|line| !line.starts_with("## ")) {
        if let Some(language) = line.strip_prefix("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: language.to_owned(), code: code.join("\n") });
        }
    }
    assert!(!blocks.is_empty(), "the page has a section {section}");
    blocks
}

/// Every expected line stands in the output, each on a line of its own; `…` stands for anything.
pub(crate) fn assert_shows(printed: &str, expected: &str, typed: &str) {
    let mut left: Vec<&str> = printed.lines().collect();
    for line in expected.lines().filter(|line| !line.is_empty()) {
        let found = left.iter().position(|printed| matches(printed, line));
        let Some(found) = found else {
            panic!("typed:\n{typed}\n\nexpected the line:\n{line}\n\nprinted:\n{printed}");
        };
        left.remove(found);
    }
}

/// Whether `line` is `pattern`, in which `…` stands for anything.
fn matches(line: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('…');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        last = Some(piece);
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some(piece) => piece.is_empty() || line.ends_with(piece),
    }
}

#[test]
fn a_pattern_matches_the_whole_line() {
    assert!(matches("retry-after: 1", "retry-after: 1"));
    assert!(!matches("retry-after: 10", "retry-after: 1"));
    assert!(matches(r#"{"a":1,"b":2}"#, r#"{"a":…,"b":2}"#));
    assert!(!matches(r#"{"a":1,"b":3}"#, r#"{"a":…,"b":2}"#));
    assert!(matches("location: /orders/7", "location: /orders/…"));
    assert!(!matches("x", ""));
}
