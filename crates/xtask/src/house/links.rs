//! A relative link in a Markdown file leads to a file or folder of the tree.
//!
//! Not merely to something on the disk: a link out of the tree, or to a file that git ignores,
//! works on the desk of its author alone.

use super::{Finding, markdown::Page, tree::Tree};

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    tree.ending(".md").flat_map(|(path, text)| check_page(tree, path, text)).collect()
}

fn check_page(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let broken = |(line, target): (usize, String)| {
        let file = target.split(['#', '?']).next().unwrap_or_default();
        let leads_somewhere = is_elsewhere(&target)
            || file.is_empty()
            || resolve(path, file).is_some_and(|file| tree.has(&file));
        let what = || format!("`{target}` leads to no file of this tree");
        (!leads_somewhere).then(|| Finding::new(path, line, what()))
    };
    Page::parse(text).links().filter_map(broken).collect()
}

/// A link with a scheme, such as `https:` or `mailto:`.
fn is_elsewhere(target: &str) -> bool {
    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    })
}

/// From the page to a path from the root; nothing when it leaves the tree on its way.
fn resolve(page: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!target.starts_with('/')).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(link: &str) -> bool {
        let page = format!("see [it]({link})\n");
        let tree = Tree::from([("README.md", ""), ("docs/adr/one.md", ""), ("docs/a.md", &page)]);
        !check(&tree).is_empty()
    }

    #[test]
    fn a_link_to_a_file_or_folder_of_the_tree_passes() {
        for link in ["adr/one.md", "./adr", "adr/", "../README.md#top", "..", "#below", "a.md?x"] {
            assert!(!broken(link), "{link}");
        }
    }

    #[test]
    fn a_link_to_nothing_or_out_of_the_tree_is_found() {
        for link in ["one.md", "adr/two.md#x", "../../README.md", "/README.md", "adr/one"] {
            assert!(broken(link), "{link}");
        }
    }

    #[test]
    fn links_to_other_places_are_not_followed() {
        for link in ["https://example.com/none.md", "mailto:someone@example.com"] {
            assert!(!broken(link), "{link}");
        }
    }
}
