//! `cargo xtask campaign conformance`: published packages under `seiriken check`.
//!
//! Each is installed at its pinned version, put in front of the same handler (`conformance/`) and
//! checked with the same options. The table goes into docs/conformance.md.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::{env, fs};

use serde_json::Value;

use crate::command::{Command, Failure};

const PAGE: &str = "docs/conformance.md";
const START: &str = "<!-- table: cargo xtask campaign conformance -->";
const END: &str = "<!-- end of table -->";
const BODY: &str = r#"{"itemId":"cake-001","qty":1}"#;
const AGAIN: &str = "cargo xtask campaign conformance";

/// What a server is written for.
#[derive(Clone, Copy)]
enum Language {
    Node,
    Python,
}

/// A package, by the name that its server is started with.
struct Subject {
    language: Language,
    name: &'static str,
}

const SUBJECTS: [Subject; 7] = [
    Subject { language: Language::Node, name: "textbook" },
    Subject { language: Language::Node, name: "@node-idempotency/core" },
    Subject { language: Language::Node, name: "express-idempotency" },
    Subject { language: Language::Python, name: "asgi-idempotency-header" },
    Subject { language: Language::Python, name: "fastapi-idempotency" },
    Subject { language: Language::Python, name: "fastapi-idempotency-key" },
    Subject { language: Language::Python, name: "idemkit" },
];

/// Installs, checks and writes.
pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    Command::cargo(&["build", "--release", "--package", "seiriken-server"]).run(root)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("conformance");
    install(root, &folder)?;
    let mut columns = Vec::new();
    for subject in &SUBJECTS {
        println!("      {}", subject.name);
        let report = check(&target.join("release/seiriken"), &folder, subject)?;
        columns.push((subject.label(root)?, verdicts(&report)));
    }
    write(root, &table(&columns))
}

fn install(root: &Path, folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("installing: {error}"), AGAIN);
    for (language, files) in
        [("node", ["package.json", "server.js"]), ("python", ["requirements.txt", "server.py"])]
    {
        fs::create_dir_all(folder.join(language)).map_err(failed)?;
        for file in files {
            let from = root.join("conformance").join(language).join(file);
            fs::copy(from, folder.join(language).join(file)).map_err(failed)?;
        }
    }
    // Scripts of packages have nothing to do here.
    let words = ["install", "--no-audit", "--no-fund", "--ignore-scripts"];
    Command::new("npm", &words).run(&folder.join("node"))?;
    Command::new("python3", &["-m", "venv", "env"]).run(&folder.join("python"))?;
    let pip = ["-m", "pip", "install", "--quiet", "-r", "requirements.txt"];
    Command::new("env/bin/python", &pip).run(&folder.join("python"))
}

/// The report of one server. Its exit status says only whether something fails, and most do.
fn check(program: &Path, folder: &Path, subject: &Subject) -> Result<Value, Failure> {
    let (mut server, url) = start(folder, subject)?;
    let orders = format!("{url}/orders");
    let mut check = Process::new(program);
    check.args(["check", &orders, "--body", BODY, "--count", &orders, "/total"]);
    check.args(["--credential", "Authorization: Bearer a", "Authorization: Bearer b"]);
    let output = check.args(["--patience", "10s", "--json"]).stderr(Stdio::inherit()).output();
    // Whatever came of it; one that has ended by itself is gone all the same.
    let _ = server.kill().and_then(|()| server.wait());
    let failed = |why: String| Failure::new(format!("{}: {why}", subject.name), AGAIN);
    let output = output.map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))
}

fn start(folder: &Path, subject: &Subject) -> Result<(Child, String), Failure> {
    let folder = folder.join(subject.language.folder());
    let (program, script) = match subject.language {
        Language::Node => ("node".into(), "server.js"),
        Language::Python => (folder.join("env/bin/python"), "server.py"),
    };
    let failed = |why: String| Failure::new(format!("{}: {why}", subject.name), AGAIN);
    let mut server = Process::new(program)
        .args([script, subject.name])
        .current_dir(&folder)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut line = String::new();
    if let Some(out) = server.stdout.take() {
        let read = BufReader::new(out).read_line(&mut line);
        read.map_err(|error| failed(error.to_string()))?;
    }
    match line.trim().strip_prefix("listening on ") {
        Some(url) => Ok((server, url.to_owned())),
        None => Err(failed("it does not start".to_owned())),
    }
}

impl Language {
    fn folder(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Python => "python",
        }
    }
}

impl Subject {
    /// Name and version, the latter as it is pinned.
    fn label(&self, root: &Path) -> Result<String, Failure> {
        if self.name == "textbook" {
            return Ok("a `Map`, as in textbooks".to_owned());
        }
        let pinned = match self.language {
            Language::Node => ("conformance/node/package.json", format!("\"{}\": \"", self.name)),
            Language::Python => ("conformance/python/requirements.txt", format!("{}==", self.name)),
        };
        let (file, before) = pinned;
        let text = fs::read_to_string(root.join(file))
            .map_err(|error| Failure::new(format!("{file}: {error}"), AGAIN))?;
        let version = text.lines().find_map(|line| line.trim().strip_prefix(&before));
        let version = version.unwrap_or_default().trim_end_matches([',', '"']);
        Ok(format!("{} {version}", self.name))
    }
}

/// Id and verdict of each requirement.
fn verdicts(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let requirements = report["requirements"].as_array().into_iter().flatten();
    requirements.map(|found| (text(&found["id"]), text(&found["verdict"]))).collect()
}

/// A row for each requirement, a column for each package.
fn table(columns: &[(String, Vec<(String, String)>)]) -> String {
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let mut table = format!("| | {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len() + 1));
    let rows = columns.first().map_or(0, |(_, verdicts)| verdicts.len());
    for row in 0..rows {
        let cells: Vec<String> = columns
            .iter()
            .map(|(_, verdicts)| match verdicts[row].1.as_str() {
                "fail" => "**fail**".to_owned(),
                verdict => verdict.to_owned(),
            })
            .collect();
        table.extend(["| `", &columns[0].1[row].0, "` | ", &cells.join(" | "), " |\n"]);
    }
    table
}

fn write(root: &Path, table: &str) -> Result<(), Failure> {
    let failed = |why: String| Failure::new(format!("{PAGE}: {why}"), AGAIN);
    let page = fs::read_to_string(root.join(PAGE)).map_err(|error| failed(error.to_string()))?;
    let page = replaced(&page, table).ok_or_else(|| failed("has no place for it".to_owned()))?;
    fs::write(root.join(PAGE), page).map_err(|error| failed(error.to_string()))
}

/// The page with another table between the marks.
fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}\n\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_requirement() {
        let column = |name: &str, verdict: &str| {
            (name.to_owned(), vec![("replay".to_owned(), verdict.to_owned())])
        };
        assert_eq!(
            table(&[column("a 1.0", "pass"), column("b 2.0", "fail")]),
            "| | a 1.0 | b 2.0 |\n| --- | --- | --- |\n| `replay` | pass | **fail** |\n"
        );
    }

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = format!("before\n{START}\nold\n{END}\nafter\n");
        let new = format!("before\n{START}\n\nnew\n\n{END}\nafter\n");
        assert_eq!(replaced(&page, "new\n"), Some(new));
        assert_eq!(replaced("no marks", "new"), None);
    }
}
