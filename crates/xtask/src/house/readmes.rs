//! Pages that are there in both languages show the same code, in the same order.
//!
//! The English one is tried by a test. What the Japanese one shows is true because it is equal.
//! Diagrams are words more than code: each language has its own.

use super::{
    Finding,
    markdown::{CodeBlock, Page},
    tree::Tree,
};

const ENGLISH_ENDING: &str = ".md";
const JAPANESE_ENDING: &str = ".ja.md";
const DIAGRAM: &str = "mermaid";

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let pages = tree.ending(JAPANESE_ENDING).filter_map(|(japanese, _)| {
        let english = japanese.strip_suffix(JAPANESE_ENDING)?.to_owned() + ENGLISH_ENDING;
        compare(tree, &english, japanese)
    });
    pages.collect()
}

fn compare(tree: &Tree, english_path: &str, japanese_path: &str) -> Option<Finding> {
    let (english, japanese) = (tree.text(english_path)?, tree.text(japanese_path)?);
    let (english, japanese) = (code_of(english), code_of(japanese));
    let code = |block: &CodeBlock| (block.info.clone(), block.lines.clone());
    let different = english.iter().zip(&japanese).find(|(a, b)| code(a) != code(b));
    if let Some((original, copy)) = different {
        let what = format!("this code differs from {english_path}:{}", original.line);
        return Some(Finding::new(japanese_path, copy.line, what));
    }
    let shared = english.len().min(japanese.len());
    let only_english = english.get(shared).map(|block| (english_path, japanese_path, block));
    let only_japanese = japanese.get(shared).map(|block| (japanese_path, english_path, block));
    let (here, there, block) = only_english.or(only_japanese)?;
    Some(Finding::new(here, block.line, format!("{there} does not show this code")))
}

fn code_of(page: &str) -> Vec<CodeBlock> {
    let mut code = Page::parse(page).code;
    code.retain(|block| block.info != DIAGRAM);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(english: &str, japanese: &str) -> Option<String> {
        let tree = Tree::from([("README.md", english), ("README.ja.md", japanese)]);
        check(&tree).first().map(ToString::to_string)
    }

    const START: &str = "Start:\n```sh\ncargo run\n```\n";

    #[test]
    fn the_same_code_among_other_words_passes() {
        assert_eq!(finding(START, "起動\n\n\n```sh\ncargo run\n```\n以上\n"), None);
        assert_eq!(check(&Tree::from([("README.md", START)])), []);
    }

    #[test]
    fn a_page_further_down_is_compared_with_the_one_beside_it() {
        let pages = [("README.md", ""), ("docs/learn.md", START), ("docs/learn.ja.md", "")];
        let findings = check(&Tree::from(pages));
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(findings[0].path, "docs/learn.md");
    }

    #[test]
    fn a_diagram_may_speak_the_language_of_its_page() {
        let diagram = |words| format!("```mermaid\n{words}\n```\n{START}");
        assert_eq!(finding(&diagram("claim"), &diagram("予約")), None);
    }

    #[test]
    fn other_code_or_another_language_is_found() {
        let other = Some("README.ja.md:1: this code differs from README.md:2".to_owned());
        assert_eq!(finding(START, "```sh\ncargo run --release\n```\n"), other);
        assert_eq!(finding(START, "```text\ncargo run\n```\n"), other);
    }

    #[test]
    fn code_that_only_one_of_them_shows_is_found_there() {
        let missing = |here, there| Some(format!("{here}:2: {there} does not show this code"));
        assert_eq!(finding(START, ""), missing("README.md", "README.ja.md"));
        assert_eq!(finding("", START), missing("README.ja.md", "README.md"));
    }
}
