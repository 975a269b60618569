//! Nothing in the tree names a folder of somebody's machine, or the host of a package registry.
//!
//! Either works where it was written and nowhere else: another checkout, a mirror, a build
//! without a network.

use std::path::Path;

use super::{Finding, tree::Tree};

/// Written in two parts, or this file would be its own first finding.
const HOME_FOLDERS: [&str; 4] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Use", "rs/"),
    concat!(r":\Use", r"rs\"),
];

const REGISTRY_HOSTS: [&str; 8] = [
    concat!("//crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("static.crates", ".io"),
    concat!("registry.npmjs", ".org"),
    concat!("//pypi", ".org"),
    concat!("files.pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
];

pub(super) fn check(tree: &Tree, root: &Path) -> Vec<Finding> {
    let here = root.to_string_lossy();
    tree.ending("").flat_map(|(path, text)| check_file(path, text, &here)).collect()
}

fn check_file(path: &str, text: &str, here: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        let folders = HOME_FOLDERS.iter().copied().chain([here]);
        if let Some(folder) = folders.into_iter().find(|folder| names_folder(line, folder)) {
            let what = format!("`{folder}` is a path of one machine");
            findings.push(Finding::new(path, number, what));
        }
        if let Some(host) = REGISTRY_HOSTS.iter().find(|host| line.contains(**host)) {
            let what = format!("`{host}` names a registry; say the package's name alone");
            findings.push(Finding::new(path, number, what));
        }
    }
    findings
}

/// At the start of a path, that is: a folder `home` further down, or in a URL, is nobody's.
fn names_folder(line: &str, folder: &str) -> bool {
    let goes_on =
        |before: &str| before.ends_with(|c: char| c.is_alphanumeric() || "._-~*)}>".contains(c));
    line.match_indices(folder).any(|(start, _)| !goes_on(&line[..start]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "/builds/seiriken";

    fn findings(line: &str) -> usize {
        check(&Tree::from([("notes.txt", line)]), Path::new(HERE)).len()
    }

    #[test]
    fn a_home_folder_and_this_checkout_are_found() {
        for folder in HOME_FOLDERS {
            assert_eq!(findings(&format!("see {folder}me/notes")), 1, "{folder}");
            assert_eq!(findings(&format!("{folder}me")), 1, "{folder}");
        }
        assert_eq!(findings("cd /builds/seiriken/crates"), 1);
    }

    #[test]
    fn a_folder_of_that_name_inside_a_path_or_url_is_not() {
        for folder in HOME_FOLDERS {
            assert_eq!(findings(&format!("https://example.com{folder}page")), 0, "{folder}");
            assert_eq!(findings(&format!("${{PREFIX}}{folder}page")), 0, "{folder}");
        }
        assert_eq!(findings("cd crates && ls /tmp"), 0);
    }

    #[test]
    fn every_registry_host_is_found() {
        for host in REGISTRY_HOSTS {
            assert_eq!(findings(&format!("curl https:{host}/a")), 1, "{host}");
        }
        assert_eq!(findings("published on crates.io some day"), 0);
    }
}
