//! Every crate takes the lints of the workspace, and those forbid unsafe code.
//!
//! A `forbid` cannot be undone further down, so these two lines are the whole proof; but a new
//! crate without its `[lints]` would slip through in silence.

use super::{Finding, tree::Tree};

const WORKSPACE_LINTS: (&str, &str) = ("[workspace.lints.rust]", "unsafe_code = \"forbid\"");
const CRATE_LINTS: (&str, &str) = ("[lints]", "workspace = true");

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = tree.ending("Cargo.toml");
    manifests.flat_map(|(path, text)| check_manifest(path, text)).collect()
}

fn check_manifest(path: &str, text: &str) -> Vec<Finding> {
    let duties = [("[workspace]", WORKSPACE_LINTS), ("[package]", CRATE_LINTS)];
    let finding = |(header, (section, entry)): (&str, (&str, &str))| {
        let line = 1 + text.lines().position(|line| line.trim() == header)?;
        let missing = !has_entry(text, section, entry);
        missing.then(|| Finding::new(path, line, format!("`{section} {entry}` is missing")))
    };
    duties.into_iter().filter_map(finding).collect()
}

/// Enough of TOML for manifests as cargo's own tools write them.
fn has_entry(text: &str, section: &str, entry: &str) -> bool {
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != section).skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('[')).any(|line| line == entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";
    const MEMBER: &str = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";

    #[test]
    fn a_workspace_that_forbids_and_a_crate_that_inherits_pass() {
        assert_eq!(check(&Tree::from([("Cargo.toml", ROOT), ("a/Cargo.toml", MEMBER)])), []);
    }

    #[test]
    fn a_workspace_that_only_warns_is_found() {
        let warns = ROOT.replace("forbid", "warn");
        assert_eq!(check(&Tree::from([("Cargo.toml", &warns)])).len(), 1);
    }

    #[test]
    fn a_crate_without_the_lints_is_found_at_its_package() {
        // The entry stands in another section, where it means something else.
        let own = "# a\n[package]\nname = \"a\"\n[lints]\n[lints.rust]\nworkspace = true\n";
        let findings = check(&Tree::from([("a/Cargo.toml", own)]));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 2);
    }
}
