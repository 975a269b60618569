//! What is checked: servers in `conformance/`, each with one published package.

use std::fs;
use std::path::Path;

use super::AGAIN;
use crate::command::{Command, Failure};

/// What a server is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Node,
    Python,
}

/// A server: the package that it is started with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject {
    pub(super) language: Language,
    pub(super) name: &'static str,
    /// It is told who calls. Packages that can be told do not ask by themselves.
    pub(super) scoped: bool,
}

/// The design of textbooks, which no package has to be installed for.
pub(super) const TEXTBOOK: Subject = node("textbook");

pub(super) const ALL: [Subject; 9] = [
    TEXTBOOK,
    node("@node-idempotency/core"),
    node("express-idempotency"),
    python("asgi-idempotency-header"),
    python("fastapi-idempotency"),
    scoped(python("fastapi-idempotency")),
    python("fastapi-idempotency-key"),
    python("idemkit"),
    scoped(python("idemkit")),
];

const fn node(name: &'static str) -> Subject {
    Subject { language: Language::Node, name, scoped: false }
}

const fn python(name: &'static str) -> Subject {
    Subject { language: Language::Python, name, scoped: false }
}

const fn scoped(subject: Subject) -> Subject {
    Subject { scoped: true, ..subject }
}

// === impl Language ===

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::Node, Self::Python];

    /// Below `conformance/`, and where it is installed.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
        }
    }

    /// The packages with their versions, and the server.
    pub(super) fn files(self) -> [&'static str; 2] {
        match self {
            Self::Node => ["package.json", "server.js"],
            Self::Python => ["requirements.txt", "server.py"],
        }
    }

    /// What they run on, with versions.
    pub(super) fn title(self, root: &Path) -> Result<String, Failure> {
        let version = |program: &str| Command::new(program, &["--version"]).read(root);
        Ok(match self {
            Self::Node => {
                let node = version("node")?;
                format!("Node.js {}, Express {}", node.trim(), self.pinned(root, "express")?)
            }
            Self::Python => {
                let python = version("python3")?;
                let fastapi = self.pinned(root, "fastapi")?;
                let uvicorn = self.pinned(root, "uvicorn")?;
                format!("{}, FastAPI {fastapi}, Uvicorn {uvicorn}", python.trim())
            }
        })
    }

    /// The version of a package, as it is pinned.
    fn pinned(self, root: &Path, package: &str) -> Result<String, Failure> {
        let file = format!("conformance/{}/{}", self.folder(), self.files()[0]);
        let text = fs::read_to_string(root.join(&file))
            .map_err(|error| Failure::new(format!("{file}: {error}"), AGAIN))?;
        let before = match self {
            Self::Node => format!("\"{package}\": \""),
            Self::Python => format!("{package}=="),
        };
        let version = text.lines().find_map(|line| line.trim().strip_prefix(&before));
        let missing = || Failure::new(format!("{file} does not pin {package}"), AGAIN);
        Ok(version.ok_or_else(missing)?.trim_end_matches([',', '"']).to_owned())
    }
}

// === impl Subject ===

impl Subject {
    /// The words that its server is started with.
    pub(super) fn words(self) -> Vec<&'static str> {
        if self.scoped { vec![self.name, "scope"] } else { vec![self.name] }
    }

    /// Its name in a table, with the version.
    pub(super) fn label(self, root: &Path) -> Result<String, Failure> {
        if self.name == TEXTBOOK.name {
            return Ok("textbook `Map`".to_owned());
        }
        let version = self.language.pinned(root, self.name)?;
        let told = if self.scoped { ", `scope` set" } else { "" };
        Ok(format!("{} {version}{told}", self.name))
    }
}
