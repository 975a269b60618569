//! What must be installed besides cargo, and what to do when it is not.
//!
//! Asked when a step has failed, not before it: a compiler is found in more ways than ours (a
//! variable for each target, a wrapper), and a setup that works must not be refused. The advice
//! is needed all the same: a build script without its compiler prints forty lines, and none of
//! them says what to install.

use std::{env, path::Path};

use crate::{command::Command, databases, shop};

/// A program that cargo itself does not bring.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tool {
    Rustfmt,
    Clippy,
    /// SQLite is compiled from its C source, so that nobody has to install it.
    CCompiler,
    /// Runs what is written in TypeScript, and brings npm.
    Node,
    Chromium,
    /// Shows what a process writes, and lets its calls fail.
    Strace,
    /// Counts instructions.
    Valgrind,
    /// PostgreSQL, PgBouncer, Redis and nginx.
    Databases,
}

/// Older ones lack parts of the web platform that the packages use.
const NODE_MAJOR_MIN: u32 = 20;

// === impl Tool ===

impl Tool {
    pub(crate) fn is_missing(self, root: &Path) -> bool {
        match self {
            Self::Rustfmt => !Command::cargo(&["fmt", "--version"]).answers(root),
            Self::Clippy => !Command::cargo(&["clippy", "--version"]).answers(root),
            // There the compiler is found through the registry, not by a name on the path.
            Self::CCompiler if cfg!(windows) => false,
            Self::CCompiler => {
                let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
                !is_c_compiler(&compiler, root)
            }
            Self::Node => {
                let version = Command::new("node", &["--version"]).read(root).unwrap_or_default();
                !is_recent_node(&version) || !Command::new("npm", &["--version"]).answers(root)
            }
            Self::Chromium => !shop::chromium_answers(root),
            Self::Strace => !Command::new("strace", &["--version"]).answers(root),
            Self::Valgrind => !Command::new("valgrind", &["--version"]).answers(root),
            Self::Databases => databases::are_missing(root),
        }
    }

    pub(crate) fn advice(self) -> &'static str {
        match self {
            Self::Rustfmt => "rustfmt is missing; install it with: rustup component add rustfmt",
            Self::Clippy => "clippy is missing; install it with: rustup component add clippy",
            Self::CCompiler => {
                "a C compiler is missing (the bundled SQLite needs one); install it, for example \
                 with: apt-get install gcc libc6-dev (Debian), xcode-select --install (macOS); \
                 or name yours in the variable CC"
            }
            Self::Node => {
                "Node.js 20 or newer with npm is missing; install it, for example with: \
                 apt-get install nodejs npm (Debian 13), brew install node (macOS)"
            }
            Self::Chromium => {
                "chromium is missing; install it with: apt-get install chromium (Debian); \
                 or name yours in the variable CHROMIUM"
            }
            Self::Strace => {
                "strace is missing (it is there for Linux alone); install it with: apt-get install \
                 strace (Debian)"
            }
            Self::Valgrind => {
                "valgrind is missing (it is not there for every system); install it with: apt-get \
                 install valgrind (Debian)"
            }
            Self::Databases => {
                "PostgreSQL, PgBouncer, Redis or nginx is missing (tests start servers of their own); \
                 install them with: apt-get install postgresql pgbouncer redis-server nginx (Debian)"
            }
        }
    }
}

/// As in the variable `CC`, where a wrapper may stand before the compiler.
fn is_c_compiler(words: &str, root: &Path) -> bool {
    let words: Vec<&str> = words.split_whitespace().collect();
    let Some((program, arguments)) = words.split_first() else { return false };
    Command::new(*program, &[arguments, &["--version"]].concat()).answers(root)
}

/// By what `node --version` says, such as `v20.19.2`.
fn is_recent_node(version: &str) -> bool {
    let major = version.trim().trim_start_matches('v').split('.').next();
    major.and_then(|major| major.parse().ok()).is_some_and(|major: u32| major >= NODE_MAJOR_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_is_known_by_its_answer_also_with_arguments() {
        let here = Path::new(".");
        assert!(is_c_compiler("rustc", here));
        assert!(is_c_compiler("rustc --verbose", here));
        assert!(!is_c_compiler("no-such-compiler", here));
        assert!(!is_c_compiler("", here));
    }
    #[test]
    fn node_is_recent_from_version_20_on() {
        for version in ["v20.0.0\n", "v26.1.0", "20.20.2"] {
            assert!(is_recent_node(version), "{version}");
        }
        for version in ["v18.20.4\n", "v9.9.9", "", "node", "v"] {
            assert!(!is_recent_node(version), "{version}");
        }
    }
}
