//! Installs what is missing in a bare container of Debian, where nobody is asked.

use std::path::Path;

use crate::command::{Command, Failure};

/// Only root may, and only Debian and its kin have the program.
pub(crate) fn is_there(root: &Path) -> bool {
    let user = Command::new("id", &["-u"]).read(root).unwrap_or_default();
    user.trim() == "0" && Command::new("apt-get", &["--version"]).answers(root)
}

pub(crate) fn install(root: &Path, packages: &[&str]) -> Result<(), Failure> {
    commands(packages).iter().try_for_each(|command| command.run(root))
}

fn commands(packages: &[&str]) -> [Command; 2] {
    let words = ["install", "--yes", "--no-install-recommends"];
    [
        Command::new("apt-get", &["update"]),
        Command::new("apt-get", &[&words[..], packages].concat())
            .with("DEBIAN_FRONTEND", "noninteractive"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_container_is_not_asked_a_question() {
        let shown = commands(&["nodejs", "npm"]).map(|command| command.to_string());
        assert_eq!(
            shown,
            [
                "apt-get update",
                "DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
                 nodejs npm",
            ]
        );
    }
}
